// @ts-check
// The stage: the viewer with its slider, its views and its zoom, and what lies over the photograph.

import { $, all, button, canvas, input } from "./dom.js";
import { Gestures } from "./gestures.js";
import { Flat, Pyramid } from "./pyramid.js";
import { recall, remember } from "./storage.js";
import { Viewer } from "./viewer.js";
import { t } from "./words.js";

const FACE = "unfade.slider-used";
const SWEEP_MS = 1800;
const SMALL = "(max-width: 860px), (max-height: 520px) and (max-width: 1000px)"; // as in studio.css

/**
 * @import { Job } from "./types.js"
 * @import { Session } from "./session.js"
 */

export class Stage {
  /** @param {Session} session */
  constructor(session) {
    this.session = session;
    const { photo, signal } = session;
    /** @type {Map<string, Pyramid>} */
    this.pyramids = new Map();
    /** @type {Pyramid | null} */
    this.next = null;
    this.viewer = new Viewer(canvas("view"), {
      overlay: (context, scale) => session.tools.overlay(context, scale),
      split: (share) => this.#wasSplit(share),
      zoomed: (percent) => {
        $("zoom-level").textContent = `${percent}%`;
        $("stage").classList.toggle("fitted", this.viewer.fitted);
        $("view").dataset.after = this.viewer.after instanceof Flat ? "preview" : this.viewer.after ? "result" : "";
        const { width, height } = this.viewer.stage; // where the photograph lies on the canvas: left, top, width, height
        const { center, scale } = this.viewer;
        $("view").dataset.photograph = [width / 2 - center.x * scale, height / 2 - center.y * scale, photo.width * scale, photo.height * scale].join(" ");
      },
      bars: () => this.#bars(),
    }, signal);
    this.viewer.words = { before: t("view.label-before"), after: t("view.label-after") };
    this.viewer.isNew = !recall(FACE, false);
    this.swept = false;
    /** @type {string} what the view was before the original was held up */
    this.held = "";
    this.changed = this.viewer.changed;
    new Gestures(this.viewer, signal);
    this.viewer.photograph(photo.width, photo.height);
    this.viewer.before = this.#pyramid(`photos/${photo.id}`);
    input("overlay").checked = false;
    $("view").dataset.after = ""; // until the first drawing it would tell of the photograph before
    this.#wire();
  }

  begin() {
    const { photo, entry, signal } = this.session;
    input("split").value = "50";
    this.viewer.setSplit(0.5);
    this.view("split");
    $("photo-name").textContent = entry.name;
    const facts = [`${photo.width} × ${photo.height}`, photo.format.toUpperCase()];
    if (photo.bits > 8) facts.push(t("studio.bits", { n: photo.bits }));
    $("photo-facts").textContent = facts.join(" · ");
    requestAnimationFrame(() => {
      if (signal.aborted) return;
      this.viewer.fit();
      if (!document.querySelector("dialog[open]")) $("photo-name").focus({ preventScroll: true });
    });
  }

