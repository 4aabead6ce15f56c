// @ts-check
// A pan-and-zoom view of two pictures of one size: before and after, behind a slider or side by side.
// Coordinates are of three kinds: photo (pixels of the upright photograph), stage (CSS pixels of the canvas), device (canvas pixels).

import { pencil } from "./dom.js";

/**
 * @import { Area, Picture, Point, Tool } from "./types.js"
 * @typedef {object} Hooks
 * @property {(context: CanvasRenderingContext2D, scale: number) => void} overlay draws over the photograph, in its pixels
 * @property {(share: number) => void} split the slider was moved
 * @property {(percent: number) => void} zoomed
 * @property {() => { top: number, foot: number, side: number }} bars what lies over the stage's edges; the whole photograph is shown between
 */

const MAX_CANVAS_PX = 12e6; // a denser screen than that is drawn a little coarser
const MAX_ZOOM = 16; // CSS pixels for one of the photograph
const GAP_PX = 12;
const LEAST_SHARE = 0.2; // of the pane: the whole photograph has at least so much of its height, whatever lies over it
const LOOK_SHARE = 0.6; // of the stage: what is looked at fills so much of it

export class Viewer {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {Hooks} hooks
   * @param {AbortSignal} signal ends it
   */
  constructor(canvas, hooks, signal) {
    this.canvas = canvas;
    this.context = pencil(canvas);
    this.hooks = hooks;
    this.width = this.height = 0;
    /** @type {Picture | null} */
    this.before = null;
    /** @type {Picture | null} */
    this.after = null;
    this.mode = "split";
    this.split = 0.5;
    /** @type {Tool | null} null pans */
    this.tool = null;
    /** @type {Point} */
    this.center = { x: 0, y: 0 };
    this.scale = 1;
    this.fitted = true;
    this.panning = false; // the space bar is held: pan, whatever the tool
    this.frame = 0;
    this.words = { before: "", after: "" };
    this.isNew = true; // the slider was never used: it says what its sides are
    this.splitFocused = false;
    this.showTarget = false;
    this.changed = () => {
      if (!signal.aborted) this.frame ||= requestAnimationFrame(() => this.draw());
    };
    const resized = new ResizeObserver(() => (this.fitted ? this.fit() : this.changed()));
    resized.observe(canvas);
    signal.addEventListener("abort", () => {
      resized.disconnect();
      cancelAnimationFrame(this.frame);
    });
  }

  /**
   * @param {number} width
   * @param {number} height
   */
  photograph(width, height) {
    this.width = width;
    this.height = height;
    this.before = this.after = null;
    this.fit();
  }

  // ------------------------------------------------------------------ geometry
  get stage() {
    return { width: this.canvas.clientWidth || 1, height: this.canvas.clientHeight || 1 };
  }

  /** Canvas pixels for one CSS pixel. */
  get ratio() {
    const { width, height } = this.stage;
    return Math.min(window.devicePixelRatio || 1, Math.max(1, Math.sqrt(MAX_CANVAS_PX / (width * height))));
  }

  /** The panes, in stage pixels: one, or two beside or above each other, whichever shows more of the photograph. */
  panes() {
    const { width, height } = this.stage;
    if (this.mode !== "side" || !this.after) return [{ x: 0, y: 0, width, height }];
    const halfWidth = (width - GAP_PX) / 2;
    const halfHeight = (height - GAP_PX) / 2;
    const { top, foot } = this.hooks.bars();
    const bars = top + foot;
    const beside = Math.min(halfWidth / this.width, (height - bars) / this.height);
    const above = Math.min(width / this.width, (halfHeight - bars) / this.height);
    if (beside >= above) return [{ x: 0, y: 0, width: halfWidth, height }, { x: halfWidth + GAP_PX, y: 0, width: halfWidth, height }];
    return [{ x: 0, y: 0, width, height: halfHeight }, { x: 0, y: halfHeight + GAP_PX, width, height: halfHeight }];
  }

  fitScale() {
    const pane = this.panes()[0];
    const { top, foot, side } = this.hooks.bars();
    const margin = Math.max(side, Math.min(16, pane.width * 0.02));
    const height = Math.max(pane.height * LEAST_SHARE, pane.height - top - foot);
    return Math.max(1e-4, Math.min((pane.width - 2 * margin) / this.width, height / this.height, 4));
  }

  fit() {
    if (!this.width) return;
    this.fitted = true;
    this.scale = this.fitScale();
    const { top, foot } = this.hooks.bars();
    this.center = { x: this.width / 2, y: this.height / 2 + (foot - top) / 2 / this.scale };
    this.changed();
  }

