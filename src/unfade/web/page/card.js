// @ts-check
// One card of the shelf: the photograph uncropped, with a wipe between before and after, and what is said of it.

import * as api from "./api.js";
import { make } from "./dom.js";
import { latestActive, latestDone } from "./library.js";
import { worthAgain } from "./line.js";
import { stepName } from "./progress.js";
import { icon, waitsTexts } from "./say.js";
import { t } from "./words.js";

/**
 * @import { Entry, Photo } from "./types.js"
 * @typedef {{ text: string, wrong?: boolean, share?: number, ready?: boolean }} State
 */

/**
 * What a card says of its photograph.
 * @param {Entry} entry
 * @returns {State}
 */
function stateOf(entry) {
  if (entry.failed) return { text: entry.failed, wrong: true };
  if (entry.lost) return { text: t("card.lost"), wrong: true };
  if (entry.waits) return { text: waitsTexts(entry.waits).join("; "), share: entry.photo ? 0 : entry.sent * 0.2 };
  if (entry.photo) return stateOfPhoto(entry.photo);
  if (entry.sent >= 1) return { text: t("card.reading"), share: 0.2 };
  return { text: entry.sent ? t("card.uploading", { n: Math.round(100 * entry.sent) }) : t("card.to-upload"), share: entry.sent * 0.2 };
}

/**
 * @param {Photo} photo
 * @returns {State}
 */
function stateOfPhoto(photo) {
  const active = latestActive(photo);
  if (active?.state === "queued") return { text: active.position ? t("wait.ahead", { n: active.position }) : t("wait.next-in-line"), share: 0 };
  if (active) return { text: t("step.progress", { step: stepName(active.step), n: Math.round(100 * active.progress) }), share: active.progress };
  if (latestDone(photo)) return { text: t("card.ready"), ready: true };
  const last = photo.jobs.at(-1);
  return last?.state === "failed" ? { text: last.error || t("card.failed"), wrong: true } : { text: t("card.not-begun") };
}

export class Card {
  /**
   * @param {Entry} entry
   * @param {{ remove: () => void, again: () => void, chosen: () => void }} acts
   */
  constructor(entry, acts) {
    this.entry = entry;
    this.picture = this.#image("");
    this.before = this.#image("card-before");
    this.done = make("span");
    this.bar = make("span", { className: "bar" }, this.done);
    this.name = make("strong");
    this.state = make("small");
    this.frame = make("span", { className: "card-frame" }, icon("photo"), this.picture, this.before, make("span", { className: "card-wipe" }), this.bar);
    this.open = make("a", { className: "card-open" }, this.frame, make("span", { className: "card-words" }, this.name, this.state));
    this.remove = make("button", { type: "button", className: "icon small card-remove" }, icon("bin"));
    this.remove.addEventListener("click", acts.remove);
    this.again = make("button", { type: "button", className: "quiet card-again", hidden: true });
    this.again.addEventListener("click", acts.again);
    this.pick = make("input", { type: "checkbox", className: "card-pick", hidden: true });
    this.pick.addEventListener("change", acts.chosen);
    this.item = make("li", { className: "card" }, this.open, this.again, this.remove, this.pick);
    this.open.addEventListener("click", (event) => {
      if (this.pick.hidden) return;
      event.preventDefault();
      this.pick.checked = !this.pick.checked;
      acts.chosen();
    });
    this.#wireWipe();
  }

  /** @param {string} className */
  #image(className) {
    const image = make("img", { alt: "", className, hidden: true, decoding: "async", draggable: false }); // hidden until there is one
    let tries = 0;
    image.addEventListener("error", async () => {
      image.hidden = true;
      const address = image.getAttribute("src") || "";
      if (address.startsWith("blob:")) return; // a file of a kind that the browser does not show
      await worthAgain(tries);
      tries += 1;
      if (image.isConnected && image.getAttribute("src") === address) image.src = address;
    });
    image.addEventListener("load", () => {
      image.hidden = false;
      tries = 0;
    });
    return image;
  }

  /** The pointer, or a finger across, wipes from after to before. */
  #wireWipe() {
    const wipe = (/** @type {PointerEvent} */ event) => {
      const done = this.entry.photo && latestDone(this.entry.photo);
      if (!done || (event.pointerType !== "mouse" && !event.buttons)) return;
      this.#show(this.before, api.imageUrl(`photos/${this.entry.photo?.id}`, 512));
      const box = this.frame.getBoundingClientRect();
      this.frame.style.setProperty("--wipe", `${Math.round(100 * Math.max(0, Math.min(1, (event.clientX - box.left) / box.width)))}%`);
      this.frame.classList.add("wiping");
    };
    this.frame.addEventListener("pointermove", wipe);
    for (const name of ["pointerleave", "pointercancel", "pointerup"]) {
      this.frame.addEventListener(name, () => {
        this.frame.classList.remove("wiping");
        this.frame.style.removeProperty("--wipe");
      });
    }
  }

  /**
   * @param {HTMLImageElement} image
   * @param {string | null} address
   */
  #show(image, address) {
    if (address && image.getAttribute("src") !== address) image.src = address;
  }

  /** @param {boolean} choosing whether cards are being selected */
  draw(choosing) {
    const { entry } = this;
    const { photo } = entry;
    const { text, wrong, share, ready } = stateOf(entry);
    if (photo) this.open.href = `#/p/${photo.id}`;
    this.name.textContent = this.name.title = entry.name;
    this.state.textContent = text;
    this.state.className = wrong ? "wrong-text" : ready ? "ready" : "";
    this.bar.hidden = share === undefined;
    this.done.style.width = `${100 * (share || 0)}%`;
    this.remove.setAttribute("aria-label", t("card.delete", { name: entry.name }));
    this.again.hidden = !entry.lost && (!entry.failed || Boolean(entry.final));
    this.again.textContent = t(entry.lost ? "card.choose-again" : "app.again");
    this.pick.hidden = !choosing || !photo;
    if (this.pick.hidden) this.pick.checked = false;
    this.pick.setAttribute("aria-label", t("shelf.pick", { name: entry.name }));
    const done = photo && latestDone(photo);
    this.#show(this.picture, done ? api.imageUrl(`jobs/${done.id}`, 512) : photo ? api.imageUrl(`photos/${photo.id}`, 512) : entry.local);
  }
}
