// @ts-check
// What was painted and is in no mask of the server yet: filled soon after the hand lets go, taken back by undo, and red until the fill is seen.

import { announce, tell } from "./say.js";
import { over } from "./library.js";
import { t } from "./words.js";

/**
 * @import { Stroke } from "./types.js"
 * @import { Refusal } from "./api.js"
 * @import { Session } from "./session.js"
 */

const FILL_AFTER_MS = 600; // time for one more stroke

export class Brushwork {
  /** @param {Session} session */
  constructor(session) {
    this.session = session;
    /** @type {Stroke[]} */
    this.strokes = [];
    /** @type {Stroke[]} in a mask of the server, whose fill is not seen yet */
    this.drying = [];
    this.failed = false;
    /** @type {Promise<void> | null} */
    this.filling = null;
  }

  /** @param {Stroke} stroke one that has ended */
  add(stroke) {
    this.strokes = [...this.strokes, stroke];
    this.failed = false;
    this.session.refresh();
    this.session.later(0); // seen at once; the mask is made when no stroke follows
    clearTimeout(this.session.jobTimer);
    this.fillSoon();
  }

  /** Take the last stroke back. Whether there was one. */
  takeBack() {
    if (!this.strokes.length || this.filling) return false;
    this.strokes = this.strokes.slice(0, -1);
    return true;
  }

  fillSoon() {
    clearTimeout(this.timer);
    if (this.strokes.length && !this.failed && !this.session.ended) this.timer = setTimeout(() => this.fill(), FILL_AFTER_MS);
  }

  /** The fill is seen. */
  dried() {
    if (!this.drying.length) return;
    this.drying = [];
    this.session.stage.changed();
  }

  /** Whether the damage is still being looked for, which the strokes are to be added to. */
  get waits() {
    const { edit, job } = this.session;
    return edit.fill && !edit.mask && (!job || !over(job));
  }

  /** Make the strokes into a mask of the server. */
  async fill() {
    clearTimeout(this.timer);
    if (this.filling) return this.filling;
    if (!this.strokes.length || (this.waits && !this.session.ended)) return;
    this.filling = this.#bake().finally(() => {
      this.filling = null;
      this.fillSoon(); // strokes that came meanwhile
    });
    return this.filling;
  }

  async #bake() {
    const { session } = this;
    const { edit } = session;
    const { strokes } = this;
    this.failed = false;
    try {
      const changes = await session.mask.bake(edit, strokes);
      if (session.edit.mask !== edit.mask || session.edit.keep !== edit.keep || session.edit.dust !== edit.dust) return; // changed meanwhile: once more
      this.drying = [...this.drying, ...strokes];
      this.strokes = this.strokes.slice(strokes.length);
      announce(t("state.painting"));
      session.previews.rename(changes, strokes);
      session.change(changes);
    } catch (error) {
      this.failed = true;
      if (session.ended) return void tell(/** @type {Error} */ (error).message, { wrong: true });
      session.refused(/** @type {Refusal} */ (error));
      session.refresh();
    }
  }
}
