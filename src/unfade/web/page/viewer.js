// A pan-and-zoom view of two pictures of one size: before and after, behind a slider or side by side.
// Coordinates are of three kinds: photo (pixels of the upright photograph), stage (CSS pixels of the canvas), device (canvas pixels).

import * as api from "./api.js";

const BASE_SIDE_PX = 1024;
const TILE_PX = 512;
const MAX_TILES = 160;
const MAX_CANVAS_PX = 12e6; // a denser screen than that is drawn a little coarser
const MAX_ZOOM = 16; // CSS pixels for one of the photograph
const GRIP_PX = 26;
const GAP_PX = 12;
const BARS_PX = { top: 68, foot: 88 }; // what lies over the stage's edges; the whole photograph is shown between

/** One picture of the server: a small whole one at once, and sharper tiles of what is in view. */
export class Pyramid {
  constructor(thing, width, height, changed) {
    Object.assign(this, { thing, width, height, changed });
    this.tiles = new Map();
    this.base = new Image();
    this.base.decoding = "async";
    this.ready = new Promise((resolve) => {
      this.base.onload = () => {
        resolve(true);
        changed();
      };
      this.base.onerror = () => resolve(false);
    });
    this.base.src = api.imageUrl(thing, BASE_SIDE_PX);
    this.maxLevel = Math.ceil(Math.log2(Math.max(width, height)));
    this.minLevel = Math.min(this.maxLevel, Math.log2(TILE_PX));
  }

  /** `scale`: device pixels for one of the photograph; `area`: what is in view, in photo pixels. The context draws in photo pixels. */
  draw(context, scale, area) {
    if (this.base.complete && this.base.naturalWidth) context.drawImage(this.base, 0, 0, this.width, this.height);
    const have = this.base.naturalWidth / this.width || 0;
    if (!have || have >= Math.min(1, scale * 0.95)) return;
    const level = Math.max(this.minLevel, Math.min(this.maxLevel, this.maxLevel + Math.ceil(Math.log2(scale))));
    const spanPx = TILE_PX * 2 ** (this.maxLevel - level);
    const right = Math.min(this.width, area.x + area.width);
    const bottom = Math.min(this.height, area.y + area.height);
    for (let row = Math.max(0, Math.floor(area.y / spanPx)); row * spanPx < bottom; row += 1) {
      for (let column = Math.max(0, Math.floor(area.x / spanPx)); column * spanPx < right; column += 1) {
        const tile = this.tile(level, column, row);
        if (!tile.complete || !tile.naturalWidth) continue;
        const width = Math.min(spanPx, this.width - column * spanPx);
        const height = Math.min(spanPx, this.height - row * spanPx);
        // A hair wider, so that no seam shows between tiles; at whole zooms there is none, and pixels are to be seen as they are.
        const hair = Number.isInteger(scale) ? 0 : 0.5 / scale;
        context.drawImage(tile, column * spanPx, row * spanPx, width + hair, height + hair);
      }
    }
  }

  tile(level, column, row) {
    const key = `${level}/${column}/${row}`;
    let tile = this.tiles.get(key);
    if (tile) {
      this.tiles.delete(key); // to the end: the oldest goes first
    } else {
      tile = new Image();
      tile.decoding = "async";
      tile.onload = this.changed;
      tile.src = api.tileUrl(this.thing, level, column, row);
      if (this.tiles.size >= MAX_TILES) this.tiles.delete(this.tiles.keys().next().value);
    }
    this.tiles.set(key, tile);
    return tile;
  }
}

/** A canvas or bitmap in a picture's place (a preview, which is smaller than the photograph). */
export class Flat {
  constructor(picture, width, height) {
    Object.assign(this, { picture, width, height });
  }

  draw(context) {
    context.drawImage(this.picture, 0, 0, this.width, this.height);
  }
}

