// @ts-check
// The stage: the viewer with its slider, its views and its zoom, and what lies over the photograph.

import { all, button, canvas, input, $ } from "./dom.js";
import { Gestures } from "./gestures.js";
import { Flat, Pyramid } from "./pyramid.js";
import { Viewer } from "./viewer.js";

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
      split: (share) => (input("split").value = String(Math.round(100 * share))),
      zoomed: (percent) => ($("zoom-level").textContent = `${percent}%`),
    }, signal);
    this.changed = this.viewer.changed;
    new Gestures(this.viewer, signal);
    this.viewer.photograph(photo.width, photo.height);
    this.viewer.before = this.#pyramid(`photos/${photo.id}`);
    input("overlay").checked = false;
    this.#wire();
  }

  begin() {
    const { photo, entry, signal } = this.session;
    input("split").value = "50";
    this.viewer.setSplit(0.5);
    this.view("split");
    $("photo-name").textContent = entry.name;
    const facts = [`${photo.width} × ${photo.height}`, photo.format.toUpperCase()];
    if (photo.bits > 8) facts.push(`${photo.bits} bits`);
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
      const { width, height } = this.session.photo;
      pyramid = new Pyramid(thing, width, height, this.changed);
      this.pyramids.set(thing, pyramid);
    }
    return pyramid;
  }

  /** @param {CanvasImageSource} picture of the whole photograph, small */
  showPreview(picture) {
    const { width, height } = this.session.photo;
    this.viewer.after = new Flat(picture, width, height);
    this.changed();
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
    const seen = await pyramid.ready;
    if (this.next !== pyramid) return false;
    if (seen && isWanted()) {
      this.viewer.after = pyramid;
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
    split.addEventListener("input", () => viewer.setSplit(Number(split.value) / 100), { signal });
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
    input("overlay").addEventListener("change", this.changed, { signal });
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
    if (!act) return false;
    act();
    viewer.showTarget = this.session.tools.name !== "move";
    return true;
  }
}