  /** @param {string} thing */
  #pyramid(thing) {
    let pyramid = this.pyramids.get(thing);
    if (!pyramid) {
      const { photo, signal } = this.session;
      pyramid = new Pyramid(thing, photo.width, photo.height, this.changed, { signal });
      this.pyramids.set(thing, pyramid);
    }
    return pyramid;
  }

  /** @param {HTMLCanvasElement} picture of the whole photograph, small */
  showPreview(picture) {
    const { width, height } = this.session.photo;
    this.viewer.after = new Flat(picture, width, height);
    this.#sweep();
    this.changed();
  }

  /** Whether a small picture stands for the whole one, and is seen larger than it is. */
  get isUnsharp() {
    const { after, scale, ratio } = this.viewer;
    return after instanceof Flat && Math.max(this.session.photo.width, this.session.photo.height) > after.sidePx && scale * ratio > after.sidePx / Math.max(after.width, after.height) / 2;
  }

  /**
   * Whether a job's result is what is shown.
   * @param {Job} job
   */
  shows(job) {
    return this.viewer.after !== null && this.viewer.after === this.pyramids.get(`jobs/${job.id}`);
  }

  /** Whether the screen is a phone's or a small tablet's, held either way. */
  get isSmall() {
    return matchMedia(SMALL).matches;
  }

  /** What lies over the stage's edges, in CSS pixels; the whole photograph is shown between. */
  #bars() {
    // All four corners of a frame must be within reach. On a phone on its side the tool's bar stands beside the stage.
    const isOver = getComputedStyle($("context")).position !== "fixed";
    const framing = this.session.tools?.name === "frame" ? (isOver ? $("context").offsetHeight : 0) + 16 : 0;
    const side = framing ? 24 : 0;
    return this.isSmall ? { top: framing ? 66 : 58, foot: 70 + framing, side } : { top: 14, foot: 80 + framing, side };
  }

  /** @param {number} share */
  #wasSplit(share) {
    input("split").value = String(Math.round(100 * share));
    this.#used();
  }

  /** The slider was used: from now on its labels stay away. */
  #used() {
    if (this.sweeping) cancelAnimationFrame(this.sweeping);
    if (!this.viewer.isNew) return;
    this.viewer.isNew = false;
    remember(FACE, true);
  }

  /** Once, when the first result comes, the divider goes over the photograph and back to its middle. */
  #sweep() {
    if (this.swept) return;
    this.swept = true;
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    const began = performance.now();
    const step = (/** @type {number} */ now) => {
      const at = Math.min(1, (now - began) / SWEEP_MS);
      // From the right edge to the left, and half of the way back.
      const share = at < 0.6 ? 1 - ease(at / 0.6) : ease((at - 0.6) / 0.4) / 2;
      this.viewer.setSplit(share);
      input("split").value = String(Math.round(100 * share));
      this.sweeping = at < 1 && !this.session.ended ? requestAnimationFrame(step) : 0;
    };
    this.sweeping = requestAnimationFrame(step);
  }

  /**
   * Show a job's result once it can be seen; until then what is shown stays. Whether it, and no other since, was waited for.
   * @param {Job} job
   * @param {() => boolean} isWanted
   */
  async showResult(job, isWanted) {
    const pyramid = this.#pyramid(`jobs/${job.id}`);
    if (this.viewer.after === pyramid) return true;
    this.next = pyramid;
    await pyramid.ready;
    if (this.next !== pyramid) return false;
    if (isWanted()) {
      this.viewer.after = pyramid;
      this.#sweep();
      if (this.viewer.fitted) this.viewer.fit();
      this.changed();
    }
    return true;
  }

  #wire() {
    const { viewer } = this;
    const { signal } = this.session;
    for (const choice of all("[data-view]")) choice.addEventListener("click", () => this.view(choice.dataset.view || "split"), { signal });
    const split = input("split");
    split.addEventListener("input", () => {
      this.#used();
      viewer.setSplit(Number(split.value) / 100);
    }, { signal });
    $("view").addEventListener("pointerdown", () => this.sweeping && cancelAnimationFrame(this.sweeping), { signal });
    this.#wireCompare();
    for (const [name, on] of /** @type {const} */ ([["focus", true], ["blur", false]])) {
      split.addEventListener(name, () => {
        viewer.splitFocused = on;
        this.changed();
      }, { signal });
      $("view").addEventListener(name, () => {
        viewer.showTarget = on && this.session.tools.name !== "move" && $("view").matches(":focus-visible");
        this.changed();
      }, { signal });
    }
    button("zoom-in").addEventListener("click", () => viewer.zoom(1.4), { signal });
    button("zoom-out").addEventListener("click", () => viewer.zoom(1 / 1.4), { signal });
    button("zoom-level").addEventListener("click", () => viewer.actualSize(), { signal });
    button("zoom-fit").addEventListener("click", () => viewer.fit(), { signal });
  }

  /** The original is seen for as long as the button is held. */
  #wireCompare() {
    const { signal } = this.session;
    const compare = button("compare");
    const hold = (/** @type {boolean} */ on) => {
      if (on === Boolean(this.held)) return;
      compare.setAttribute("aria-pressed", String(on));
      const mode = this.held;
      this.held = on ? this.viewer.mode : "";
      this.viewer.show(on ? "before" : mode);
    };
    compare.addEventListener("pointerdown", (event) => {
      compare.setPointerCapture(event.pointerId);
      hold(true);
    }, { signal });
    for (const name of ["pointerup", "pointercancel", "blur"]) compare.addEventListener(name, () => hold(false), { signal });
    compare.addEventListener("keydown", ({ key }) => (key === " " || key === "Enter") && hold(true), { signal });
    compare.addEventListener("keyup", () => hold(false), { signal });
    compare.addEventListener("contextmenu", (event) => event.preventDefault(), { signal });
  }

  /** @param {string} mode */
  view(mode) {
    this.viewer.show(mode);
    for (const choice of all("[data-view]")) choice.setAttribute("aria-pressed", String(choice.dataset.view === mode));
    input("split").hidden = mode !== "split";
  }

  /**
   * What a key does while the photograph has the focus. Whether it does anything.
   * @param {string} key
   */
  key(key) {
    const { viewer } = this;
    const step = 60;
    /** @type {Record<string, () => void>} */
    const acts = {
      "+": () => viewer.zoom(1.25), "=": () => viewer.zoom(1.25), "-": () => viewer.zoom(0.8), 0: () => viewer.fit(), 1: () => viewer.actualSize(),
      ArrowLeft: () => viewer.pan(step, 0), ArrowRight: () => viewer.pan(-step, 0), ArrowUp: () => viewer.pan(0, step), ArrowDown: () => viewer.pan(0, -step),
      " ": () => (viewer.panning = true),
      Enter: () => {
        viewer.tool?.down({ ...viewer.center });
        viewer.tool?.up?.();
      },
    };
    const act = acts[key];
    if (!viewer.tool?.key?.(key)) {
      if (!act) return false;
      act();
    }
    viewer.showTarget = this.session.tools.name !== "move";
    return true;
  }
}

/** @param {number} share of the way, that of the time */
const ease = (share) => share * share * (3 - 2 * share);
