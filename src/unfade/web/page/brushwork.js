// @ts-check
// What was painted and is in no mask of the server yet: filled soon after the hand lets go, taken back by undo, and red until the fill is seen.

import * as api from "./api.js";
import { announce, tell } from "./say.js";
import { over } from "./library.js";
import { healsOf, inPieces } from "./maskwork.js";
import { t } from "./words.js";

/**
 * @import { Point, Stroke } from "./types.js"
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
    /** @type {Stroke[]} what was painted last: it can be filled differently */
    this.latest = [];
    /** @type {{ of: Stroke[], places: Point[] } | null} where else the latest could be filled from */
    this.found = null;
  }

  /** @param {Stroke} stroke one that has ended */
  add(stroke) {
    this.strokes = [...this.strokes, stroke];
    this.failed = false;
    if (stroke.kind !== "eraser") this.latest = [stroke];
    this.session.refresh();
    this.session.later(0); // seen at once; the mask is made when no stroke follows
    clearTimeout(this.session.jobTimer);
    this.fillSoon();
  }

  /** Take the last stroke back. Whether there was one. */
  takeBack() {
    if (!this.strokes.length || this.filling) return false;
    this.strokes = this.strokes.slice(0, -1);
    this.latest = [];
    return true;
  }

  /** Fill what was painted last from another place of the photograph, the next best one; after the last, as at first. */
  async differently() {
    const { session, latest } = this;
    if (!latest.length) return;
    session.tools.help("tool.other-looking");
    try {
      await this.fill();
      const { edit, photo } = session;
      if (!edit.mask || session.ended) return;
      if (this.found?.of !== latest) {
        const { sources } = await api.sources(photo.id, { mask: edit.mask, strokes: latest.flatMap(inPieces) });
        this.found = { of: latest, places: sources.map(({ dx, dy }) => ({ x: dx, y: dy })) };
      }
      if (session.ended) return;
      const { places } = this.found;
      if (!places.length) return session.tools.help("tool.other-none");
      const own = new Set(healsOf(latest, { x: 0, y: 0 }).map(({ points }) => JSON.stringify(points)));
      const [others, now] = [false, true].map((isOwn) => session.edit.heals.filter(({ points }) => own.has(JSON.stringify(points)) === isOwn));
      const at = now.length ? places.findIndex(({ x, y }) => x === now[0].dx && y === now[0].dy) + 1 : 0; // one chosen by hand is in none of the places
      const isLast = now.length > 0 && at >= places.length;
      session.change({ heals: isLast ? others : [...others, ...healsOf(latest, places[at])] });
      const said = isLast ? t("tool.other-first") : t("tool.other-now", { n: at + 1, of: places.length });
      session.tools.say(said);
      announce(said);
    } catch (refusal) {
      session.tools.help(null);
      session.refused(/** @type {Refusal} */ (refusal));
    }
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
