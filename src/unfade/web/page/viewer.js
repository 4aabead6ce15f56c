// A canvas that shows before and after, divided by a slider or side by side, with pan and zoom, the damage on top, and a brush.
// All positions are kept in pixels of the photograph.

export class Viewer {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.mode = "slider";
    this.split = 0.5;
    this.overlay = false;
    this.tool = "hand";
    this.pointers = new Map();
    this.onstroke = this.ontap = this.onsplit = () => {};
    new ResizeObserver(() => { this.resize(); }).observe(canvas);
    canvas.addEventListener("pointerdown", (event) => this.down(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, (event) => this.up(event));
    canvas.addEventListener("wheel", (event) => { event.preventDefault(); this.zoom(Math.exp(-event.deltaY * 0.0015), event.offsetX, event.offsetY); }, { passive: false });
    canvas.addEventListener("keydown", (event) => this.key(event));
    this.clear();
  }

  clear() { Object.assign(this, { width: 1, height: 1, before: null, after: null, ink: null, shapes: null, marks: [], scale: 1, x: 0, y: 0 }); this.draw(); }

  open(width, height) {
    this.clear();
    Object.assign(this, { width, height });
    const share = Math.min(1, 2048 / Math.max(width, height));
    this.ink = Object.assign(document.createElement("canvas"), { width: Math.max(1, Math.round(width * share)), height: Math.max(1, Math.round(height * share)) });
    this.fit();
  }

  resize() {
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = Math.max(1, Math.round(this.canvas.clientWidth * ratio));
    this.canvas.height = Math.max(1, Math.round(this.canvas.clientHeight * ratio));
    this.fit();
  }

  get pane() { return this.mode === "side" ? this.canvas.clientWidth / 2 : this.canvas.clientWidth; }

  fit() {
    const tall = this.canvas.clientHeight;
    this.scale = Math.min((this.pane - 24) / this.width, (tall - 24) / this.height);
    this.x = (this.pane - this.width * this.scale) / 2;
    this.y = (tall - this.height * this.scale) / 2;
    this.draw();
  }

  zoom(factor, x = this.pane / 2, y = this.canvas.clientHeight / 2) {
    const least = Math.min(this.pane / this.width, this.canvas.clientHeight / this.height) / 2;
    const scale = Math.min(Math.max(this.scale * factor, least), 16);
    this.x = x - ((x - this.x) * scale) / this.scale;
    this.y = y - ((y - this.y) * scale) / this.scale;
    this.scale = scale;
    this.draw();
  }

  at(event) {
    const x = this.mode === "side" && event.offsetX > this.pane ? event.offsetX - this.pane : event.offsetX;
    return [(x - this.x) / this.scale, (event.offsetY - this.y) / this.scale];
  }

  down(event) {
    this.canvas.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, [event.offsetX, event.offsetY]);
    this.moved = 0;
    if (this.pointers.size === 1 && (this.tool === "brush" || this.tool === "eraser")) {
      this.onstroke("begin");
      this.last = this.at(event);
      this.paint(this.last);
    }
    const middle = this.split * this.canvas.clientWidth;
    this.dividing = this.tool === "hand" && this.mode === "slider" && this.after && Math.abs(event.offsetX - middle) < 14;
  }

  move(event) {
    const old = this.pointers.get(event.pointerId);
    if (!old) return;
    const now = [event.offsetX, event.offsetY];
    this.moved += Math.hypot(now[0] - old[0], now[1] - old[1]);
    if (this.pointers.size === 2) {
      const [other] = [...this.pointers].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
      const before = Math.hypot(old[0] - other[0], old[1] - other[1]), after = Math.hypot(now[0] - other[0], now[1] - other[1]);
      if (before > 4) this.zoom(after / before, (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
    } else if (this.last) {
      this.paint(this.at(event));
    } else if (this.dividing) {
      this.split = Math.min(Math.max(now[0] / this.canvas.clientWidth, 0), 1);
      this.onsplit(this.split);
    } else {
      this.x += now[0] - old[0];
      this.y += now[1] - old[1];
    }
    this.pointers.set(event.pointerId, now);
    this.draw();
  }

  up(event) {
    if (!this.pointers.delete(event.pointerId)) return;
    if (this.last) { this.last = null; this.onstroke("end"); return; }
    if (this.moved < 5 && event.type === "pointerup") this.ontap(...this.at(event));
  }

  key(event) {
    const step = 40;
    const moves = { ArrowLeft: [step, 0], ArrowRight: [-step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] };
    if (event.key === "+" || event.key === "=") this.zoom(1.25);
    else if (event.key === "-") this.zoom(0.8);
    else if (event.key === "0") this.fit();
    else if (moves[event.key]) { this.x += moves[event.key][0]; this.y += moves[event.key][1]; this.draw(); } else return;
    event.preventDefault();
  }

  paint([x, y]) {
    const share = this.ink.width / this.width, brush = this.ink.getContext("2d");
    brush.globalCompositeOperation = this.tool === "eraser" ? "destination-out" : "source-over";
    brush.strokeStyle = "#ff3b30";
    brush.lineCap = brush.lineJoin = "round";
    brush.lineWidth = Math.max(1, (this.brush / this.scale) * share);
    brush.beginPath();
    brush.moveTo(this.last[0] * share, this.last[1] * share);
    brush.lineTo(x * share + 0.01, y * share);
    brush.stroke();
    this.last = [x, y];
    this.draw();
  }

  draw() {
    const ratio = window.devicePixelRatio || 1, { context } = this, wide = this.canvas.clientWidth, tall = this.canvas.clientHeight;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, wide, tall);
    context.imageSmoothingEnabled = this.scale < 4;
    const picture = (image, left, from, to) => {
      if (!image) return;
      context.save();
      context.beginPath();
      context.rect(from, 0, to - from, tall);
      context.clip();
      context.drawImage(image, left + this.x, this.y, this.width * this.scale, this.height * this.scale);
      if (this.overlay && this.ink) { context.globalAlpha = 0.6; context.drawImage(this.ink, left + this.x, this.y, this.width * this.scale, this.height * this.scale); context.globalAlpha = 1; }
      context.restore();
    };
    const after = this.after || this.before;
    if (this.mode === "side") {
      picture(this.before, 0, 0, this.pane);
      picture(after, this.pane, this.pane, wide);
      context.fillStyle = "#8888";
      context.fillRect(this.pane - 1, 0, 2, tall);
    } else {
      const middle = this.after ? this.split * wide : 0;
      picture(this.before, 0, 0, middle);
      picture(after, 0, middle, wide);
      if (this.after) {
        context.fillStyle = "#fff";
        context.fillRect(middle - 1, 0, 2, tall);
        context.beginPath();
        context.arc(middle, tall / 2, 11, 0, 7);
        context.fill();
      }
    }
    for (const mark of this.marks) {
      context.beginPath();
      context.arc(this.x + mark.x * this.scale, this.y + mark.y * this.scale, 8, 0, 7);
      context.fillStyle = mark.color;
      context.fill();
      context.lineWidth = 2;
      context.strokeStyle = "#fff";
      context.stroke();
    }
  }
}
