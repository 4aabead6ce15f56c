// @ts-check
// The server's HTTP API, version 1: one function for each thing the page asks of it.

import { t } from "./words.js";

/**
 * @import { Job, Options, Photo, Pieces, Settings } from "./types.js"
 * @typedef {{ id: string, photos: string[] }} Shelf the photographs that several devices share, by their ids
 * @typedef {{ json?: unknown, body?: BodyInit, type?: string, signal?: AbortSignal, key?: string }} Sent `key`: sent twice with it, it is done once
 */

const AGAIN_AFTER_MS = 700;
const ROOT = new URL("api/v1", document.baseURI).pathname; // the page may lie in a folder of its server

/**
 * A sentence of the server's without what concerns whoever runs it: a visitor sets no variables there.
 * @param {string} detail
 */
function forVisitors(detail) {
  const parts = detail.split(/(?<=[.;])\s+/).filter((part) => !part.includes("UNFADE_"));
  return parts.join(" ").replace(/;$/, ".") || detail;
}

/** What the server refused, in its own sentence. */
export class Refusal extends Error {
  /**
   * @param {number} status 0 if the server could not be reached
   * @param {string} code
   * @param {string} detail
   * @param {number} retryAfterS 0 if it did not say when to come again
   */
  constructor(status, code, detail, retryAfterS) {
    super(forVisitors(detail));
    this.status = status;
    this.code = code;
    this.retryAfterS = retryAfterS;
  }
}

const unreachable = () => new Refusal(0, "unreachable", t("server.unreachable"), 0);

/** @type {(() => Promise<void>) | null} */
let askForToken = null; // resolves once the person has signed in

/**
 * What to do when the server wants its token in the middle of things (its cookie has run out); what was asked is then asked again.
 * @param {() => Promise<void>} act
 */
export const whenTokenIsNeeded = (act) => (askForToken = act);

/** @param {Response} response */
async function refusalOf(response) {
  /** @type {{ detail?: string, code?: string }} */
  let problem = {};
  try {
    problem = await response.json();
  } catch {
    // Not every proxy answers in JSON; the status then has to say it.
  }
  const detail = problem.detail || t("server.status", { status: String(response.status) });
  return new Refusal(response.status, problem.code || "", detail, Number(response.headers.get("Retry-After")) || 0);
}

/**
 * @param {string} method
 * @param {string} path
 * @param {Sent} [sent]
 * @returns {Promise<Response>}
 */
async function ask(method, path, { json, body, type, signal, key } = {}) {
  /** @type {Record<string, string>} */
  const headers = {};
  if (json !== undefined) headers["Content-Type"] = "application/json";
  if (type) headers["Content-Type"] = type;
  if (key) headers["Idempotency-Key"] = key;
  let response;
  try {
    response = await fetch(ROOT + path, { method, headers, body: json === undefined ? body : JSON.stringify(json), signal });
  } catch (error) {
    if (/** @type {Error} */ (error).name === "AbortError") throw error;
    throw unreachable();
  }
  if (response.status === 401 && askForToken && path !== "/session") {
    await askForToken();
    return ask(method, path, { json, body, type, signal, key });
  }
  if (!response.ok) throw await refusalOf(response);
  return response;
}

/**
 * What the server answers, as JSON.
 * @param {string} method
 * @param {string} path
 * @param {Sent} [sent]
 * @returns {Promise<any>} of the shape that the caller names
 */
const answer = async (method, path, sent) => (await ask(method, path, sent)).json();

/**
 * What makes something on the server. A line that breaks leaves open whether it was made: it is sent again, and done once.
 * @param {string} path
 * @param {Sent} [sent]
 * @returns {Promise<any>}
 */
async function make(path, sent) {
  const key = newKey();
  try {
    return await answer("POST", path, { ...sent, key });
  } catch (error) {
    if (!(error instanceof Refusal) || error.status !== 0) throw error;
    await new Promise((resolve) => setTimeout(resolve, AGAIN_AFTER_MS));
    return answer("POST", path, { ...sent, key });
  }
}

/** @returns {Promise<{ token_needed: boolean, signed_in: boolean, shelf: string | null }>} `shelf`: of all who know the token */
export const session = () => answer("GET", "/session");
/** @param {string} token */
export const signIn = (token) => ask("POST", "/session", { json: { token } });
/** @returns {Promise<Settings>} */
export const settings = () => answer("GET", "/settings");

/**
 * @param {string[]} ids
 * @returns {Promise<Photo[]>}
 */
export const photos = async (ids) => (await answer("POST", "/photos/query", { json: { ids } })).photos;
/** @param {string} id */
export const deletePhoto = (id) => ask("DELETE", `/photos/${id}`);
/** @returns {Promise<Shelf>} */
export const makeShelf = () => make("/shelves");
/**
 * @param {string} id
 * @returns {Promise<Shelf>}
 */
export const shelf = (id) => answer("GET", `/shelves/${id}`);
/**
 * @param {string} id
 * @param {{ add?: string[], remove?: string[] }} change
 * @returns {Promise<Shelf>}
 */
