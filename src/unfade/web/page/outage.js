// @ts-check
// While nothing answers: uploads and first jobs that failed for want of the network, or have not begun, go on by themselves once it is back.

import { worthAgain } from "./line.js";

/**
 * @import { Entry } from "./types.js"
 * @import { Library } from "./library.js"
 * @import { Refusal } from "./api.js"
 */

/** @param {Entry} entry */
const isAway = (entry) => Boolean(entry.away && entry.failed);

/**
 * Whether a file can be read still: one that was moved away fails like a broken line.
 * @param {File} chosen
 */
export const isReadable = (chosen) => chosen.slice(0, 1).arrayBuffer().then(() => true, () => false);

export class Outage {
  /** @param {Library} library */
  constructor(library) {
    this.library = library;
    this.lasts = false; // no other upload is begun
    this.isWaited = false;
    this.tries = 0; // since anything was taken
  }

  /**
   * Note whether nothing answered: then the entry goes on by itself. Whether that was so before, too.
   * @param {Entry} entry
   * @param {Refusal} refusal
   */
  note(entry, { status }) {
    const wasAway = entry.away;
    entry.away = status === 0;
    if (entry.away) this.#begin();
    return Boolean(wasAway && entry.away);
  }

  /** Wait until something answers. */
  async #begin() {
    this.lasts = true;
    if (this.isWaited) return;
    this.isWaited = true;
    const { library } = this;
    let here = null;
    while (!here) {
      await worthAgain(this.tries);
      this.tries += 1;
      here = await library.find(library.entries.filter(isAway).map(({ key }) => key)).catch(() => null);
    }
    this.isWaited = this.lasts = false;
    for (const entry of library.entries.filter(isAway).reverse()) library.goOn(entry, here.get(entry.key) || null);
    library.pump();
  }
}
