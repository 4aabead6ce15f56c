// @ts-check
// The dialog that takes a color from another photograph.

import * as api from "./api.js";
import { $, button, canvas, dialog as dialogOf, input, make, pencil } from "./dom.js";
import { loadPatiently } from "./line.js";
import { t } from "./words.js";

/** @import { Library } from "./library.js" */

const MEAN_OVER_PX = 2; // a single pixel is grain, not color

export class PickColor {
  /** @param {Library} library */
  constructor(library) {
    this.library = library;
    this.canvas = canvas("pick-canvas");
    this.context = pencil(this.canvas, { willReadFrequently: true });
    /** @type {string | null} */
    this.color = null;
    /** @type {File | string | null} what is being loaded */
    this.wanted = null;
    /** @type {HTMLImageElement | ImageBitmap | null} */
    this.picture = null;
    this.at = { x: 0, y: 0 };
    this.canvas.addEventListener("pointerdown", (event) => {
      const { width, height } = this.canvas;
      const box = this.canvas.getBoundingClientRect();
      const shown = Math.min(box.width / width, box.height / height); // in its middle, with room beside or above
      this.take((event.clientX - box.left - (box.width - width * shown) / 2) / shown, (event.clientY - box.top - (box.height - height * shown) / 2) / shown);
    });
    this.canvas.addEventListener("keydown", (event) => {
      /** @type {Record<string, [number, number]>} */
      const steps = { ArrowLeft: [-6, 0], ArrowRight: [6, 0], ArrowUp: [0, -6], ArrowDown: [0, 6] };
      const [dx, dy] = steps[event.key] || [0, 0];
      if (!dx && !dy && event.key !== "Enter") return;
      event.preventDefault();
      if (event.key === "Enter" && this.color) dialogOf("pick").close("take");
      else this.take(this.at.x + dx, this.at.y + dy);
    });
    button("pick-choose").addEventListener("click", () => input("pick-file").click());
    input("pick-file").addEventListener("change", async () => {
      const chosen = input("pick-file").files?.[0];
      input("pick-file").value = "";
      if (!chosen) return;
      this.wanted = chosen;
      try {
        const picture = await createImageBitmap(chosen);
        if (this.wanted === chosen) this.show(picture);
      } catch {
        $("picked").textContent = t("pick.unreadable", { name: chosen.name });
      }
    });
  }

  /** @returns {Promise<string | null>} #rrggbb */
  open() {
    this.color = null;
    button("pick-take").disabled = true;
    $("picked").textContent = t("pick.click");
    $("picked").style.removeProperty("--picked");
    const photos = this.library.entries.flatMap(({ photo }) => photo || []);
    $("pick-from").replaceChildren(...photos.map((photo) => {
      const picture = make("img", { alt: "" });
      loadPatiently(picture, api.imageUrl(`photos/${photo.id}`, 256), () => picture.isConnected);
      const choice = make("button", { type: "button", ariaLabel: photo.name }, picture);
      choice.addEventListener("click", () => this.showUrl(api.imageUrl(`photos/${photo.id}`, 1024)));
      return choice;
    }));
    if (photos.length) this.showUrl(api.imageUrl(`photos/${photos[0].id}`, 1024));
    const dialog = dialogOf("pick");
    dialog.returnValue = "";
    dialog.showModal();
    return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "take" ? this.color : null), { once: true }));
  }

  /** @param {string} url */
  showUrl(url) {
    const picture = new Image();
    const isWanted = () => this.wanted === url; // another may have been chosen meanwhile
    this.wanted = url;
    picture.onload = () => isWanted() && this.show(picture);
    loadPatiently(picture, url, isWanted);
  }

  /** @param {HTMLImageElement | ImageBitmap} picture */
  show(picture) {
    const shrink = Math.min(1, 960 / Math.max(picture.width, picture.height));
    this.canvas.width = Math.max(1, Math.round(picture.width * shrink));
    this.canvas.height = Math.max(1, Math.round(picture.height * shrink));
    this.picture = picture;
    this.at = { x: this.canvas.width / 2, y: this.canvas.height / 2 };
    this.context.drawImage(picture, 0, 0, this.canvas.width, this.canvas.height);
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  take(x, y) {
    const { canvas, context, picture } = this;
    if (!picture) return;
    this.at = { x: Math.max(0, Math.min(canvas.width - 1, x)), y: Math.max(0, Math.min(canvas.height - 1, y)) };
    context.drawImage(picture, 0, 0, canvas.width, canvas.height);
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
    button("pick-take").disabled = false;
  }
}