export const changeShelf = (id, change) => answer("POST", `/shelves/${id}`, { json: change });
/** @param {string} id */
export const deleteShelf = (id) => ask("DELETE", `/shelves/${id}`);
/** @param {string} id */
export const shelfCodeUrl = (id) => `${ROOT}/shelves/${id}/code`;
/**
 * @param {string} jobId
 * @param {string} kind
 */
export const shareUrl = (jobId, kind) => `${ROOT}/jobs/${jobId}/share?kind=${kind}`;
/**
 * Keep a photograph for another time as long as the server's; gives it.
 * @param {string} id
 * @returns {Promise<Photo>}
 */
export const keepPhoto = (id) => answer("POST", `/photos/${id}/keep`);
/**
 * @param {string} photoId
 * @param {Partial<Options>} options those that are not named are the server's
 * @returns {Promise<Job>}
 */
export const startJob = (photoId, options) => make(`/photos/${photoId}/jobs`, { json: options });
/**
 * The results of an archive, the riskiest first.
 * @param {string} which
 * @param {number} limit
 * @param {number} offset
 * @returns {Promise<{ open: number, held: number, accepted: number, refused: number, entries: import("./types.js").ArchiveEntry[] }>}
 */
export const archive = (which, limit, offset) => answer("GET", `/archive?which=${which}&limit=${limit}&offset=${offset}`);
/**
 * @param {number} id
 * @param {"accepted" | "refused" | null} decision
 * @param {string} made of the result that was seen: a newer one is not decided about
 * @returns {Promise<import("./types.js").ArchiveEntry>}
 */
export const decide = (id, decision, made) => answer("POST", `/archive/results/${id}/decision`, { json: { decision, made } });
/**
 * @param {string} thing
 * @returns {Promise<{ width: number, height: number }>}
 */
export const tiles = (thing) => answer("GET", `/${thing}/tiles`);

/** @param {string} id */
export const deleteJob = (id) => ask("DELETE", `/jobs/${id}`);

/**
 * @param {string} photoId
 * @param {Options & { strokes?: object[] }} options with brush work over the mask
 * @param {number} sidePx
 * @param {AbortSignal} signal
 */
export const preview = async (photoId, options, sidePx, signal) =>
  (await ask("POST", `/photos/${photoId}/preview`, { json: { ...options, side_px: sidePx }, signal })).blob();

/**
 * @param {string} photoId
 * @param {string} maskId
 */
const maskPath = (photoId, maskId) => `/photos/${photoId}/masks/${maskId}`;
/**
 * A layer to lie on the photograph: a mask in a color; without one, how far what was repaired is from anything known.
 * @param {string} photoId
 * @param {string} maskId
 * @param {number} sidePx
 * @param {string | null} [color] rrggbb
 */
export async function maskLayer(photoId, maskId, sidePx, color = null) {
  const wanted = color ? `?overlay=${color}&side_px=${sidePx}` : `/depth?side_px=${sidePx}`;
  return createImageBitmap(await (await ask("GET", maskPath(photoId, maskId) + wanted)).blob());
}
/**
 * @param {string} photoId
 * @param {string} maskId
 * @returns {Promise<Pieces>}
 */
export const maskObjects = (photoId, maskId) => answer("GET", `${maskPath(photoId, maskId)}/objects?limit=2000`);
/**
 * @param {string} photoId
 * @param {string} maskId
 * @param {number} x
 * @param {number} y
 * @param {number} radiusPx
 * @returns {Promise<{ object: number | null }>}
 */
export const maskAt = (photoId, maskId, x, y, radiusPx) =>
  answer("GET", `${maskPath(photoId, maskId)}/at?x=${x.toFixed(2)}&y=${y.toFixed(2)}&radius_px=${radiusPx.toFixed(2)}`);
/**
 * @param {string} photoId
 * @param {string} maskId
 * @param {object} edit
 * @returns {Promise<{ id: string }>}
 */
export const editMask = (photoId, maskId, edit) => make(`${maskPath(photoId, maskId)}/edits`, { json: edit });
/**
 * The prints on a scan: the corners of each, and of the picture proper in it.
 * @param {string} photoId
 * @returns {Promise<{ prints: { corners: [number, number][], picture: [number, number][], sure: boolean }[], doubt: string | null }>}
 */
export const prints = (photoId) => answer("POST", `/photos/${photoId}/prints`);
/**
 * Which way a part of a photograph is up: by how many degrees clockwise it is to be turned, and whether that is sure.
 * @param {string} photoId
 * @param {[number, number][] | null} corners of the part; null: the whole
 * @returns {Promise<{ turn: number, probability: number, sure: boolean }>}
 */
export const up = (photoId, corners) => answer("POST", `/photos/${photoId}/up`, { json: { corners } });
/**
 * A part of a photograph, as a new one.
 * @param {string} photoId
 * @param {{ corners: [number, number][] | null, turn: number, number?: number }} part
 * @returns {Promise<Photo>}
 */
export const cut = (photoId, part) => make(`/photos/${photoId}/cuts`, { json: part });
/**
 * Where a hole could be filled from, best first.
 * @param {string} photoId
 * @param {object} query
 * @returns {Promise<{ sources: { dx: number, dy: number, cost: number }[] }>}
 */
