// @ts-check
// What pointers do on the viewer: pan, pinch, drag the slider, or work with the chosen tool.

/**
 * @import { Point } from "./types.js"
 * @import { Viewer } from "./viewer.js"
 */

const GRIP_PX = 26;
const PALM_MS = 500; // a touch that comes so soon after a pen was seen is of the hand that holds it

export class Gestures {
  /**
   * @param {Viewer} viewer
   * @param {AbortSignal} signal ends it
   */
  constructor(viewer, signal) {
    this.viewer = viewer;
    /** @type {Map<number, Point>} */
    this.pointers = new Map();
    /** @type {"pinch" | "split" | "tool" | "pan" | null} */
    this.gesture = null;
    /** @type {number | null} the pointer of a pen that is down */
    this.pen = null;
    this.penMs = -Infinity; // when a pen was seen last, down or above
    this.#listen(signal);
  }

  /** @param {MouseEvent} event */
  #at(event) {
    const box = this.viewer.canvas.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  /** @param {AbortSignal} signal */
  #listen(signal) {
    const { canvas } = this.viewer;
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      const { x, y } = this.#at(event);
      const unit = event.deltaMode === 1 ? 16 : 1;
      if (event.shiftKey && !event.ctrlKey) this.viewer.pan(-(event.deltaX || event.deltaY) * unit, 0);
      else this.viewer.zoom(Math.exp(-event.deltaY * unit * (event.ctrlKey ? 0.01 : 0.0018)), x, y);
    }, { passive: false, signal });
    canvas.addEventListener("dblclick", (event) => {
      if (this.viewer.tool || !this.viewer.width) return;
      const { x, y } = this.#at(event);
      if (this.viewer.scale > this.viewer.fitScale() * 1.5) this.viewer.fit();
      else this.viewer.zoom(Math.max(2.5, 1 / this.viewer.scale), x, y);
    }, { signal });
    canvas.addEventListener("pointerdown", (event) => this.#down(event), { signal });
    canvas.addEventListener("pointermove", (event) => this.#move(event), { signal });
    for (const name of /** @type {const} */ (["pointerup", "pointercancel"])) canvas.addEventListener(name, (event) => this.#up(event), { signal });
    canvas.addEventListener("pointerleave", (event) => this.#isPalm(event) || this.viewer.tool?.leave?.(), { signal });
    canvas.addEventListener("contextmenu", (event) => this.viewer.tool && event.preventDefault(), { signal });
  }

  /** @param {Point} point */
  #nearGrip(point) {
    return this.viewer.mode === "split" && this.viewer.after && Math.abs(point.x - this.viewer.splitSpan().x) < GRIP_PX
      && (!this.viewer.tool || Math.abs(point.y - this.viewer.gripY()) < GRIP_PX);
  }

  /** @param {PointerEvent} event */
  #isPalm({ pointerType, timeStamp }) {
    return pointerType === "touch" && (this.pen !== null || timeStamp - this.penMs < PALM_MS);
  }

  /**
   * A pen wins over touches: those that are down already are of the hand that holds it.
   * @param {PointerEvent} event
   */
  #penDown({ pointerId }) {
    if (this.gesture === "tool") this.viewer.tool?.cancel?.();
    this.pointers.clear();
    this.gesture = null;
    this.pen = pointerId;
  }

  /** @param {PointerEvent} event */
  #down(event) {
    if (!this.viewer.width || this.#isPalm(event)) return;
    if (event.pointerType === "pen") {
      this.penMs = event.timeStamp;
      this.#penDown(event);
    }
    const point = this.#at(event);
    this.viewer.canvas.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, point);
    if (this.pointers.size === 2) {
      if (this.gesture === "tool") this.viewer.tool?.cancel?.();
      this.gesture = "pinch";
    } else if (this.#nearGrip(point)) {
      this.gesture = "split";
    } else if (this.viewer.tool && event.button === 0 && !this.viewer.panning) {
      this.gesture = "tool";
      this.viewer.tool.down(this.viewer.toPhoto(point.x, point.y), event.altKey);
    } else {
      this.gesture = "pan";
    }
    this.#cursor(point);
  }

  /** @param {PointerEvent} event */
  #move(event) {
    if (!this.viewer.width) return;
    if (event.pointerType === "pen") this.penMs = event.timeStamp;
    const point = this.#at(event);
    const last = this.pointers.get(event.pointerId);
    if (!last) {
      if (event.pointerType === "touch") return; // a palm
      this.#cursor(point);
      this.viewer.tool?.hover?.(this.viewer.toPhoto(point.x, point.y));
      return;
    }
    this.pointers.set(event.pointerId, point);
    if (this.gesture === "pinch" && this.pointers.size >= 2) {
      this.#pinch(event.pointerId, last);
    } else if (this.gesture === "split") {
      const { left, right } = this.viewer.splitSpan();
      this.viewer.setSplit((point.x - left) / Math.max(1, right - left));
      this.viewer.hooks.split(this.viewer.split);
    } else if (this.gesture === "tool") {
      // Every point between two frames, so that a quick stroke stays round.
      const all = event.getCoalescedEvents?.() || [];
      for (const each of all.length ? all : [event]) {
        const { x, y } = this.#at(each);
        this.viewer.tool?.move?.(this.viewer.toPhoto(x, y));
      }
    } else if (this.gesture === "pan") {
      this.viewer.pan(point.x - last.x, point.y - last.y);
    }
  }

  /**
   * Two fingers: zoom by how their distance changed, and pan by how their middle did.
   * @param {number} moved the pointer that did
   * @param {Point} last where it was
   */
  #pinch(moved, last) {
    const [a, b] = [...this.pointers.entries()].slice(0, 2).map(([id, now]) => ({ now, was: id === moved ? last : now }));
    const middle = { x: (a.now.x + b.now.x) / 2, y: (a.now.y + b.now.y) / 2 };
    this.viewer.pan(middle.x - (a.was.x + b.was.x) / 2, middle.y - (a.was.y + b.was.y) / 2);
    const was = Math.hypot(a.was.x - b.was.x, a.was.y - b.was.y) || 1;
    this.viewer.zoom(Math.hypot(a.now.x - b.now.x, a.now.y - b.now.y) / was, middle.x, middle.y);
  }

  /** @param {PointerEvent} event */
  #up(event) {
    if (event.pointerId === this.pen) {
      this.penMs = event.timeStamp;
      this.pen = null;
    }
    if (!this.pointers.delete(event.pointerId)) return;
    if (this.gesture === "tool") {
      if (event.type === "pointercancel") this.viewer.tool?.cancel?.();
      else this.viewer.tool?.up?.();
    }
    if (!this.pointers.size) this.gesture = null;
    else if (this.gesture === "pinch") this.gesture = "pan";
    this.#cursor(this.#at(event));
  }

  /** @param {Point} point */
  #cursor(point) {
    let cursor = this.gesture === "pan" ? "grabbing" : "grab";
    if (this.gesture === "split" || (!this.gesture && this.#nearGrip(point))) cursor = "ew-resize";
    else if (this.viewer.tool && !this.viewer.panning && this.gesture !== "pan") cursor = this.viewer.tool.cursor;
    this.viewer.canvas.style.cursor = cursor;
  }
}
