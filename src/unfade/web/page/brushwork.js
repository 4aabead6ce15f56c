// @ts-check
// What was painted and is in no mask of the server yet: filled soon after the hand lets go, and red until the fill is seen.

import * as api from "./api.js";
import { isLookedFor } from "./edit.js";
import { worthAgain } from "./line.js";
import { bake, healsOf, inPieces } from "./maskwork.js";
import { announce } from "./say.js";
import { t } from "./words.js";

/**
 * @import { Edit, Point, Stroke } from "./types.js"
 * @import { Refusal } from "./api.js"
 * @import { Session } from "./session.js"
 */

const FILL_AFTER_MS = 600; // time for one more stroke

export class Brushwork {
  /** @param {Session} session */
  constructor(session) {
    this.session = session;
    /** @type {Stroke[]} in a mask of the server, whose fill is not seen yet */
    this.drying = [];
    this.failed = false;
    this.isAway = false; // nothing answered, and it goes on by itself
    this.tries = 0; // since anything was filled
    /** @type {Promise<void> | null} */
    this.filling = null;
    /** @type {Stroke[]} what was painted last: it can be filled differently */
    this.latest = [];
    /** @type {{ of: Stroke[], places: Point[] } | null} where else the latest could be filled from */
    this.found = null;
  }

  /** They are part of what is set: undo takes one back, and a refresh keeps them. */
  get strokes() {
    return this.session.edit.strokes;
  }

  /** @param {Stroke} stroke one that has ended */
  add(stroke) {
    this.failed = false;
    this.session.history.takeUp();
    if (stroke.kind !== "eraser") this.latest = [stroke];
    this.session.change({ strokes: [...this.strokes, stroke] });
  }

  /** @param {Edit} before what was set before an undo or redo */
  moved({ mask, strokes }) {
    this.failed = false;
    if (mask !== this.session.edit.mask || strokes !== this.strokes) this.latest = [];
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

  /** Fill when no stroke follows. Whether there is something that can be filled now. */
  fillSoon() {
    clearTimeout(this.timer);
    if (!this.#isDue || this.failed) return false;
    this.timer = setTimeout(() => this.fill(), FILL_AFTER_MS);
    return true;
  }

  /** Nothing is filled by itself for now. */
  pause() {
    clearTimeout(this.timer);
  }

  /** The fill is seen. */
  dried() {
    if (!this.drying.length) return;
    this.drying = [];
    this.session.stage.changed();
  }

  /** Whether there are strokes that can be made into a mask now: the damage that they are added to is found. */
  get #isDue() {
    const { photo, edit, ended } = this.session;
    return edit.strokes.length > 0 && !isLookedFor(photo, edit) && !ended;
  }

  /** Make the strokes into a mask of the server. */
  async fill() {
    clearTimeout(this.timer);
    if (this.filling) return this.filling;
    if (!this.#isDue) return;
    this.filling = this.#bake().finally(() => {
      this.filling = null;
      this.fillSoon(); // strokes that came meanwhile
    });
    return this.filling;
  }

  async #bake() {
    const { session } = this;
    this.failed = false;
    try {
      const made = await bake(session.photo.id, session.edit);
      this.tries = 0;
      if (session.ended) return; // see Afterwards
      const before = session.edit;
      if (!session.history.baked(made)) return session.refresh(); // taken back meanwhile, or over another mask now
      this.drying = [...this.drying, ...made.strokes];
      announce(t("state.painting"));
      session.previews.rename(before, session.edit);
      session.changed();
    } catch (error) {
      if (session.ended) return;
      const refusal = /** @type {Refusal} */ (error);
      this.failed = this.strokes.length > 0; // they may have been taken back meanwhile
      if (refusal.status !== 0 || !this.tries) session.refused(refusal);
      if (refusal.status === 0) this.#goOnLater();
      session.refresh();
    }
  }

  /** Nothing answered: what failed is filled once it is worth asking again. */
  async #goOnLater() {
    if (this.isAway) return;
    this.isAway = true;
    const isTime = await worthAgain(this.tries, this.session.signal);
    this.isAway = false;
    this.tries += 1;
    if (isTime && this.failed) this.fill();
  }
}
