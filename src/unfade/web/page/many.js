// @ts-check
// The same for many photographs: what is set for one, or a switch turned on, for others too.

import { History, firstEdit, jobFor, optionsOf } from "./edit.js";
import { naming, tell } from "./say.js";
import { t } from "./words.js";

/**
 * @import { Edit, Entry } from "./types.js"
 * @import { Library } from "./library.js"
 * @import { Refusal } from "./api.js"
 */

/** @type {(keyof Edit)[]} what makes sense on another photograph: a mask and places in it do not */
const SHARED = ["fill", "cleanOn", "clean", "cleanAnyway", "lightness", "contrast", "warmth", "colorize", "strength", "saturation", "liveliness", "sensitivity"];

/**
 * Change what is set for photographs, so that it can be undone in each, and have them made.
 * @param {Library} library
 * @param {Entry[]} entries
 * @param {(edit: Edit, entry: Entry) => Partial<Edit>} changesFor
 */
export async function changeAll(library, entries, changesFor) {
  for (const entry of entries) {
    const { photo } = entry;
    const options = photo?.jobs.at(-1)?.options || entry.options;
    if (!photo || !options) continue;
    const history = new History(photo.id, firstEdit(options));
    history.push(changesFor(history.now, entry));
    if (jobFor(photo, history.now)) continue;
    try {
      await library.start(entry, optionsOf(history.now));
    } catch (error) {
      await tellRefused(library, entry, error);
    }
  }
}

/**
 * Say what the server refused of one photograph among others. One that it has no longer is dropped without alarm.
 * @param {Library} library
 * @param {Entry} entry
 * @param {unknown} error
 */
export async function tellRefused(library, entry, error) {
  const refusal = /** @type {Refusal} */ (error);
  if (await library.isGone(entry, refusal)) tell(t("photo.gone", { name: entry.name }));
  else tell(naming(entry.name, refusal.message), { wrong: true });
}

/**
 * Do to others what is set for one; those that are in color already keep theirs.
 * @param {Library} library
 * @param {Edit} edit
 * @param {Entry[]} entries
 */
export function shareAmong(library, edit, entries) {
  const shared = Object.fromEntries(SHARED.map((name) => [name, edit[name]]));
  return changeAll(library, entries, (own, { photo }) => ({
    ...shared,
    colorize: edit.colorize && (!photo?.has_color || own.colorize),
    mask: own.sensitivity === edit.sensitivity ? own.mask : null,
    heals: own.sensitivity === edit.sensitivity ? own.heals : [],
  }));
}
