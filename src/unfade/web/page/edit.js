// @ts-check
// What a person wants done to a photograph, as one value that never changes, so that all of it can be undone.

import { EDITS } from "./library.js";
import { forget, recall, remember } from "./storage.js";

/** @import { Edit, Heal, Options, Photo, Job } from "./types.js" */

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

/** Undo and redo over edits, kept in this browser for as long as the photograph is. */
export class History {
  /**
   * @param {string} photoId
   * @param {Edit} first
   */
  constructor(photoId, first) {
    this.key = `${EDITS}${photoId}`;
    const kept = recall(this.key, /** @type {{ past: Edit[], now: Edit, future: Edit[] } | null} */ (null));
    const whole = (/** @type {Edit} */ edit) => ({ ...edit, heals: edit.heals || [], marked: edit.marked || [] }); // of a page that was older
    this.past = (kept?.past || []).map(whole);
    this.now = { ...first, ...kept?.now };
    this.future = (kept?.future || []).map(whole);
    /** @type {string | null} */
    this.mergeKey = null;
    this.mergedAt = 0;
  }

  /**
   * A new edit. The same `mergeKey` in quick succession is one step (a slider on its way). Whether anything is other than before.
   * @param {Partial<Edit>} changes
   * @param {string | null} mergeKey
   */
  push(changes, mergeKey = null) {
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
    if (!this.past.length) return false;
    this.future = [this.now, ...this.future];
    this.now = this.past[this.past.length - 1];
    this.past = this.past.slice(0, -1);
    this.mergeKey = null;
    this.save();
    return true;
  }

  redo() {
    if (!this.future.length) return false;
    this.past = [...this.past, this.now];
    [this.now, ...this.future] = this.future;
    this.mergeKey = null;
    this.save();
    return true;
  }

  /**
   * Puts the found mask into every edit (past, now, future) of the same sensitivity, so that undo shows the same picture.
   * @param {string} maskId
   * @param {number} sensitivity
   */
  found(maskId, sensitivity) {
    const take = (/** @type {Edit} */ edit) => (edit.mask === null && edit.sensitivity === sensitivity ? { ...edit, mask: maskId } : edit);
    this.past = this.past.map(take);
    this.now = take(this.now);
    this.future = this.future.map(take);
    this.save();
  }

  save() {
    remember(this.key, { past: this.past.slice(-30), now: this.now, future: this.future.slice(0, 30) });
  }

  /** @param {string} photoId */
  static forget(photoId) {
    forget(`${EDITS}${photoId}`);
  }
}