export class Viewer {
  /** `hooks`: { overlay(context, scale), split(share), zoomed(percent) }. */
  constructor(canvas, hooks) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.hooks = hooks;
    this.before = null;
    this.after = null;
    this.mode = "split";
    this.split = 0.5;
    this.tool = null; // { cursor, down, move, up, hover, leave, cancel }; null pans
    this.center = { x: 0, y: 0 };
    this.scale = 1;
    this.fitted = true;
    this.panning = false; // the space bar is held: pan, whatever the tool
    this.pointers = new Map();
    this.gesture = null;
    this.splitFocused = false;
    this.showTarget = false;
    this.changed = () => {
      this.frame ||= requestAnimationFrame(() => this.draw());
    };
    this.listen();
  }

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
    const bars = BARS_PX.top + BARS_PX.foot;
    const beside = Math.min(halfWidth / this.width, (height - bars) / this.height);
    const above = Math.min(width / this.width, (halfHeight - bars) / this.height);
    if (beside >= above) return [{ x: 0, y: 0, width: halfWidth, height }, { x: halfWidth + GAP_PX, y: 0, width: halfWidth, height }];
    return [{ x: 0, y: 0, width, height: halfHeight }, { x: 0, y: halfHeight + GAP_PX, width, height: halfHeight }];
  }

  fitScale() {
    const pane = this.panes()[0];
    const margin = Math.min(32, pane.width * 0.03);
    const height = Math.max(pane.height * 0.6, pane.height - BARS_PX.top - BARS_PX.foot);
    return Math.max(1e-4, Math.min((pane.width - 2 * margin) / this.width, height / this.height, 4));
  }

  fit() {
    if (!this.width) return;
    this.fitted = true;
    this.scale = this.fitScale();
    this.center = { x: this.width / 2, y: this.height / 2 + (BARS_PX.foot - BARS_PX.top) / 2 / this.scale };
    this.changed();
  }

  toPhoto(x, y) {
    const panes = this.panes();
    const pane = panes.find((p) => x >= p.x && x < p.x + p.width && y >= p.y && y < p.y + p.height) || panes[0];
    return {
      x: (x - pane.x - pane.width / 2) / this.scale + this.center.x,
      y: (y - pane.y - pane.height / 2) / this.scale + this.center.y,
    };
  }

  at(event) {
    const box = this.canvas.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  /** The slider runs over what is to be seen of the photograph, in stage pixels. */
  splitSpan() {
    const { width } = this.stage;
    const left = Math.max(0, width / 2 - this.center.x * this.scale);
    const right = Math.min(width, width / 2 + (this.width - this.center.x) * this.scale);
    return { left, right, x: left + this.split * (right - left) };
  }

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

  pan(dx, dy) {
    this.center = { x: this.center.x - dx / this.scale, y: this.center.y - dy / this.scale };
    this.fitted = false;
    this.keepInView();
  }

  keepInView() {
    this.center.x = Math.max(0, Math.min(this.width, this.center.x));
    this.center.y = Math.max(0, Math.min(this.height, this.center.y));
    this.changed();
  }

  show(mode) {
    this.mode = mode;
    if (this.fitted) this.fit();
    this.changed();
  }

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
    if (panes.length === 2) {
      this.paint(this.before, panes[0], panes[0], ratio, false);
      this.paint(after, panes[1], panes[1], ratio, true);
      this.label("Before", panes[0], "corner", ratio);
      this.label("After", panes[1], "corner", ratio);
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

  grip(x, ratio) {
    const { context } = this;
    const { width, height } = this.stage;
    const y = height / 2;
    const top = Math.max(0, y - this.center.y * this.scale);
    const foot = Math.min(height, y + (this.height - this.center.y) * this.scale);
    context.save();
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.shadowColor = "rgba(0,0,0,.45)";
    context.shadowBlur = 8;
    context.fillStyle = "#fff";
    context.fillRect(x - 1, top, 2, foot - top);
    context.beginPath();
    context.arc(x, y, 20, 0, 2 * Math.PI);
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
      context.moveTo(x + side * 5, y - 5);
      context.lineTo(x + side * 10, y);
      context.lineTo(x + side * 5, y + 5);
    }
    context.stroke();
    context.restore();
    if (x > 86) this.label("Before", { x: x - 86, y: 0, width: 86, height }, "slider", ratio);
    if (width - x > 86) this.label("After", { x, y: 0, width: 86, height }, "slider", ratio);
  }

  label(text, pane, place, ratio) {
    const { context } = this;
    context.save();
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.font = "600 12px system-ui, sans-serif";
    const width = context.measureText(text).width + 20;
    // In a pane of its own: in the photograph's corner, below the bar. Else: beside the slider's grip.
    const corner = { x: pane.x + pane.width / 2 - this.center.x * this.scale, y: pane.y + pane.height / 2 - this.center.y * this.scale };
    const x = place === "corner" ? Math.max(pane.x, corner.x) + 10 : pane.x + (pane.width - width) / 2;
    const y = place === "corner" ? Math.max(pane.y + BARS_PX.top, corner.y) + 10 : pane.y + pane.height / 2 - 66;
    context.fillStyle = "rgba(20,18,17,.66)";
    context.beginPath();
    context.roundRect(x, y, width, 26, 13);
    context.fill();
    context.fillStyle = "#fff";
    context.textBaseline = "middle";
    context.fillText(text, x + 10, y + 13.5);
    context.restore();
  }

  /** Where the keyboard's Enter acts: the middle of the view. */
  target(pane, ratio) {
    const { context } = this;
    const x = pane.x + pane.width / 2;
    const y = pane.y + pane.height / 2;
    context.save();
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    for (const [color, width] of [["rgba(0,0,0,.7)", 4], ["#fff", 1.5]]) {
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

  // ------------------------------------------------------------------ hands
  listen() {
    const { canvas } = this;
    new ResizeObserver(() => (this.fitted ? this.fit() : this.changed())).observe(canvas);
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      const { x, y } = this.at(event);
      const unit = event.deltaMode === 1 ? 16 : 1;
      if (event.shiftKey && !event.ctrlKey) this.pan(-(event.deltaX || event.deltaY) * unit, 0);
      else this.zoom(Math.exp(-event.deltaY * unit * (event.ctrlKey ? 0.01 : 0.0018)), x, y);
    }, { passive: false });
    canvas.addEventListener("dblclick", (event) => {
      if (this.tool || !this.width) return;
      const { x, y } = this.at(event);
      if (this.scale > this.fitScale() * 1.5) this.fit();
      else this.zoom(Math.max(2.5, 1 / this.scale), x, y);
    });
    canvas.addEventListener("pointerdown", (event) => this.down(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, (event) => this.up(event));
    canvas.addEventListener("pointerleave", () => this.tool?.leave?.());
    canvas.addEventListener("contextmenu", (event) => this.tool && event.preventDefault());
  }

  nearGrip(point) {
    return this.mode === "split" && this.after && Math.abs(point.x - this.splitSpan().x) < GRIP_PX
      && (!this.tool || Math.abs(point.y - this.stage.height / 2) < GRIP_PX);
  }

  down(event) {
    if (!this.width) return;
    const point = this.at(event);
    this.canvas.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, point);
    if (this.pointers.size === 2) {
      if (this.gesture === "tool") this.tool?.cancel?.();
      this.gesture = "pinch";
    } else if (this.nearGrip(point)) {
      this.gesture = "split";
    } else if (this.tool && event.button === 0 && !this.panning) {
      this.gesture = "tool";
      this.tool.down(this.toPhoto(point.x, point.y));
    } else {
      this.gesture = "pan";
    }
    this.cursor(point);
  }

  move(event) {
    if (!this.width) return;
    const point = this.at(event);
    const last = this.pointers.get(event.pointerId);
    if (!last) {
      this.cursor(point);
      this.tool?.hover?.(this.toPhoto(point.x, point.y));
      return;
    }
    this.pointers.set(event.pointerId, point);
    if (this.gesture === "pinch" && this.pointers.size >= 2) {
      this.pinch(event.pointerId, last);
    } else if (this.gesture === "split") {
      const { left, right } = this.splitSpan();
      this.setSplit((point.x - left) / Math.max(1, right - left));
      this.hooks.split(this.split);
    } else if (this.gesture === "tool") {
      // Every point between two frames, so that a quick stroke stays round.
      const all = event.getCoalescedEvents?.() || [];
      for (const each of all.length ? all : [event]) {
        const { x, y } = this.at(each);
        this.tool?.move?.(this.toPhoto(x, y));
      }
    } else if (this.gesture === "pan") {
      this.pan(point.x - last.x, point.y - last.y);
    }
  }

  /** Two fingers: zoom by how their distance changed, and pan by how their middle did. */
  pinch(moved, last) {
    const [a, b] = [...this.pointers.entries()].slice(0, 2).map(([id, now]) => ({ now, was: id === moved ? last : now }));
    const middle = { x: (a.now.x + b.now.x) / 2, y: (a.now.y + b.now.y) / 2 };
    this.pan(middle.x - (a.was.x + b.was.x) / 2, middle.y - (a.was.y + b.was.y) / 2);
    const was = Math.hypot(a.was.x - b.was.x, a.was.y - b.was.y) || 1;
    this.zoom(Math.hypot(a.now.x - b.now.x, a.now.y - b.now.y) / was, middle.x, middle.y);
  }

  up(event) {
    if (!this.pointers.delete(event.pointerId)) return;
    if (this.gesture === "tool") {
      if (event.type === "pointercancel") this.tool?.cancel?.();
      else this.tool?.up?.();
    }
    if (!this.pointers.size) this.gesture = null;
    else if (this.gesture === "pinch") this.gesture = "pan";
    this.cursor(this.at(event));
  }

  cursor(point) {
    let cursor = this.gesture === "pan" ? "grabbing" : "grab";
    if (this.gesture === "split" || (!this.gesture && this.nearGrip(point))) cursor = "ew-resize";
    else if (this.tool && !this.panning && this.gesture !== "pan") cursor = this.tool.cursor;
    this.canvas.style.cursor = cursor;
  }
}
