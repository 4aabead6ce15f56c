// @ts-check
// What a person wants done to a photograph, as one value that never changes, so that all of it can be undone.

import { EDITS } from "./library.js";
import { healOf } from "./maskwork.js";
import { forget, recall, remember, textOf } from "./storage.js";

/**
 * @import { Edit, Heal, Options, Photo, Job, Stroke } from "./types.js"
 * @import { Baked } from "./maskwork.js"
 */

const MERGE_MS = 900;
const MAX_STEPS = 100;

/**
 * As a photograph starts.
 * @param {Options} options
 * @returns {Edit}
 */
export const firstEdit = (options) => ({
  fill: options.fill,
  cleanOn: options.clean > 0,
  clean: options.clean || 1,
  colorize: options.colorize,
  strength: options.strength,
  saturation: options.saturation,
  liveliness: options.liveliness,
  suggestion: options.suggestion || 0,
  cleanAnyway: options.force_clean || false,
  lightness: options.lightness || 0,
  contrast: options.contrast || 0,
  warmth: options.warmth || 0,
  sensitivity: options.sensitivity,
  dust: options.largest_dust_px,
  mask: options.mask,
  keep: options.keep,
  hints: options.hints,
  heals: options.heals || [],
  marked: [],
  strokes: [],
});

/**
 * What the API takes. Color that is switched on is put in whatever the photograph is: a toned one, its tones brought back, may look like one in color.
 * @param {Edit} edit
 * @returns {Options}
 */
export const optionsOf = (edit) => ({
  fill: edit.fill,
  clean: edit.cleanOn ? edit.clean : 0,
  colorize: edit.colorize,
  strength: edit.strength,
  saturation: edit.saturation,
  liveliness: edit.liveliness,
  suggestion: edit.suggestion || 0,
  force: edit.colorize,
  force_clean: edit.cleanOn && edit.cleanAnyway,
  lightness: edit.lightness,
  contrast: edit.contrast,
  warmth: edit.warmth,
  sensitivity: edit.sensitivity,
  largest_dust_px: edit.dust,
  mask: edit.fill ? edit.mask : null,
  keep: edit.fill && edit.mask ? edit.keep : [],
  hints: edit.hints,
  heals: edit.fill && edit.mask ? edit.heals : [],
});

/**
 * Options that give the same picture give the same text.
 * @param {Options} options
 * @param {string | null} maskId what a job that looked for damage found
 */
export function meaning(options, maskId = null) {
  const { fill, clean, colorize, strength, saturation, liveliness, sensitivity, largest_dust_px: dust, hints, force, force_clean: anyway } = options;
  const mask = options.mask ?? maskId;
  return JSON.stringify({
    clean: clean && { clean, anyway: Boolean(anyway) },
    tone: [options.lightness || 0, options.contrast || 0, options.warmth || 0],
    fill: fill && (mask ? { mask, keep: [...options.keep].sort((a, b) => a - b), dust, heals: (options.heals || []).map(healText) } : { sensitivity, dust }),
    color: colorize && { strength, saturation, liveliness, suggestion: options.suggestion || 0, force, hints: hints.map(({ x, y, radius_px: r, color }) => [x, y, r, color]) },
  });
}

/** @param {Heal} heal */
const healText = ({ points, radius_px: radius, dx, dy }) => JSON.stringify([points, radius, dx, dy]);

/**
 * The newest job of the photograph, done or on its way, that shows this edit.
 * @param {Photo} photo
 * @param {Edit} edit
 * @returns {Job | null}
 */
export function jobFor(photo, edit) {
  const options = optionsOf(edit);
  const wanted = meaning(options);
  return [...photo.jobs].reverse().find(
    (job) => job.state !== "failed" && job.state !== "cancelled"
      && (meaning(job.options, job.mask_id) === wanted || meaning(job.options) === wanted),
  ) || null;
}

/**
 * The photograph's last job, if it shows this edit and failed.
 * @param {Photo} photo
 * @param {Edit} edit
 * @returns {Job | null}
 */
export function failedFor(photo, edit) {
  const last = photo.jobs.at(-1);
  return last?.state === "failed" && meaning(last.options) === meaning(optionsOf(edit)) && !jobFor(photo, edit) ? last : null;
}

/**
 * Whether the damage is still to be found that the strokes of this edit are to be added to.
 * @param {Photo} photo
 * @param {Edit} edit
 */
export const isLookedFor = (photo, edit) => edit.fill && !edit.mask && jobFor(photo, edit)?.state !== "done";

/**
 * Edits as they are kept. Each stroke lies there once: with every stroke that is painted comes an edit that has all of those before.
 * @typedef {Omit<Edit, "strokes"> & { strokes?: number[] }} Packed
 * @typedef {{ strokes?: Stroke[], past: Packed[], now: Packed, future: Packed[] }} Kept
 */

