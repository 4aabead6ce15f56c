// @ts-check
// Waiting for a server that says when to come again.

/**
 * @import { Entry } from "./types.js"
 * @import { Library } from "./library.js"
 * @import { Refusal } from "./api.js"
 */

const pause = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Ask the server for something; where it says when to come again, wait, saying so, and ask again. Null once it is not wanted any more.
 * @template Got
 * @param {Library} library
 * @param {Entry} entry
 * @param {() => Promise<Got>} ask
 * @param {() => boolean} isWanted
 * @returns {Promise<Got | null>}
 */
export async function patiently(library, entry, ask, isWanted) {
  for (;;) {
    try {
      const answer = await ask();
      if (isWanted()) entry.waits = null;
      return answer;
    } catch (error) {
      const refusal = /** @type {Refusal} */ (error);
      if (!refusal.retryAfterS) {
        if (isWanted()) entry.waits = null;
        throw refusal;
      }
      for (let left = Math.ceil(refusal.retryAfterS); left > 0 && isWanted(); left -= 1) {
        const begins = !entry.waits;
        entry.waits = { full: refusal.code === "queue-full", left };
        if (begins) library.tell("waits", entry);
        library.tell("photo", entry);
        await pause(1000);
      }
      if (!isWanted()) return null;
    }
  }
}
