// @ts-check
// The shelf: a card for each photograph, what is said of it, and what is done with all of them.

import * as api from "./api.js";
import { $, button, input, make } from "./dom.js";
import { openDownload } from "./download.js";
import { History } from "./edit.js";
import { latestActive, latestDone } from "./library.js";
import { STEP_NAMES } from "./progress.js";
import { announce, confirmed, icon, tell, waitsTexts } from "./say.js";

/**
 * @import { Entry, Photo, Settings } from "./types.js"
 * @import { Library } from "./library.js"
 * @typedef {ReturnType<Shelf["cardOf"]>} Card
 * @typedef {{ text: string, wrong?: boolean, share?: number, ready?: boolean }} State
 */

/**
 * What a card says of its photograph.
 * @param {Entry} entry
 * @returns {State}
 */
function stateOf(entry) {
  if (entry.lost) return { text: "The page was closed before this was uploaded, and the browser could not keep it. Choose it again.", wrong: true };
  if (entry.failed) return { text: entry.failed, wrong: true };
  if (entry.waits) return { text: waitsTexts(entry.waits).join("; "), share: entry.photo ? 0 : entry.sent * 0.2 };
  if (entry.photo) return stateOfPhoto(entry.photo);
  if (entry.sent >= 1) return { text: "Reading", share: 0.2 };
  return { text: entry.sent ? `Uploading, ${Math.round(100 * entry.sent)} %` : "Waiting to be uploaded", share: entry.sent * 0.2 };
}

/**
 * @param {Photo} photo
 * @returns {State}
 */
function stateOfPhoto(photo) {
  const active = latestActive(photo);
  if (active?.state === "queued") return { text: active.position ? `Waiting, ${active.position} ahead` : "Next in line", share: 0 };
  if (active) return { text: `${STEP_NAMES[active.step || ""] || "Starting"}, ${Math.round(100 * active.progress)} %`, share: active.progress };
  if (latestDone(photo)) return { text: "Ready", ready: true };
  const last = photo.jobs.at(-1);
  return last?.state === "failed" ? { text: last.error || "This did not work.", wrong: true } : { text: "Not begun" };
}

export class Shelf {
  /**
   * @param {Library} library
   * @param {Settings} settings
   */
  constructor(library, settings) {
    this.library = library;
    /** @type {Map<Entry, Card>} */
    this.cards = new Map();
    button("zip-open").addEventListener("click", () => {
      const jobs = library.entries.flatMap(({ photo }) => (photo && latestDone(photo)) || []);
      openDownload({ jobs, photo: null, hasLocation: library.entries.some(({ photo }) => photo?.has_location), settings });
    });
  }

  draw() {
    const { entries } = this.library;
    const any = entries.length > 0;
    $("hero").hidden = any;
    $("promises").hidden = any;
    $("gallery").hidden = !any;
    $("shelf-actions").hidden = !any;
    const list = $("cards");
    const items = entries.map((entry) => this.drawCard(entry).item);
    for (const [entry, card] of this.cards) {
      if (entries.includes(entry)) continue;
      card.item.remove();
      this.cards.delete(entry);
    }
    items.forEach((item, at) => list.children[at] !== item && list.insertBefore(item, list.children[at] || null));
    this.drawZip();
  }

  drawZip() {
    $("zip-open").hidden = this.library.entries.filter(({ photo }) => photo && latestDone(photo)).length < 2;
  }

  /** @param {Entry} entry */
  drawCard(entry) {
    let card = this.cards.get(entry);
    if (!card) this.cards.set(entry, (card = this.cardOf(entry)));
    const { text, wrong, share, ready } = stateOf(entry);
    if (entry.photo) card.open.href = `#/p/${entry.photo.id}`;
    card.name.textContent = card.name.title = entry.name;
    card.state.textContent = text;
    card.state.className = wrong ? "wrong-text" : ready ? "ready" : "";
    card.bar.hidden = share === undefined;
    card.done.style.width = `${100 * (share || 0)}%`;
    card.remove.setAttribute("aria-label", `Delete ${entry.name}`);
    card.again.hidden = !entry.lost && (!entry.failed || Boolean(entry.final));
    card.again.textContent = entry.lost ? "Choose it again…" : "Try again";
    const done = entry.photo && latestDone(entry.photo);
    const wanted = done ? api.imageUrl(`jobs/${done.id}`, 512) : entry.photo ? api.imageUrl(`photos/${entry.photo.id}`, 512) : entry.local;
    if (wanted && card.picture.getAttribute("src") !== wanted) card.picture.src = wanted;
    return card;
  }

  /** @param {Entry} entry */
  cardOf(entry) {
    const picture = make("img", { alt: "", hidden: true, decoding: "async" }); // hidden until there is one
    picture.addEventListener("error", () => (picture.hidden = true));
    picture.addEventListener("load", () => (picture.hidden = false));
    const done = make("span");
    const bar = make("span", { className: "bar" }, done);
    const name = make("strong");
    const state = make("small");
    const frame = make("span", { className: "card-frame" }, icon("photo"), picture, bar);
    const open = make("a", { className: "card-open" }, frame, make("span", { className: "card-words" }, name, state));
    const remove = make("button", { type: "button", className: "icon small card-remove" }, icon("bin"));
    remove.addEventListener("click", () => this.remove(entry));
    const again = make("button", { type: "button", className: "quiet card-again", hidden: true });
    again.addEventListener("click", () => (entry.lost ? this.#chooseAgain(entry) : this.library.retry(entry)));
    const item = make("li", { className: "card" }, open, again, remove);
    return { item, open, picture, bar, done, name, state, remove, again };
  }

  /** @param {Entry} entry */
  #chooseAgain(entry) {
    const one = make("input", { type: "file", accept: input("chooser").accept });
    one.addEventListener("change", () => one.files?.length && this.library.chooseAgain(entry, one.files[0]));
    one.click();
  }

  /**
   * Delete a photograph, if the person is sure. Whether it is.
   * @param {Entry} entry
   */
  async remove(entry) {
    const sure = !entry.photo || (await confirmed(`Delete ${entry.name}?`, "The photograph, its results and its masks are deleted from the server at once. This cannot be undone.", "Delete"));
    if (!sure) return false;
    try {
      await this.library.remove(entry);
    } catch (refusal) {
      tell(/** @type {Error} */ (refusal).message, { wrong: true });
      return false;
    }
    if (entry.photo) History.forget(entry.photo.id);
    announce(`${entry.name} is deleted.`);
    /** @type {HTMLElement} */ ($("cards").querySelector(".card-open") || $("choose")).focus();
    return true;
  }
}