  /**
   * From stage to photo.
   * @param {number} x
   * @param {number} y
   */
  toPhoto(x, y) {
    const panes = this.panes();
    const pane = panes.find((p) => x >= p.x && x < p.x + p.width && y >= p.y && y < p.y + p.height) || panes[0];
    return {
      x: (x - pane.x - pane.width / 2) / this.scale + this.center.x,
      y: (y - pane.y - pane.height / 2) / this.scale + this.center.y,
    };
  }

  /** The slider runs over what is to be seen of the photograph, in stage pixels. */
  splitSpan() {
    const { width } = this.stage;
    const left = Math.max(0, width / 2 - this.center.x * this.scale);
    const right = Math.min(width, width / 2 + (this.width - this.center.x) * this.scale);
    return { left, right, x: left + this.split * (right - left) };
  }

  /**
   * @param {number} factor
   * @param {number} [x] the place that stays, on the stage
   * @param {number} [y]
   */
  zoom(factor, x = this.stage.width / 2, y = this.stage.height / 2) {
    if (!this.width) return;
    const anchor = this.toPhoto(x, y);
    const next = Math.max(Math.min(this.fitScale(), 1) / 2, Math.min(MAX_ZOOM, this.scale * factor));
    const ratio = this.scale / next;
    this.center = { x: anchor.x + (this.center.x - anchor.x) * ratio, y: anchor.y + (this.center.y - anchor.y) * ratio };
    this.scale = next;
    this.fitted = false;
    this.keepInView();
  }

  actualSize() {
    this.zoom(1 / this.scale / this.ratio);
    this.scale = 1 / this.ratio; // to the last digit: pixel on pixel
  }

  /**
   * @param {number} dx
   * @param {number} dy
   */
  pan(dx, dy) {
    this.center = { x: this.center.x - dx / this.scale, y: this.center.y - dy / this.scale };
    this.fitted = false;
    this.keepInView();
  }

  /** @param {Area} area of the photograph, to be seen whole and with what is around it */
  lookAt({ x, y, width, height }) {
    const pane = this.panes()[0];
    this.scale = Math.max(this.fitScale(), Math.min(MAX_ZOOM, LOOK_SHARE * Math.min(pane.width / width, pane.height / height)));
    this.center = { x: x + width / 2, y: y + height / 2 };
    this.fitted = false;
    this.keepInView();
  }

  keepInView() {
    this.center.x = Math.max(0, Math.min(this.width, this.center.x));
    this.center.y = Math.max(0, Math.min(this.height, this.center.y));
    this.changed();
  }

  /** @param {string} mode */
  show(mode) {
    this.mode = mode;
    if (this.fitted) this.fit();
    this.changed();
  }

  /** @param {number} share */
  setSplit(share) {
    this.split = Math.max(0, Math.min(1, share));
    this.changed();
  }

