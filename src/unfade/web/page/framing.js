// @ts-check
// Turning, straightening, cropping, and the prints on a scan: frames with four corners, each of which becomes a photograph of its own.

import * as api from "./api.js";
import { $, button, input } from "./dom.js";
import { optionsOf } from "./edit.js";
import { announce, tell } from "./say.js";
import { t } from "./words.js";

/**
 * @import { Photo, Point, Tool } from "./types.js"
 * @import { Refusal } from "./api.js"
 * @import { Session } from "./session.js"
 * @typedef {Point[]} Quad four corners, clockwise from the top left, in photo pixels
 */

const REACH_PX = 30; // of the screen: a hand this near a corner takes it
const STEP_PX = 8; // of the screen: how far an arrow key moves a corner
const LEAST_PX = 8; // of the photograph: no frame is smaller

export class Framing {
  /** @param {Session} session */
  constructor(session) {
    this.session = session;
    /** @type {number[]} by how many degrees clockwise each frame is turned */
    this.turns = [0];
    this.corner = 0;
    /** @type {Quad[]} as they are at `baseAngle`; the slider turns them on from there */
    this.base = [this.#whole];
    this.baseAngle = 0;
    /** @type {{ from: Point, quads: Quad[], at: [number, number] | null } | null} */
    this.drag = null;
    this.isBusy = false;
    const { signal } = session;
    button("frame-left").addEventListener("click", () => this.#turnBy(270), { signal });
    button("frame-right").addEventListener("click", () => this.#turnBy(90), { signal });
    button("frame-up").addEventListener("click", () => this.#setUpright(), { signal });
    button("frame-find").addEventListener("click", () => this.#find(), { signal });
    button("frame-cut").addEventListener("click", () => this.#cut(), { signal });
    input("frame-angle").addEventListener("input", () => this.#draw(), { signal });
    input("frame-angle").value = "0";
    this.#draw();
  }

  /** @returns {Quad} */
  get #whole() {
    const { width, height } = this.session.photo;
    return [{ x: 0, y: 0 }, { x: width, y: 0 }, { x: width, y: height }, { x: 0, y: height }];
  }

  /** The frames as they are seen. */
  get quads() {
    const degrees = Number(input("frame-angle").value) - this.baseAngle;
    return degrees ? this.base.map((quad) => this.#turned(quad, degrees)) : this.base;
  }

  /**
   * A frame turned about its middle so that the picture in it comes out `degrees` further clockwise, and shrunk as far as the photograph's edge asks.
   * @param {Quad} quad
   * @param {number} degrees
   * @returns {Quad}
   */
  #turned(quad, degrees) {
    const { width, height } = this.session.photo;
    const middle = { x: quad.reduce((sum, { x }) => sum + x, 0) / 4, y: quad.reduce((sum, { y }) => sum + y, 0) / 4 };
    const [sine, cosine] = [Math.sin((degrees * Math.PI) / 180), Math.cos((degrees * Math.PI) / 180)];
    const ways = quad.map(({ x, y }) => ({ x: (x - middle.x) * cosine + (y - middle.y) * sine, y: (y - middle.y) * cosine - (x - middle.x) * sine }));
    const room = (/** @type {number} */ way, /** @type {number} */ at, /** @type {number} */ most) => (way > 0 ? (most - at) / way : way < 0 ? at / -way : 1);
    const share = Math.min(1, ...ways.flatMap(({ x, y }) => [room(x, middle.x, width), room(y, middle.y, height)]));
    return ways.map(({ x, y }) => ({ x: middle.x + x * share, y: middle.y + y * share }));
  }

  /** What is seen becomes what is changed. */
  #settle() {
    this.base = this.quads;
    this.baseAngle = Number(input("frame-angle").value);
  }

  /** @param {number} degrees */
  #turnBy(degrees) {
    this.turns = this.turns.map((turn) => (turn + degrees) % 360);
    announce(t("frame.turned", { n: this.turns[0] }));
    this.#draw();
  }

  /** Whether anything would be other than it is. */
  get #isChanged() {
    return this.turns.some(Boolean) || JSON.stringify(this.quads) !== JSON.stringify([this.#whole]);
  }

  #draw() {
    const n = this.quads.length;
    $("frame-angle-out").textContent = `${Number(input("frame-angle").value).toFixed(1)}°`;
    button("frame-cut").textContent = t("frame.cut", { n });
    button("frame-cut").disabled = !this.#isChanged || this.isBusy;
    this.session.stage.changed();
  }

  // ------------------------------------------------------------------ what the server does
  /**
   * Ask the server something, and say what came of it.
   * @param {string} busy what is said meanwhile
   * @param {() => Promise<string | undefined>} act gives the sentence; none: nothing is said
   */
  async #ask(busy, act) {
    const { session } = this;
    session.progress.busy(busy);
    try {
      const said = await act();
      if (said === undefined) return;
      session.tools.say(said);
      announce(said);
      this.#draw();
    } catch (refusal) {
      session.refused(/** @type {Refusal} */ (refusal));
    } finally {
      if (!session.ended) session.progress.busy(null);
    }
  }

  #find() {
    const { session } = this;
    return this.#ask(t("step.frame"), async () => {
      const { prints } = await api.prints(session.photo.id);
      if (session.ended) return undefined;
      const found = prints.map(({ picture }) => picture.map(([x, y]) => ({ x, y })));
      const { width, height } = session.photo;
      const isWhole = found.length === 1 && found[0].every(({ x, y }, at) => Math.hypot(x - this.#whole[at].x, y - this.#whole[at].y) < 0.005 * (width + height));
      this.base = found.length && !isWhole ? found : [this.#whole];
      this.turns = this.base.map(() => 0);
      input("frame-angle").value = "0";
      this.baseAngle = this.corner = 0;
      return isWhole || !found.length ? t("frame.none") : t("frame.found", { n: found.length });
    });
  }

  /** Each frame is turned until it is upright, if the server is sure which way that is. */
  #setUpright() {
    const { session, quads } = this;
    return this.#ask(t("frame.up-busy"), async () => {
      /** @type {(number | null)[]} */
      const turns = [];
      for (const quad of quads) {
        const { turn, sure } = await api.up(session.photo.id, this.#cornersOf(quad));
        if (session.ended) return undefined;
        turns.push(sure ? turn : null);
      }
      if (turns.length !== this.turns.length) return undefined; // other frames meanwhile
      const unsure = turns.filter((turn) => turn === null).length;
      const isNew = turns.some((turn, at) => turn !== null && turn !== this.turns[at]);
      this.turns = turns.map((turn, at) => turn ?? this.turns[at]);
      return unsure ? t("frame.up-unsure", { n: turns.length > 1 ? unsure : 1 }) : t(isNew ? "frame.up-done" : "frame.up-is");
    });
  }

  /**
   * A frame as the server takes it.
   * @param {Quad} quad
   * @returns {[number, number][] | null} null: the whole
   */
  #cornersOf(quad) {
    if (JSON.stringify(quad) === JSON.stringify(this.#whole)) return null;
    return quad.map(({ x, y }) => [rounded(x), rounded(y)]);
  }

  async #cut() {
    const { session, turns, quads } = this;
    const { entry, library, photo } = session;
    this.isBusy = true;
    this.#draw();
    session.progress.busy(t("frame.busy"));
    const options = optionsOf({ ...session.edit, mask: null, keep: [], hints: [], heals: [] });
    /** @type {Photo[]} */
    const made = [];
    try {
      for (const [at, quad] of quads.entries()) {
        made.push(await api.cut(photo.id, { corners: this.#cornersOf(quad), turn: turns[at], ...(quads.length > 1 ? { number: at + 1 } : {}) }));
      }
    } catch (refusal) {
      session.refused(/** @type {Refusal} */ (refusal));
    }
    library.addCut(made, entry, options);
    if (made.length) tell(t("frame.done", { n: made.length }));
    if (session.ended) return;
    this.isBusy = false;
    session.progress.busy(null);
    this.#draw();
    if (made.length) location.hash = `#/p/${made[0].id}`;
  }

  // ------------------------------------------------------------------ by hand
  /** @returns {Tool} */
  tool() {
    const { session } = this;
    const near = (/** @type {Point} */ point) => this.#near(point, REACH_PX / session.stage.viewer.scale);
    return {
      cursor: "crosshair",
      overlay: (context, scale) => this.#overlay(context, scale),
      down: (point) => {
        this.#settle();
        this.drag = { from: point, quads: this.base, at: near(point) };
        if (this.drag.at) this.corner = 4 * this.drag.at[0] + this.drag.at[1];
        this.#draw();
      },
      move: (point) => this.#move(point),
      up: () => void (this.drag = null),
      cancel: () => {
        if (this.drag) this.base = this.drag.quads;
        this.drag = null;
        this.#draw();
      },
      key: (key) => this.#key(key),
    };
  }

  /**
   * @param {Point} point
   * @param {number} reach
   * @returns {[number, number] | null} of which frame, and which of its corners
   */
  #near(point, reach) {
    /** @type {[number, number] | null} */
    let best = null;
    let least = reach;
    this.base.forEach((quad, one) => quad.forEach(({ x, y }, corner) => {
      const away = Math.hypot(point.x - x, point.y - y);
      if (away > least) return;
      best = [one, corner];
      least = away;
    }));
    return best;
  }

  /** @param {Point} point */
  #move(point) {
    if (!this.drag) return;
    const { from, quads, at } = this.drag;
    const [dx, dy] = [point.x - from.x, point.y - from.y];
    if (at) this.#put(at, { x: quads[at[0]][at[1]].x + dx, y: quads[at[0]][at[1]].y + dy });
    else this.#shift(quads, from, dx, dy);
    this.#draw();
  }

  /**
   * A frame that is dragged as a whole.
   * @param {Quad[]} quads
   * @param {Point} from
   * @param {number} dx
   * @param {number} dy
   */
  #shift(quads, from, dx, dy) {
    const { width, height } = this.session.photo;
    const one = quads.findIndex((quad) => isInside(from, quad));
    if (one < 0) return;
    const between = (/** @type {number} */ by, /** @type {number[]} */ places, /** @type {number} */ most) => Math.max(-Math.min(...places), Math.min(most - Math.max(...places), by));
    const x = between(dx, quads[one].map((corner) => corner.x), width);
    const y = between(dy, quads[one].map((corner) => corner.y), height);
    this.base = quads.map((quad, at) => (at === one ? quad.map((corner) => ({ x: corner.x + x, y: corner.y + y })) : quad));
  }

  /**
   * Put a corner somewhere, within the photograph, where the frame stays one.
   * @param {[number, number]} at
   * @param {Point} place
   */
  #put([one, corner], { x, y }) {
    const { width, height } = this.session.photo;
    const place = { x: Math.max(0, Math.min(width, x)), y: Math.max(0, Math.min(height, y)) };
    const quad = this.base[one].map((other, at) => (at === corner ? place : other));
    if (isConvex(quad)) this.base = this.base.map((other, at) => (at === one ? quad : other));
  }

