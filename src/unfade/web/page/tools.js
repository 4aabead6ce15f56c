// @ts-check
// What a hand does on the photograph: move it, keep a piece, brush, erase, give a color; and what is drawn over it for that.

import * as api from "./api.js";
import { $, all, input, make } from "./dom.js";
import { announce, tell } from "./say.js";

/**
 * @import { Hint, Point, Stroke, Tool } from "./types.js"
 * @import { Refusal } from "./api.js"
 * @import { Session } from "./session.js"
 */

const MAX_HINTS = 500;
const HINT_REACH_PX = 16;
export const SWATCHES = [
  ["#c98d74", "Skin"], ["#8a5a3c", "Brown"], ["#6d8fb8", "Sky"], ["#2f4a6d", "Navy"], ["#6f8a4e", "Leaf"],
  ["#b5482f", "Brick"], ["#d8b25c", "Straw"], ["#7c7f83", "Gray"], ["#efe9dc", "Cream"],
];
/** @type {Record<string, string>} */
const KEYS = { v: "move", o: "objects", b: "brush", e: "eraser", c: "hint" };

/** @param {number} value */
const toHalf = (value) => Math.round(value * 2) / 2;

export class Tools {
  /** @param {Session} session */
  constructor(session) {
    this.session = session;
    this.name = "move";
    /** @type {Point | null} */
    this.pointer = null;
    const { signal } = session;
    for (const choice of all("[data-tool]")) choice.addEventListener("click", () => this.use(choice.dataset.tool || "move"), { signal });
    input("brush-size").addEventListener("input", () => {
      this.pointer = { ...this.viewer.center };
      session.stage.changed();
    }, { signal });
    input("hint-color").addEventListener("input", () => this.useColor(input("hint-color").value), { signal });
    $("swatches").replaceChildren(...SWATCHES.map(([color, name]) => {
      const swatch = make("button", { type: "button", className: "swatch", title: name, ariaLabel: name });
      swatch.dataset.color = color;
      swatch.style.backgroundColor = color;
      swatch.addEventListener("click", () => this.useColor(color));
      return swatch;
    }));
    this.color = "";
    this.useColor(input("hint-color").dataset.chosen || SWATCHES[0][0]);
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
  }

  /** @param {string} name */
  use(name) {
    this.name = name;
    this.pointer = null;
    for (const choice of all("[data-tool]")) choice.setAttribute("aria-pressed", String(choice.dataset.tool === name));
    $("context").hidden = name === "move";
    $("context-brush").hidden = name !== "brush" && name !== "eraser";
    $("context-objects").hidden = name !== "objects";
    $("context-hint").hidden = name !== "hint";
    if (name === "hint") this.session.controls.tab("color");
    else if (name !== "move") this.session.controls.tab("damage");
    this.viewer.tool = this.#tool(name);
    this.session.stage.changed();
  }

  /**
   * @param {string} name
   * @returns {Tool | null}
   */
  #tool(name) {
    if (name === "brush" || name === "eraser") return this.#paintTool(name);
    if (name === "objects") return this.#pieceTool();
    if (name === "hint") return { ...this.#tapTool((point) => this.#tapHint(point)), cursor: "crosshair" };
    return null;
  }

  /**
   * What a key does, whatever has the focus. Whether it does anything.
   * @param {string} key
   */
  key(key) {
    if (KEYS[key]) this.use(KEYS[key]);
    else if (key === "[" || key === "]") {
      input("brush-size").value = String(Number(input("brush-size").value) + (key === "]" ? 5 : -5));
      this.session.stage.changed();
    } else return false;
    return true;
  }

  /** The brush's, in pixels of the photograph: from 3 to 160 of the screen's across, so that zooming in makes finer work of it. */
  radius() {
    return (1.5 * 53 ** (Number(input("brush-size").value) / 100)) / this.viewer.scale;
  }

  // ------------------------------------------------------------------ what is drawn over the photograph
  /**
   * @param {CanvasRenderingContext2D} context
   * @param {number} scale
   */
  overlay(context, scale) {
    const { mask } = this.session;
    const painting = ["brush", "eraser", "objects"].includes(this.name);
    if (input("overlay").checked || painting) mask.draw(context, scale, { outlines: this.name === "objects" || mask.highlighted !== null });
    if (this.name === "hint") for (const hint of this.session.edit.hints) drawHint(context, scale, hint);
    if (!this.pointer || (this.name !== "brush" && this.name !== "eraser")) return;
    for (const [color, width] of /** @type {[string, number][]} */ ([["rgba(0,0,0,.6)", 3], ["#fff", 1.25]])) {
      context.strokeStyle = color;
      context.lineWidth = width / scale;
      context.beginPath();
      context.arc(this.pointer.x, this.pointer.y, this.radius(), 0, 2 * Math.PI);
      context.stroke();
    }
  }

  // ------------------------------------------------------------------ the tools
  /**
   * @param {string} kind
   * @returns {Tool}
   */
  #paintTool(kind) {
    const { session } = this;
    /** @type {Stroke | null} */
    let live = null;
    const hover = (/** @type {Point | null} */ point) => {
      this.pointer = point;
      session.stage.changed();
    };
    return {
      cursor: "none",
      hover,
      leave: () => hover(null),
      down: (point) => {
        live = { kind, radius: Number(this.radius().toFixed(1)), points: [[toHalf(point.x), toHalf(point.y)]] };
        session.mask.extend(live);
        hover(point);
      },
      move: (point) => {
        if (!live) return;
        const [x, y] = live.points[live.points.length - 1];
        hover(point);
        if (Math.hypot(point.x - x, point.y - y) < Math.max(0.5, live.radius / 8)) return;
        live.points.push([toHalf(point.x), toHalf(point.y)]);
        session.mask.extend(live);
      },
      up: () => {
        if (live) session.change({ strokes: [...session.edit.strokes, live], fill: true }, { look: false });
        live = null;
      },
      cancel: () => {
        live = null;
        session.mask.redraw();
      },
    };
  }

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
    if (!session.edit.mask) return;
    try {
      const { object } = await api.maskAt(session.photo.id, session.edit.mask, point.x, point.y, Math.min(200, 10 / this.viewer.scale));
      if (object !== null && !session.ended) session.togglePiece(object);
    } catch (error) {
      const refusal = /** @type {Refusal} */ (error);
      if (refusal.status >= 500 || refusal.status === 404) session.refused(refusal); // 4xx: beside the photograph
    }
  }

  /** @param {Point} point */
  #tapHint(point) {
    const { session } = this;
    const { width, height, has_color: hasColor } = session.photo;
    if (point.x < 0 || point.y < 0 || point.x >= width || point.y >= height) return;
    const reach = HINT_REACH_PX / this.viewer.scale;
    const given = session.edit.hints;
    const there = given.findIndex(({ x, y }) => Math.hypot(x - point.x, y - point.y) < reach);
    const hint = { x: toHalf(point.x), y: toHalf(point.y), radius_px: Math.max(3, Math.round(Math.max(width, height) / 100)), color: this.color };
    const hints = there < 0 ? [...given, hint] : given.map((other, index) => (index === there ? { ...other, color: this.color } : other));
    if (hints.length > MAX_HINTS) return void tell(`${MAX_HINTS} colors are as many as one photograph takes.`, { wrong: true });
    session.change({ hints, colorize: true, force: hasColor });
    announce("Color given.");
  }
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {number} scale
 * @param {Hint} hint
 */
function drawHint(context, scale, { x, y, color }) {
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