/** Undo and redo over edits, kept in this browser for as long as the photograph is. */
export class History {
  /**
   * @param {string} photoId
   * @param {Edit} first
   */
  constructor(photoId, first) {
    this.key = `${EDITS}${photoId}`;
    this.first = first;
    this.now = first;
    /** @type {Edit[]} */
    this.past = [];
    /** @type {Edit[]} */
    this.future = [];
    /** @type {string | null} */
    this.mergeKey = null;
    this.mergedAt = 0;
    this.isNews = false; // another tab changed it
    this.#read();
  }

  #read() {
    this.text = textOf(this.key);
    const kept = recall(this.key, /** @type {Kept | null} */ (null));
    const strokesOf = (/** @type {Packed | undefined} */ edit) => (edit?.strokes || []).flatMap((at) => kept?.strokes?.[at] || []);
    const whole = (/** @type {Packed} */ edit) => ({ ...edit, heals: edit.heals || [], marked: edit.marked || [], strokes: strokesOf(edit) }); // of a page that was older
    this.past = (kept?.past || []).map(whole);
    this.now = { ...this.first, ...kept?.now, strokes: strokesOf(kept?.now) };
    this.future = (kept?.future || []).map(whole);
    this.mergeKey = null;
  }

  /** Another tab may have changed it since it was read or written here: go on from there. */
  takeUp() {
    const text = textOf(this.key);
    if (text === null || text === this.text) return;
    this.#read();
    this.isNews = true;
  }

  /**
   * A new edit. The same `mergeKey` in quick succession is one step (a slider on its way). Whether anything is other than before.
   * @param {Partial<Edit>} changes
   * @param {string | null} mergeKey
   */
  push(changes, mergeKey = null) {
    this.takeUp();
    const next = { ...this.now, ...changes };
    if (JSON.stringify(next) === JSON.stringify(this.now)) return false;
    const merges = mergeKey && mergeKey === this.mergeKey && Date.now() - this.mergedAt < MERGE_MS;
    if (!merges) this.past = [...this.past, this.now].slice(-MAX_STEPS);
    this.now = next;
    this.future = [];
    this.mergeKey = mergeKey;
    this.mergedAt = Date.now();
    this.save();
    return true;
  }

  undo() {
    this.takeUp();
    if (!this.past.length) return false;
    this.future = [this.now, ...this.future];
    this.now = this.past[this.past.length - 1];
    this.past = this.past.slice(0, -1);
    this.mergeKey = null;
    this.save();
    return true;
  }

  redo() {
    this.takeUp();
    if (!this.future.length) return false;
    this.past = [...this.past, this.now];
    [this.now, ...this.future] = this.future;
    this.mergeKey = null;
    this.save();
    return true;
  }

  /**
   * Puts the mask that a job found into every edit (past, now, future) of the same sensitivity, so that undo shows the same picture.
   * @param {Job} job
   */
  found({ state, options, mask_id: mask }) {
    if (state !== "done" || !mask || options.mask) return;
    this.#rewrite((edit) => (edit.mask === null && edit.sensitivity === options.sensitivity ? { ...edit, mask } : edit));
  }

  /**
   * Puts the mask that strokes are in now into every edit that begins with them. Whether that of now is one: they may have been taken back meanwhile.
   * @param {Baked} made
   */
  baked({ from, strokes, mask }) {
    this.takeUp();
    const { now } = this;
    const text = JSON.stringify(strokes);
    const isOver = (/** @type {Edit} */ edit) => edit.fill === from.fill && edit.mask === from.mask && edit.dust === from.dust && String(edit.keep) === String(from.keep);
    const begins = (/** @type {Edit} */ edit) => isOver(edit) && JSON.stringify(edit.strokes.slice(0, strokes.length)) === text;
    this.#rewrite((edit) => (begins(edit) ? {
      ...edit, mask, keep: [], dust: null, fill: true,
      strokes: edit.strokes.slice(strokes.length),
      heals: [...edit.heals, ...strokes.flatMap(healOf)],
      marked: [...edit.marked, ...strokes.flatMap(({ doubt }) => doubt || [])],
    } : edit));
    return this.now !== now;
  }

  /** @param {(edit: Edit) => Edit} take */
  #rewrite(take) {
    this.takeUp();
    const all = [...this.past, this.now, ...this.future];
    if (all.every((edit) => take(edit) === edit)) return; // a text that only looks other would be news to another tab
    this.past = this.past.map(take);
    this.now = take(this.now);
    this.future = this.future.map(take);
    this.save();
  }

  save() {
    const [past, future] = [this.past.slice(-30), this.future.slice(0, 30)];
    const strokes = [...new Set([...past, this.now, ...future].flatMap((edit) => edit.strokes))];
    const packed = (/** @type {Edit} */ edit) => ({ ...edit, strokes: edit.strokes.map((stroke) => strokes.indexOf(stroke)) });
    remember(this.key, /** @type {Kept} */ ({ strokes, past: past.map(packed), now: packed(this.now), future: future.map(packed) }));
    this.text = textOf(this.key);
  }

  /** @param {string} photoId */
  static forget(photoId) {
    forget(`${EDITS}${photoId}`);
  }
}
