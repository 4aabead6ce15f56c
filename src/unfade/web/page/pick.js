// The dialog that takes a color from another photograph.

import * as api from "./api.js";

const $ = (id) => document.getElementById(id);
const MEAN_OVER_PX = 2; // a single pixel is grain, not color

export class PickColor {
  constructor(library) {
    this.library = library;
    this.canvas = $("pick-canvas");
    this.context = this.canvas.getContext("2d", { willReadFrequently: true });
    this.color = null;
    this.at = { x: 0, y: 0 };
    this.canvas.addEventListener("pointerdown", (event) => {
      const { canvas } = this;
      const box = canvas.getBoundingClientRect();
      const shown = Math.min(box.width / canvas.width, box.height / canvas.height); // in its middle, with room beside or above
      const from = (start, size, length) => (start - (size - length * shown) / 2) / shown;
      this.take(from(event.clientX - box.left, box.width, canvas.width), from(event.clientY - box.top, box.height, canvas.height));
    });
    this.canvas.addEventListener("keydown", (event) => {
      const [dx, dy] = { ArrowLeft: [-6, 0], ArrowRight: [6, 0], ArrowUp: [0, -6], ArrowDown: [0, 6] }[event.key] || [0, 0];
      if (!dx && !dy && event.key !== "Enter") return;
      event.preventDefault();
      if (event.key === "Enter" && this.color) $("pick").close("take");
      else this.take(this.at.x + dx, this.at.y + dy);
    });
    $("pick-choose").addEventListener("click", () => $("pick-file").click());
    $("pick-file").addEventListener("change", async (event) => {
      const [chosen] = event.target.files;
      event.target.value = "";
      if (!chosen) return;
      this.wanted = chosen;
      try {
        const picture = await createImageBitmap(chosen);
        if (this.wanted === chosen) this.show(picture);
      } catch {
        $("picked").textContent = `This browser cannot show ${chosen.name}.`;
      }
    });
  }

  /** Resolves to "#rrggbb", or null. */
  open() {
    this.color = null;
    $("pick-take").disabled = true;
    $("picked").textContent = "Click a place in it.";
    $("picked").style.removeProperty("--picked");
    const entries = this.library.entries.filter((entry) => entry.photo);
    $("pick-from").replaceChildren(...entries.map((entry) => {
      const button = document.createElement("button");
      button.type = "button";
      button.setAttribute("aria-label", entry.name);
      const picture = document.createElement("img");
      picture.alt = "";
      picture.src = api.imageUrl(`photos/${entry.photo.id}`, 256);
      button.append(picture);
      button.addEventListener("click", () => this.showUrl(api.imageUrl(`photos/${entry.photo.id}`, 1024)));
      return button;
    }));
    if (entries.length) this.showUrl(api.imageUrl(`photos/${entries[0].photo.id}`, 1024));
    const dialog = $("pick");
    dialog.returnValue = "";
    dialog.showModal();
    return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "take" ? this.color : null), { once: true }));
  }

  async showUrl(url) {
    const picture = new Image();
    picture.src = url;
    this.wanted = url;
    await picture.decode();
    if (this.wanted === url) this.show(picture); // another may have been chosen meanwhile
  }

  show(picture) {
    const shrink = Math.min(1, 960 / Math.max(picture.width, picture.height));
    this.canvas.width = Math.max(1, Math.round(picture.width * shrink));
    this.canvas.height = Math.max(1, Math.round(picture.height * shrink));
    this.picture = picture;
    this.at = { x: this.canvas.width / 2, y: this.canvas.height / 2 };
    this.context.drawImage(picture, 0, 0, this.canvas.width, this.canvas.height);
  }

  take(x, y) {
    const { canvas, context } = this;
    this.at = { x: Math.max(0, Math.min(canvas.width - 1, x)), y: Math.max(0, Math.min(canvas.height - 1, y)) };
    context.drawImage(this.picture, 0, 0, canvas.width, canvas.height);
    const size = 2 * MEAN_OVER_PX + 1;
    const { data } = context.getImageData(Math.round(this.at.x) - MEAN_OVER_PX, Math.round(this.at.y) - MEAN_OVER_PX, size, size);
    const sums = [0, 0, 0];
    let seen = 0;
    for (let at = 0; at < data.length; at += 4) {
      if (!data[at + 3]) continue; // beside the picture
      seen += 1;
      for (let channel = 0; channel < 3; channel += 1) sums[channel] += data[at + channel];
    }
    this.color = `#${sums.map((sum) => Math.round(sum / Math.max(1, seen)).toString(16).padStart(2, "0")).join("")}`;
    context.lineWidth = 4;
    context.strokeStyle = "#000";
    context.beginPath();
    context.arc(this.at.x, this.at.y, 10, 0, 2 * Math.PI);
    context.stroke();
    context.lineWidth = 2;
    context.strokeStyle = "#fff";
    context.stroke();
    $("picked").textContent = this.color;
    $("picked").style.setProperty("--picked", this.color);
    $("pick-take").disabled = false;
  }
}
