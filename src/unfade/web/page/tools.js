// @ts-check
// What a hand does on the photograph: move it, paint what should go, keep a piece, give a color; and what is drawn over it for that.

import * as api from "./api.js";
import { $, all, button, input, make } from "./dom.js";
import { brushTool, healTool, lassoTool, lineTool } from "./paint.js";
import { announce, tell } from "./say.js";
import { t } from "./words.js";

/**
 * @import { Hint, Point, Tool } from "./types.js"
 * @import { Refusal } from "./api.js"
 * @import { Session } from "./session.js"
 * @import { Key } from "./words.js"
 */

const MAX_HINTS = 500;
const HINT_REACH_PX = 16;
// A given color's radius, in shares of the photograph's shorter side: below the least the model hardly believes it.
const HINT_RANGE = [0.03, 0.2];
/** @type {[string, Key][]} */
const SWATCHES = [
  ["#c98d74", "swatch.skin"], ["#8a5a3c", "swatch.brown"], ["#6d8fb8", "swatch.sky"], ["#2f4a6d", "swatch.navy"], ["#6f8a4e", "swatch.leaf"],
  ["#b5482f", "swatch.brick"], ["#d8b25c", "swatch.straw"], ["#7c7f83", "swatch.gray"], ["#efe9dc", "swatch.cream"],
];
/** @type {Record<string, string>} */
const KEYS = { v: "move", o: "pieces", c: "hint", f: "frame" };
/** @type {Record<string, string>} */
const SHAPE_KEYS = { b: "brush", l: "lasso", i: "line", h: "heal", e: "eraser" };
/** @type {Record<string, Key>} */
const SHAPE_HELP = { brush: "tool.brush-help", lasso: "tool.lasso-help", line: "tool.line-help", heal: "tool.heal-help", eraser: "tool.eraser-help" };

/** @type {Record<string, Key>} */
const HELP = { pieces: "tool.pieces-help", hint: "tool.hint-help", frame: "frame.help" };

export class Tools {
  /** @param {Session} session */
  constructor(session) {
    this.session = session;
    this.name = "move";
    this.shape = "brush";
    /** @type {Point | null} */
    this.pointer = null;
    this.isDeep = false; // how far each repaired place is from anything known is shown
    this.glancing = false; // the damage is shown while its dial is moved
    /** @type {{ at: Point | null, away: Point | null }} the place that is healed from, and how far it lies from the hand once that has begun */
    this.source = { at: null, away: null };
    const { signal } = session;
    for (const choice of all("[data-tool]")) choice.addEventListener("click", () => this.use(choice.dataset.tool || "move"), { signal });
    for (const choice of all("[data-shape]")) choice.addEventListener("click", () => this.paint(choice.dataset.shape), { signal });
    button("heal-from").addEventListener("click", () => this.takeFrom(null), { signal });
    button("fill-other").addEventListener("click", () => session.brushwork.differently(), { signal });
    input("brush-size").addEventListener("input", () => this.point({ ...this.viewer.center }), { signal });
    input("overlay").addEventListener("change", () => this.showDamage(input("overlay").checked), { signal });
    input("hint-color").addEventListener("input", () => this.useColor(input("hint-color").value), { signal });
    $("swatches").replaceChildren(...SWATCHES.map(([color, name]) => {
      const swatch = make("button", { type: "button", className: "swatch", title: t(name), ariaLabel: t(name) });
      swatch.dataset.color = color;
      swatch.style.backgroundColor = color;
      swatch.addEventListener("click", () => this.useColor(color));
      return swatch;
    }));
    this.color = "";
    this.useColor(input("hint-color").dataset.chosen || SWATCHES[0][0]);
    input("overlay").checked = false;
  }

  get viewer() {
    return this.session.stage.viewer;
  }

  /** @param {string} color */
  useColor(color) {
    this.color = color;
    input("hint-color").value = color;
    input("hint-color").dataset.chosen = color; // the next photograph begins with it
    for (const swatch of all(".swatch")) swatch.setAttribute("aria-pressed", String(swatch.dataset.color === color));
    this.session.stage.changed();
  }

  /**
   * Paint, with a shape.
   * @param {string} [shape]
   */
  paint(shape = this.shape) {
    this.shape = shape;
    this.use("paint");
  }

