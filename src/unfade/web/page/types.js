// @ts-check
// The shapes of what the page's modules hand to each other. Read by tsc alone: see tsconfig.json.

/** @typedef {{ x: number, y: number }} Point */

/** @typedef {{ x: number, y: number, radius_px: number, color: string }} Hint A color that is known, in pixels of the photograph. */

/**
 * What a job is to do, as the API takes it.
 * @typedef {object} Options
 * @property {boolean} fill
 * @property {number} clean
 * @property {boolean} colorize
 * @property {number} strength
 * @property {number} saturation
 * @property {number} liveliness
 * @property {number} suggestion 0: the likeliest colors; others: another guess
 * @property {boolean} force color a photograph that is in color
 * @property {boolean} force_clean bring back tones that look sound
 * @property {number} lightness -1…1, as are the next two: tone by hand
 * @property {number} contrast
 * @property {number} warmth
 * @property {number} sensitivity
 * @property {number | null} largest_dust_px
 * @property {string | null} mask
 * @property {number[]} keep
 * @property {Hint[]} hints
 * @property {Heal[]} heals
 */

/**
 * What is lost under a stroke is taken from the place that lies so many pixels from it; `radius_px` 0: what the points enclose.
 * @typedef {{ points: [number, number][], radius_px: number, dx: number, dy: number }} Heal
 */

/**
 * Brush work, in pixels of the photograph; the points of an area are its outline. `from`: how far away it is healed from; `doubt`: what the server left alone
 * and was marked by hand.
 * @typedef {{ kind: "brush" | "eraser" | "area", radius: number, points: [number, number][], from?: Point, doubt?: string }} Stroke
 */

/** @typedef {{ what: string, box: [number, number, number, number], outline: [number, number][] }} Doubt What a step left alone because it was not sure. */

/**
 * What a person has set for a photograph.
 * @typedef {object} Edit
 * @property {boolean} fill
 * @property {boolean} cleanOn
 * @property {number} clean
 * @property {boolean} colorize
 * @property {number} strength
 * @property {number} saturation
 * @property {number} liveliness
 * @property {number} suggestion
 * @property {boolean} cleanAnyway tones that look sound, too
 * @property {number} lightness -1…1, as are the next two: tone by hand
 * @property {number} contrast
 * @property {number} warmth
 * @property {number} sensitivity
 * @property {number | null} dust
 * @property {string | null} mask
 * @property {number[]} keep
 * @property {Hint[]} hints
 * @property {Heal[]} heals
 * @property {string[]} marked doubts of the server's that were marked by hand
 * @property {Stroke[]} strokes what was painted over the mask and is in none of the server's yet
 */

/**
 * What a step did: a code for what came of it, its numbers, and what it left to a person.
 * @typedef {{ name: string, outcome: string, facts: Record<string, number>, pixels_changed: number, doubts?: Doubt[] }} StepAnswer
 */

/**
 * @typedef {object} Job
 * @property {string} id
 * @property {string} photo_id
 * @property {"queued" | "running" | "done" | "failed" | "cancelled"} state
 * @property {number | null} position
 * @property {number} progress
 * @property {string | null} step
 * @property {{ name: string, progress: number }[]} steps
 * @property {string | null} error
 * @property {Options} options
 * @property {string | null} mask_id
 * @property {{ steps?: StepAnswer[] } | null} result
 */

/**
 * @typedef {object} Photo
 * @property {string} id
 * @property {string} name
 * @property {string} expires
 * @property {number} width
 * @property {number} height
 * @property {number} bits
 * @property {string} format
 * @property {boolean} has_color
 * @property {boolean} has_location
 * @property {Job[]} jobs
 */

/**
 * One connected piece of a mask.
 * @typedef {object} Piece
 * @property {number} id
 * @property {string} kind
 * @property {number} x
 * @property {number} y
 * @property {number} width
 * @property {number} height
 * @property {number} size_px
 * @property {number} area_px
 * @property {[number, number][]} outline
 */

/** @typedef {{ total: number, objects: Piece[] }} Pieces The largest of a mask's pieces, and how many there are in all. */

/**
 * What the page must know of the server.
 * @typedef {object} Settings
 * @property {number} max_upload_bytes
 * @property {number} keep_hours
 * @property {boolean} drop_location
 * @property {Record<string, { name: string, version: string } | null>} models
 * @property {Options} defaults
 */

/** @typedef {{ full: boolean, left: number }} Waits How long the server is waited for: `full`, for a place in its queue; `left`, in seconds. */

/**
 * A photograph on the shelf, uploaded or on its way.
 * @typedef {object} Entry
 * @property {string} key its photograph's id, once there is one
 * @property {Photo | null} photo
 * @property {string | null} local an object URL
 * @property {string} name
 * @property {number} sent 0…1
 * @property {string | null} failed
 * @property {boolean} [final] of no use to try again
 * @property {boolean} [away] nothing answered: it goes on by itself
 * @property {Waits | null} [waits]
 * @property {File | null} chosen
 * @property {boolean} [kept] a refresh finds it
 * @property {boolean} [lost] a refresh did not
 * @property {boolean} [starting] its first job is being asked for
 * @property {Options} [options]
 * @property {symbol | null} [turn]
 */

/** @typedef {{ width: number, height: number, draw(context: CanvasRenderingContext2D, scale: number, area: Area): void }} Picture */

/** @typedef {{ x: number, y: number, width: number, height: number }} Area */

/**
 * What a hand does with the photograph; places are in its pixels.
 * @typedef {object} Tool
 * @property {string} cursor
 * @property {(point: Point, alt?: boolean) => void} down `alt`: that key is held
 * @property {(point: Point) => void} [move]
 * @property {() => void} [up]
 * @property {(point: Point) => void} [hover]
 * @property {() => void} [leave]
 * @property {() => void} [cancel]
 * @property {(key: string) => boolean} [key] a key of the keyboard, before the view takes it; whether it did anything
 * @property {(context: CanvasRenderingContext2D, scale: number) => void} [overlay] what is drawn over the photograph, in its pixels, while it is used
 */

export {};

/**
 * A result of an archive, to be reviewed.
 * @typedef {object} ArchiveEntry
 * @property {number} id
 * @property {string} made another word once the result is made anew
 * @property {string} name
 * @property {number} risk 0…1
 * @property {string[]} reasons the strongest first
 * @property {string[]} notes
 * @property {"delivered" | "held" | "refused"} place
 * @property {"accepted" | "refused" | null} decision
 */