export const sources = (photoId, query) => answer("POST", `/photos/${photoId}/sources`, { json: query });
/**
 * @param {string} photoId
 * @param {object} drawing
 * @returns {Promise<{ id: string }>}
 */
export const drawMask = (photoId, drawing) => make(`/photos/${photoId}/masks/edits`, { json: drawing });
/**
 * @param {string} photoId
 * @param {File} chosen
 * @returns {Promise<{ id: string }>}
 */
export const uploadMask = (photoId, chosen) =>
  make(`/photos/${photoId}/masks?scale=true`, { body: chosen, type: chosen.type || "application/octet-stream" });

/**
 * @param {string} thing
 * @param {number} sidePx
 * @param {string} [made] which of the pictures that were made under this name, one after the other
 */
export const imageUrl = (thing, sidePx, made = "") => `${ROOT}/${thing}/image?side_px=${sidePx}${made && `&made=${made}`}`;
/**
 * @param {string} thing
 * @param {number} level
 * @param {number} column
 * @param {number} row
 * @param {string} [made]
 */
export const tileUrl = (thing, level, column, row, made = "") => `${ROOT}/${thing}/tiles/${level}/${column}/${row}${made && `?made=${made}`}`;
/**
 * @param {string} jobId
 * @param {Record<string, string>} query
 */
export const resultUrl = (jobId, query) => `${ROOT}/jobs/${jobId}/result?${new URLSearchParams(query)}`;
/** @param {string} jobId */
export const recordUrl = (jobId) => `${ROOT}/jobs/${jobId}/record`;
/** @param {string} jobId */
export const jobMaskUrl = (jobId) => `${ROOT}/jobs/${jobId}/mask`;
/** @param {string} photoId */
export const originalUrl = (photoId) => `${ROOT}/photos/${photoId}/original`;
/**
 * A zip of the results of many jobs: where it lies, and what is left out of it.
 * @param {string[]} jobs
 * @param {{ format: string, quality?: number, location?: string }} how
 * @returns {Promise<{ url: string, files: number, left_out: { code: string }[] }>}
 */
export const orderZip = (jobs, how) => make("/zips", { json: { jobs, ...how } });
/** @param {string[]} jobIds */
export const events = (jobIds) => new EventSource(`${ROOT}/events?jobs=${jobIds.join(",")}`);

/**
 * A file as the server gives it: its bytes, its name, and the sentences on what the format could not hold.
 * @param {string} url
 * @returns {Promise<{ blob: Blob, name: string, losses: string[] }>}
 */
export async function file(url) {
  let response;
  try {
    response = await fetch(url);
  } catch {
    throw unreachable();
  }
  if (response.status === 401 && askForToken) {
    await askForToken();
    return file(url);
  }
  if (!response.ok) throw await refusalOf(response);
  const disposition = response.headers.get("Content-Disposition") || "";
  const wide = /filename\*=utf-8''([^;]+)/i.exec(disposition);
  const plain = /filename="([^"]*)"/.exec(disposition);
  const losses = (response.headers.get("X-Unfade-Losses") || "").split(" | ").filter(Boolean);
  return { blob: await response.blob(), name: wide ? decodeURIComponent(wide[1]) : plain ? plain[1] : "photograph", losses };
}

/** A word for one upload that no other has; the photograph's id, too, so nobody may guess it. */
export const newKey = () =>
  btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(24)))).replaceAll("+", "-").replaceAll("/", "_");

/**
 * Upload one photograph. Sent again with the same `key`, it is still one photograph.
 * @param {File} chosen
 * @param {string} key
 * @param {(share: number) => void} onSent gets 0…1
 * @returns {Promise<Photo>}
 */
export async function uploadPhoto(chosen, key, onSent) {
  try {
    return await sendPhoto(chosen, key, onSent);
  } catch (refusal) {
    if (!(refusal instanceof Refusal) || refusal.status !== 401 || !askForToken) throw refusal;
    await askForToken();
    return sendPhoto(chosen, key, onSent);
  }
}

/**
 * XMLHttpRequest, because fetch tells nothing of how far an upload is.
 * @param {File} chosen
 * @param {string} key
 * @param {(share: number) => void} onSent
 * @returns {Promise<Photo>}
 */
function sendPhoto(chosen, key, onSent) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const form = new FormData();
    form.append("file", chosen, chosen.name || "pasted.png");
    request.open("POST", `${ROOT}/photos`);
    request.setRequestHeader("Idempotency-Key", key);
    request.upload.onprogress = (event) => event.lengthComputable && onSent(event.loaded / event.total);
    request.onerror = () => reject(new Refusal(0, "unreachable", t("server.not-reached"), 0));
    request.onload = () => {
      /** @type {any} */
      let body = {};
      try {
        body = JSON.parse(request.responseText);
      } catch {
        // The status says it then.
      }
      if (request.status === 201) resolve(body);
      else reject(new Refusal(request.status, body.code || "", body.detail || t("server.status", { status: String(request.status) }), Number(request.getResponseHeader("Retry-After")) || 0));
    };
    request.send(form);
  });
}
