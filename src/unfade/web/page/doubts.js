// @ts-check
// What the server left alone because it was not sure that it is damage: shown on the photograph, and marked by a tap or a button.

import { $, make } from "./dom.js";
import { t } from "./words.js";

/**
 * @import { Doubt, Point } from "./types.js"
 * @import { Session } from "./session.js"
 */

/** @param {Doubt} doubt */
const keyOf = ({ box }) => box.join(",");

/** @param {Doubt} doubt @returns {[number, number][]} what is marked if it is damage */
const pointsOf = ({ outline, box: [left, top, right, bottom] }) => (outline.length > 2 ? outline : [[left, top], [right, top], [right, bottom], [left, bottom]]);

/** @param {Doubt} doubt */
const pathOf = (doubt) => {
  const path = new Path2D();
  pointsOf(doubt).forEach(([x, y], at) => (at ? path.lineTo(x, y) : path.moveTo(x, y)));
  path.closePath();
  return path;
};

export class Doubts {
  /** @param {Session} session */
  constructor(session) {
    this.session = session;
    this.isShown = false;
    /** @type {string | null} the one that is pointed at */
    this.pointed = null;
    this.drawn = "";
  }

  /** Those that nobody has marked yet, of the job that looked for damage as it is looked for now. */
  get open() {
    const { photo, edit } = this.session;
    const looked = photo.jobs.findLast(({ state, options }) => state === "done" && !options.mask && options.sensitivity === edit.sensitivity);
    const doubts = looked?.result?.steps?.find(({ name }) => name === "damage")?.doubts || [];
    return edit.fill ? doubts.filter((doubt) => !edit.marked.includes(keyOf(doubt)) && !this.session.brushwork.strokes.some((stroke) => stroke.doubt === keyOf(doubt))) : [];
  }

  /** @param {Doubt} doubt it is damage */
  mark(doubt) {
    this.session.brushwork.add({ kind: "area", radius: 0, points: pointsOf(doubt), doubt: keyOf(doubt) });
  }

  /** Show them on the photograph, or no longer. */
  toggle() {
    this.isShown = !this.isShown;
    if (this.isShown) this.session.controls.open("damage");
    this.session.answers.draw();
    this.session.stage.changed();
  }

  /**
   * The one at a place that is shown there.
   * @param {Point} point
   */
  at({ x, y }) {
    if (!this.isShown) return undefined;
    const context = /** @type {CanvasRenderingContext2D} */ (document.createElement("canvas").getContext("2d"));
    return this.open.find((doubt) => context.isPointInPath(pathOf(doubt), x, y, "evenodd"));
  }

  /** The list, in the dials of the repair. */
  drawList() {
    const { open } = this;
    const drawn = JSON.stringify(open.map(keyOf));
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    $("doubts").hidden = !open.length;
    $("doubts-list").replaceChildren(...open.map((doubt) => {
      const [left, top, right, bottom] = doubt.box;
      const mark = make("button", { type: "button", className: "quiet", textContent: t("doubt.mark") });
      mark.addEventListener("click", () => this.mark(doubt));
      const item = make("li", {}, make("span", { textContent: t("doubt.one", { n: Math.max(right - left, bottom - top) }) }), mark);
      for (const [event, on] of /** @type {[string, boolean][]} */ ([["pointerenter", true], ["focusin", true], ["pointerleave", false], ["focusout", false]])) {
        item.addEventListener(event, () => {
          this.pointed = on ? keyOf(doubt) : null;
          this.session.stage.changed();
        });
      }
      return item;
    }));
  }

  /**
   * @param {CanvasRenderingContext2D} context in photo pixels
   * @param {number} scale
   */
  draw(context, scale) {
    for (const doubt of this.open) {
      const isPointed = this.pointed === keyOf(doubt);
      if (!this.isShown && !isPointed) continue;
      const path = pathOf(doubt);
      context.fillStyle = isPointed ? "rgba(255,190,60,.45)" : "rgba(255,190,60,.22)";
      context.fill(path, "evenodd");
      context.setLineDash([7 / scale, 5 / scale]);
      for (const [color, width] of /** @type {[string, number][]} */ ([["rgba(0,0,0,.6)", 4], ["#ffc23c", 2]])) {
        context.strokeStyle = color;
        context.lineWidth = width / scale;
        context.stroke(path);
      }
      context.setLineDash([]);
    }
  }
}
