// @ts-check
// What was painted on a photograph that is not open: once its damage is found, it is put into its mask and filled.
// It is read from where this browser keeps it, so that neither leaving nor a refresh loses a stroke.

import { History, failedFor, firstEdit, isLookedFor, jobFor, optionsOf } from "./edit.js";
import { tellRefused } from "./many.js";
import { bake } from "./maskwork.js";

/**
 * @import { Edit, Entry, Settings } from "./types.js"
 * @import { Library } from "./library.js"
 * @import { Refusal } from "./api.js"
 */

const AGAIN_AFTER_MS = 4000;

export class Afterwards {
  /**
   * @param {Library} library
   * @param {Settings} settings
   * @param {(entry: Entry) => boolean} isOpen whether a photograph is worked on: then that is done there
   */
  constructor(library, settings, isOpen) {
    this.library = library;
    this.settings = settings;
    this.isOpen = isOpen;
    /** @type {Set<Entry>} those that are worked on here */
    this.busy = new Set();
  }

  /**
   * Fill what was painted on a photograph, if anything was; where the damage is looked for first, this is asked again once the job is over.
   * @param {Entry} entry
   */
  async finish(entry) {
    if (this.busy.has(entry)) return; // it looks again by itself
    this.busy.add(entry);
    try {
      while (await this.#fill(entry));
    } catch (error) {
      await tellRefused(this.library, entry, error);
    } finally {
      this.busy.delete(entry);
    }
  }

  /**
   * What is set for a photograph that is not open and has strokes.
   * @param {Entry} entry
   */
  #left(entry) {
    const { photo } = entry;
    if (!photo || this.isOpen(entry) || !this.library.entries.includes(entry)) return null;
    const history = new History(photo.id, firstEdit(photo.jobs.at(-1)?.options || entry.options || this.settings.defaults));
    if (!history.now.strokes.length) return null;
    for (const job of photo.jobs) history.found(job);
    return { photo, history };
  }

  /**
   * @param {Entry} entry
   * @returns {Promise<boolean>} whether there may be more to do
   */
  async #fill(entry) {
    const left = this.#left(entry);
    if (!left) return false;
    const { photo, history: { now } } = left;
    if (isLookedFor(photo, now)) {
      if (jobFor(photo, now) || failedFor(photo, now) || entry.starting) return false;
      await this.#start(entry, now);
      return true;
    }
    const made = await this.#patiently(entry, () => bake(photo.id, now));
    const after = this.#left(entry); // read again: it may have been opened, and painted on, meanwhile
    if (!made || !after?.history.baked(made) || after.history.now.strokes.length) return true;
    if (!jobFor(after.photo, after.history.now)) await this.#start(entry, after.history.now);
    return true;
  }

  /**
   * @param {Entry} entry
   * @param {Edit} edit
   */
  #start(entry, edit) {
    return this.#patiently(entry, () => this.library.startInstead(entry, optionsOf(edit)));
  }

  /**
   * Ask the server, and again if it is busy or just restarting, until the photograph is opened or gone: then null.
   * @template Got
   * @param {Entry} entry
   * @param {() => Promise<Got>} ask
   * @returns {Promise<Got | null>}
   */
  async #patiently(entry, ask) {
    while (!this.isOpen(entry) && this.library.entries.includes(entry)) {
      try {
        return await ask();
      } catch (error) {
        const { status, retryAfterS } = /** @type {Refusal} */ (error);
        if (status !== 0 && status !== 503 && !retryAfterS) throw error;
        await new Promise((resolve) => setTimeout(resolve, Math.max(AGAIN_AFTER_MS, 1000 * retryAfterS)));
      }
    }
    return null;
  }
}