  /** @param {string} name */
  use(name) {
    const before = this.name;
    this.name = name;
    this.pointer = null;
    for (const choice of all("[data-tool]")) choice.setAttribute("aria-pressed", String(choice.dataset.tool === name));
    for (const choice of all("[data-shape]")) choice.setAttribute("aria-pressed", String(choice.dataset.shape === this.shape));
    $("context").hidden = name === "move";
    $("context-paint").hidden = $("context-fill").hidden = name !== "paint";
    $("context-hint").hidden = name !== "hint";
    $("context-frame").hidden = name !== "frame";
    $("context-size").hidden = (name !== "paint" || this.shape === "lasso") && name !== "hint";
    const isHealing = name === "paint" && this.shape === "heal";
    button("heal-from").hidden = !isHealing;
    this.help(isHealing && this.source.at ? "tool.heal-paint" : name === "paint" ? SHAPE_HELP[this.shape] : HELP[name] || null);
    this.drawOther();
    if (name !== "move" && this.session.stage.isSmall) this.session.controls.open(""); // the photograph needs the room
    this.viewer.tool = this.#tool(name);
    // What is worked on is seen whole, without the slider.
    if (name === "move") this.session.stage.view("split");
    else if (name === "frame") this.session.stage.view("before");
    else if (this.viewer.mode === "split" || before === "frame") this.session.stage.view("after");
    this.session.stage.changed();
  }

  /** @param {Key | null} key a word on what to do next */
  help(key) {
    this.say(key ? t(key) : "");
  }

  /** @param {string} sentence */
  say(sentence) {
    $("context-help").textContent = sentence;
  }

  /** Whether there is something that could be filled differently. */
  drawOther() {
    button("fill-other").disabled = !this.session.brushwork.latest.length;
  }

  /** @param {Point | null} point from where the next strokes are healed; null: the next tap says it */
  takeFrom(point) {
    this.source.at = point;
    this.source.away = null;
    this.help(point ? "tool.heal-paint" : "tool.heal-help");
    if (point) announce(t("tool.heal-taken"));
    this.session.stage.changed();
  }

  /** @param {Point | null} point where the hand is */
  point(point) {
    this.pointer = point;
    this.session.stage.changed();
  }

  /** @param {boolean} on whether it is shown how far each repaired place is from anything known */
  showDepth(on) {
    this.isDeep = on;
    if (on) {
      input("overlay").checked = false;
      this.session.mask.measureDepth().catch((refusal) => this.session.refused(refusal));
    }
    this.session.answers.draw();
    this.session.stage.changed();
  }

  /** @param {boolean} on whether the damage is shown on the photograph */
  showDamage(on) {
    input("overlay").checked = on;
    if (on) this.isDeep = false;
    this.session.answers.draw();
    this.session.stage.changed();
  }