  // ------------------------------------------------------------------ drawing
  draw() {
    this.frame = 0;
    const { canvas, context, after, ratio } = this;
    const { width, height } = this.stage;
    const [deviceWidth, deviceHeight] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (canvas.width !== deviceWidth || canvas.height !== deviceHeight) Object.assign(canvas, { width: deviceWidth, height: deviceHeight });
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, deviceWidth, deviceHeight);
    if (!this.width || !this.before) return;
    const panes = this.panes();
    if (panes.length === 2 && after) {
      this.paint(this.before, panes[0], panes[0], ratio, false);
      this.paint(after, panes[1], panes[1], ratio, true);
      this.label(this.words.before, panes[0], "start", ratio);
      this.label(this.words.after, panes[1], "start", ratio);
    } else if (this.mode === "split" && after) {
      const { x } = this.splitSpan();
      this.paint(this.before, panes[0], { x: 0, y: 0, width: x, height }, ratio, true);
      this.paint(after, panes[0], { x, y: 0, width: width - x, height }, ratio, true);
      this.grip(x, ratio);
    } else {
      this.paint(this.mode === "before" || !after ? this.before : after, panes[0], panes[0], ratio, true);
    }
    if (this.showTarget) this.target(panes[0], ratio);
    this.hooks.zoomed(Math.round(this.scale * ratio * 100));
  }

  /**
   * @param {Picture} picture
   * @param {Area} pane
   * @param {Area} clip
   * @param {number} ratio
   * @param {boolean} overlaid
   */
  paint(picture, pane, clip, ratio, overlaid) {
    if (clip.width <= 0 || clip.height <= 0) return;
    const { context } = this;
    context.save();
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.beginPath();
    context.rect(clip.x, clip.y, clip.width, clip.height);
    context.clip();
    const scale = Math.abs(this.scale * ratio - 1) < 1e-9 ? 1 : this.scale * ratio;
    // On whole pixels of the canvas, or what is seen at full size would be blurred.
    const left = Math.round(ratio * (pane.x + pane.width / 2 - this.center.x * this.scale));
    const top = Math.round(ratio * (pane.y + pane.height / 2 - this.center.y * this.scale));
    context.setTransform(scale, 0, 0, scale, left, top);
    context.imageSmoothingEnabled = this.scale < 4; // closer than that, pixels are to be seen as they are
    context.imageSmoothingQuality = "high";
    context.save();
    context.beginPath();
    context.rect(0, 0, this.width, this.height);
    context.clip();
    picture.draw(context, scale, {
      x: (clip.x - pane.x - pane.width / 2) / this.scale + this.center.x,
      y: (clip.y - pane.y - pane.height / 2) / this.scale + this.center.y,
      width: clip.width / this.scale,
      height: clip.height / this.scale,
    });
    context.restore();
    if (overlaid) this.hooks.overlay(context, this.scale);
    context.restore();
  }

  /** The height on the stage of the slider's grip: at the photograph's foot, where it hides no face. */
  gripY() {
    const { height } = this.stage;
    const foot = Math.min(height - this.hooks.bars().foot, height / 2 + (this.height - this.center.y) * this.scale);
    return Math.max(30, foot - 30);
  }

  /**
   * @param {number} x
   * @param {number} ratio
   */
  grip(x, ratio) {
    const { context } = this;
    const { width, height } = this.stage;
    const y = this.gripY();
    const top = Math.max(0, height / 2 - this.center.y * this.scale);
    const foot = Math.min(height, height / 2 + (this.height - this.center.y) * this.scale);
    context.save();
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.shadowColor = "rgba(0,0,0,.45)";
    context.shadowBlur = 6;
    context.fillStyle = "#fff";
    context.fillRect(x - 0.75, top, 1.5, foot - top);
    context.beginPath();
    context.arc(x, y, 15, 0, 2 * Math.PI);
    context.fill();
    context.shadowBlur = 0;
    if (this.splitFocused) {
      context.strokeStyle = "#a33d22";
      context.lineWidth = 4;
      context.stroke();
    }
    context.strokeStyle = "#2a2725";
    context.lineWidth = 2;
    context.lineCap = context.lineJoin = "round";
    context.beginPath();
    for (const side of [-1, 1]) {
      context.moveTo(x + side * 4, y - 4);
      context.lineTo(x + side * 8, y);
      context.lineTo(x + side * 4, y + 4);
    }
    context.stroke();
    context.restore();
    if (!this.isNew) return;
    const pane = { x: 0, y: 0, width, height };
    this.label(this.words.before, pane, "start", ratio);
    this.label(this.words.after, pane, "end", ratio);
  }

  /**
   * A word in an upper corner of the photograph.
   * @param {string} text
   * @param {Area} pane
   * @param {"start" | "end"} place
   * @param {number} ratio
   */
  label(text, pane, place, ratio) {
    const { context } = this;
    context.save();
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.font = "600 12px system-ui, sans-serif";
    const width = context.measureText(text).width + 20;
    const [middle, half] = [pane.x + pane.width / 2, this.width / 2];
    const left = Math.max(pane.x, middle - this.center.x * this.scale);
    const right = Math.min(pane.x + pane.width, middle + (2 * half - this.center.x) * this.scale);
    const x = place === "start" ? left + 10 : right - width - 10;
    const y = Math.max(pane.y + this.hooks.bars().top, pane.y + pane.height / 2 - this.center.y * this.scale) + 10;
    context.fillStyle = "rgba(20,18,17,.66)";
    context.beginPath();
    context.roundRect(x, y, width, 26, 13);
    context.fill();
    context.fillStyle = "#fff";
    context.textBaseline = "middle";
    context.fillText(text, x + 10, y + 13.5);
    context.restore();
  }

  /**
   * Where the keyboard's Enter acts: the middle of the view.
   * @param {Area} pane
   * @param {number} ratio
   */
  target(pane, ratio) {
    const { context } = this;
    const x = pane.x + pane.width / 2;
    const y = pane.y + pane.height / 2;
    context.save();
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    for (const [color, width] of /** @type {[string, number][]} */ ([["rgba(0,0,0,.7)", 4], ["#fff", 1.5]])) {
      context.strokeStyle = color;
      context.lineWidth = width;
      context.beginPath();
      for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
        context.moveTo(x + dx * 5, y + dy * 5);
        context.lineTo(x + dx * 14, y + dy * 14);
      }
      context.stroke();
    }
    context.restore();
  }
}