  /** @param {string} key */
  #key(key) {
    /** @type {Record<string, [number, number]>} */
    const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const count = 4 * this.base.length;
    if (key === "Enter") this.corner = (this.corner + 1) % count;
    else if (ways[key]) {
      this.#settle();
      const at = /** @type {[number, number]} */ ([Math.floor(this.corner / 4), this.corner % 4]);
      const { x, y } = this.base[at[0]][at[1]];
      const step = STEP_PX / this.session.stage.viewer.scale;
      this.#put(at, { x: x + ways[key][0] * step, y: y + ways[key][1] * step });
    } else return false;
    announce(t("frame.corner", { n: this.corner + 1, of: count }));
    this.#draw();
    return true;
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {number} scale
   */
  #overlay(context, scale) {
    const { width, height } = this.session.photo;
    const { quads } = this;
    context.beginPath();
    context.rect(0, 0, width, height);
    for (const quad of quads) trace(context, quad);
    context.fillStyle = "rgba(0,0,0,.5)";
    context.fill("evenodd");
    context.lineJoin = "round";
    for (const [color, line] of /** @type {[string, number][]} */ ([["rgba(0,0,0,.6)", 4], ["#fff", 2]])) {
      context.strokeStyle = color;
      context.lineWidth = line / scale;
      context.beginPath();
      for (const quad of quads) trace(context, quad);
      context.stroke();
    }
    quads.forEach((quad, one) => {
      this.#drawUp(context, scale, quad, this.turns[one]);
      quad.forEach(({ x, y }, corner) => {
        context.beginPath();
        context.arc(x, y, 9 / scale, 0, 2 * Math.PI);
        context.fillStyle = 4 * one + corner === this.corner ? "#a33d22" : "#fff";
        context.fill();
        context.strokeStyle = "rgba(0,0,0,.6)";
        context.lineWidth = 2 / scale;
        context.stroke();
      });
    });
  }

  /**
   * An arrow at the side that will be the upper one.
   * @param {CanvasRenderingContext2D} context
   * @param {number} scale
   * @param {Quad} quad
   * @param {number} turn
   */
  #drawUp(context, scale, quad, turn) {
    const side = (4 - turn / 90) % 4;
    const [from, to] = [quad[side], quad[(side + 1) % 4]];
    const length = Math.hypot(to.x - from.x, to.y - from.y) || 1;
    const along = { x: (to.x - from.x) / length / scale, y: (to.y - from.y) / length / scale };
    const middle = { x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 };
    const inward = { x: -along.y, y: along.x };
    context.beginPath();
    context.moveTo(middle.x + inward.x * 8, middle.y + inward.y * 8);
    context.lineTo(middle.x + inward.x * 22 + along.x * 11, middle.y + inward.y * 22 + along.y * 11);
    context.lineTo(middle.x + inward.x * 22 - along.x * 11, middle.y + inward.y * 22 - along.y * 11);
    context.closePath();
    context.fillStyle = "#fff";
    context.strokeStyle = "rgba(0,0,0,.6)";
    context.lineWidth = 3 / scale;
    context.stroke();
    context.fill();
  }
}

/** @param {number} value to a hundredth of a pixel */
const rounded = (value) => Math.round(100 * value) / 100;

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Quad} quad
 */
function trace(context, quad) {
  quad.forEach(({ x, y }, at) => (at ? context.lineTo(x, y) : context.moveTo(x, y)));
  context.closePath();
}

/** @param {Quad} quad */
const isConvex = (quad) => quad.every((corner, at) => {
  const [next, last] = [quad[(at + 1) % 4], quad[(at + 2) % 4]];
  return (next.x - corner.x) * (last.y - next.y) - (next.y - corner.y) * (last.x - next.x) > LEAST_PX ** 2;
});

/**
 * @param {Point} point
 * @param {Quad} quad
 */
const isInside = (point, quad) => quad.every(({ x, y }, at) => {
  const next = quad[(at + 1) % 4];
  return (next.x - x) * (point.y - y) - (next.y - y) * (point.x - x) >= 0;
});