  /**
   * @param {string} name
   * @returns {Tool | null}
   */
  #tool(name) {
    if (name === "paint") {
      if (this.shape === "lasso") return lassoTool(this);
      if (this.shape === "heal") return healTool(this);
      return this.shape === "line" ? lineTool(this) : brushTool(this, this.shape === "eraser" ? "eraser" : "brush");
    }
    if (name === "pieces") return this.#pieceTool();
    if (name === "frame") return this.session.framing.tool();
    return name === "hint" ? this.#hintTool() : null;
  }

  /**
   * What a key does, whatever has the focus. Whether it does anything.
   * @param {string} key
   */
  key(key) {
    if (KEYS[key]) this.use(KEYS[key]);
    else if (SHAPE_KEYS[key]) this.paint(SHAPE_KEYS[key]);
    else if (key === "escape" && this.name !== "move") {
      this.viewer.tool?.cancel?.();
      this.use("move");
    } else if (key === "[" || key === "]") {
      input("brush-size").value = String(Number(input("brush-size").value) + (key === "]" ? 5 : -5));
      this.session.stage.changed();
    } else return false;
    return true;
  }

  get #size() {
    return Number(input("brush-size").value) / 100;
  }

  /** The brush's, in pixels of the photograph: from 3 to 160 of the screen's across, so that zooming in makes finer work of it. */
  radius() {
    return (1.5 * 53 ** this.#size) / this.viewer.scale;
  }

  /** That of the next color, in pixels of the photograph. */
  hintRadius() {
    const { width, height } = this.session.photo;
    const [least, most] = HINT_RANGE;
    return Math.max(3, Math.round(Math.min(width, height) * least * (most / least) ** this.#size));
  }

  // ------------------------------------------------------------------ what is drawn over the photograph
  /**
   * @param {CanvasRenderingContext2D} context
   * @param {number} scale
   */
  overlay(context, scale) {
    const { mask, brushwork, edit, doubts } = this.session;
    if (this.name === "frame") return this.viewer.tool?.overlay?.(context, scale);
    doubts.draw(context, scale);
    const erasing = this.name === "paint" && this.shape === "eraser";
    const whole = input("overlay").checked || this.glancing || this.name === "pieces" || erasing || mask.highlighted !== null;
    if (whole) mask.draw(context, scale, { outlines: this.name === "pieces" || mask.highlighted !== null });
    else if (this.isDeep) mask.drawDepth(context);
    else mask.drawStrokes(context, [...brushwork.drying, ...brushwork.strokes]);
    this.viewer.tool?.overlay?.(context, scale);
    if (this.name === "hint") for (const hint of edit.hints) drawHint(context, scale, hint);
    if (!this.pointer || (this.name !== "paint" && this.name !== "hint") || this.shape === "lasso" && this.name === "paint") return;
    const radius = this.name === "hint" ? this.hintRadius() : this.radius();
    ring(context, scale, this.pointer, radius, this.name === "hint" ? this.color : "#fff");
  }

  // ------------------------------------------------------------------ tools that tap
  /**
   * Acts when the finger lifts where it came down, so that two fingers that zoom leave nothing behind.
   * @param {(point: Point) => void} act
   */
  #tapTool(act) {
    /** @type {Point | null} */
    let start = null;
    return {
      down: (/** @type {Point} */ point) => void (start = point),
      move: (/** @type {Point} */ point) => {
        if (start && Math.hypot(point.x - start.x, point.y - start.y) * this.viewer.scale > 10) start = null;
      },
      up: () => {
        if (start) act(start);
        start = null;
      },
      cancel: () => void (start = null),
    };
  }

  /** @returns {Tool} */
  #pieceTool() {
    return {
      ...this.#tapTool((point) => this.#tapPiece(point)),
      cursor: "pointer",
      hover: (point) => this.session.glance(this.session.mask.near(point, 6 / this.viewer.scale)?.id ?? null),
      leave: () => this.session.glance(null),
    };
  }

  /** @param {Point} point */
  async #tapPiece(point) {
    const { session } = this;
    const doubt = session.doubts.at(point);
    if (doubt) return session.doubts.mark(doubt);
    if (!session.edit.mask) return;
    try {
      const { object } = await api.maskAt(session.photo.id, session.edit.mask, point.x, point.y, Math.min(200, 10 / this.viewer.scale));
      if (object !== null && !session.ended) session.togglePiece(object);
    } catch (error) {
      const refusal = /** @type {Refusal} */ (error);
      if (refusal.status >= 500 || refusal.status === 404) session.refused(refusal); // 4xx: beside the photograph
    }
  }

  /** @returns {Tool} */
  #hintTool() {
    return { ...this.#tapTool((point) => this.#tapHint(point)), cursor: "crosshair", hover: (point) => this.point(point), leave: () => this.point(null) };
  }

  /** @param {Point} point */
  #tapHint(point) {
    const { session } = this;
    const { width, height } = session.photo;
    if (point.x < 0 || point.y < 0 || point.x >= width || point.y >= height) return;
    const reach = HINT_REACH_PX / this.viewer.scale;
    const given = session.edit.hints;
    const there = given.findIndex(({ x, y }) => Math.hypot(x - point.x, y - point.y) < reach);
    const hint = { x: Math.round(point.x * 2) / 2, y: Math.round(point.y * 2) / 2, radius_px: this.hintRadius(), color: this.color };
    const hints = there < 0 ? [...given, hint] : given.map((other, index) => (index === there ? { ...other, color: this.color, radius_px: hint.radius_px } : other));
    if (hints.length > MAX_HINTS) return void tell(t("hint.most", { n: MAX_HINTS }), { wrong: true });
    session.change({ hints, colorize: true });
    announce(t("hint.given"));
  }
}

/**
 * A circle that is seen on light and dark.
 * @param {CanvasRenderingContext2D} context
 * @param {number} scale
 * @param {Point} middle
 * @param {number} radius
 * @param {string} color
 */
function ring(context, scale, { x, y }, radius, color) {
  for (const [style, width] of /** @type {[string, number][]} */ ([["rgba(0,0,0,.6)", 3.5], [color, 1.5]])) {
    context.strokeStyle = style;
    context.lineWidth = width / scale;
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.stroke();
  }
}

/**
 * A color that was given: a dot in it where it was tapped, and the place that it is said to fill.
 * @param {CanvasRenderingContext2D} context
 * @param {number} scale
 * @param {Hint} hint
 */
function drawHint(context, scale, { x, y, color, radius_px: radius }) {
  ring(context, scale, { x, y }, radius, color);
  context.beginPath();
  context.arc(x, y, 9 / scale, 0, 2 * Math.PI);
  context.fillStyle = color;
  context.fill();
  for (const [style, width] of /** @type {[string, number][]} */ ([["rgba(0,0,0,.55)", 4], ["#fff", 2]])) {
    context.lineWidth = width / scale;
    context.strokeStyle = style;
    context.stroke();
  }
}
