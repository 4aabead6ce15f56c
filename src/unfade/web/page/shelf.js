// @ts-check
// The shelf: a card for each photograph, and what is done with several of them at once.

import * as api from "./api.js";
import { Card } from "./card.js";
import { $, button, input, make } from "./dom.js";
import { openDownload } from "./download.js";
import { History } from "./edit.js";
import { latestDone } from "./library.js";
import { changeAll, tellRefused } from "./many.js";
import { patiently } from "./patience.js";
import { announce, confirmed, tell } from "./say.js";
import { spoken, t } from "./words.js";

/**
 * @import { Edit, Entry, Settings } from "./types.js"
 * @import { Library } from "./library.js"
 */

export class Shelf {
  /**
   * @param {Library} library
   * @param {Settings} settings
   */
  constructor(library, settings) {
    this.library = library;
    this.settings = settings;
    /** @type {Map<Entry, Card>} */
    this.cards = new Map();
    this.choosing = false;
    button("zip-open").addEventListener("click", () => this.#download(library.entries));
    button("select").addEventListener("click", () => this.#choose(!this.choosing));
    button("again-all").addEventListener("click", () => this.#failed.forEach((entry) => library.retry(entry)));
    button("keep-longer").addEventListener("click", () => this.#keepLonger());
    button("chosen-all").addEventListener("click", () => {
      for (const card of this.cards.values()) card.pick.checked = !card.pick.hidden;
      this.#drawChosen();
    });
    button("chosen-fill").addEventListener("click", () => this.#change({ fill: true }));
    button("chosen-clean").addEventListener("click", () => this.#change({ cleanOn: true, cleanAnyway: true }));
    button("chosen-color").addEventListener("click", () => this.#change({ colorize: true }));
    button("chosen-download").addEventListener("click", () => this.#download(this.#chosen));
    button("chosen-delete").addEventListener("click", () => this.#removeChosen());
  }

  draw() {
    const { entries } = this.library;
    const any = entries.length > 0;
    $("hero").hidden = any;
    $("promises").hidden = any;
    $("gallery").hidden = !any;
    $("shelf-actions").hidden = !any;
    if (!any) this.choosing = false;
    const list = $("cards");
    const items = entries.map((entry) => this.drawCard(entry).item);
    for (const [entry, card] of this.cards) {
      if (entries.includes(entry)) continue;
      card.item.remove();
      this.cards.delete(entry);
    }
    items.forEach((item, at) => list.children[at] !== item && list.insertBefore(item, list.children[at] || null));
    this.drawFew();
  }

  /** @param {Entry} entry */
  drawCard(entry) {
    let card = this.cards.get(entry);
    if (!card) {
      const again = () => (entry.lost ? this.#chooseAgain(entry) : this.library.retry(entry));
      this.cards.set(entry, (card = new Card(entry, { remove: () => this.remove(entry), again, chosen: () => this.#drawChosen() })));
    }
    card.draw(this.choosing);
    return card;
  }

  /** What stands above the cards. */
  drawFew() {
    const photos = this.library.entries.flatMap(({ photo }) => photo || []);
    $("zip-open").hidden = photos.filter((photo) => latestDone(photo)).length < 2;
    $("select").hidden = photos.length < 2;
    $("again-all").hidden = this.#failed.length < 2;
    const first = Math.min(...photos.map(({ expires }) => Date.parse(expires)));
    $("kept-until").textContent = photos.length ? t("shelf.kept", { time: momentOf(first) }) : "";
    $("keep-longer").hidden = !photos.length;
    this.#drawChosen();
  }

  get #failed() {
    return this.library.entries.filter(({ failed, final, lost }) => failed && !final && !lost);
  }

  async #keepLonger() {
    const { library } = this;
    const kept = [];
    for (const entry of library.entries) {
      const { photo } = entry;
      if (!photo) continue;
      try {
        const longer = await patiently(library, entry, () => api.keepPhoto(photo.id), () => library.entries.includes(entry));
        if (longer) kept.push((photo.expires = longer.expires));
      } catch (error) {
        await tellRefused(library, entry, error);
      }
    }
    this.drawFew();
    if (kept.length) tell(t("shelf.keeping", { time: momentOf(Math.min(...kept.map(Date.parse))) }));
  }

  // ------------------------------------------------------------------ several at once
  /** @param {boolean} on */
  #choose(on) {
    this.choosing = on;
    button("select").setAttribute("aria-pressed", String(on));
    $("select-text").textContent = t(on ? "shelf.selecting" : "shelf.select");
    $("cards").classList.toggle("choosing", on);
    this.draw();
  }

  get #chosen() {
    return [...this.cards.values()].filter(({ pick }) => pick.checked).map(({ entry }) => entry);
  }

  #drawChosen() {
    const n = this.#chosen.length;
    $("chosen-bar").hidden = !this.choosing;
    $("chosen-count").textContent = t("shelf.selected", { n });
    for (const id of ["fill", "clean", "color", "download", "delete"]) button(`chosen-${id}`).disabled = !n;
  }

  /** @param {Partial<Edit>} changes */
  #change(changes) {
    const chosen = this.#chosen;
    changeAll(this.library, chosen, () => changes);
    tell(t("shelf.asked", { n: chosen.length }));
    this.#choose(false);
  }

  /** @param {Entry[]} entries */
  #download(entries) {
    const photos = entries.flatMap(({ photo }) => photo || []);
    const jobs = photos.flatMap((photo) => latestDone(photo) || []);
    if (!jobs.length) return;
    openDownload({ jobs, photo: jobs.length === 1 ? photos.find(({ id }) => id === jobs[0].photo_id) || null : null, hasLocation: photos.some(({ has_location: has }) => has), settings: this.settings });
  }

  async #removeChosen() {
    const chosen = this.#chosen;
    if (!(await confirmed(t("delete.many", { n: chosen.length }), t("delete.detail"), t("delete.act")))) return;
    for (const entry of chosen) await this.#removeSure(entry);
    this.#choose(false);
  }

  // ------------------------------------------------------------------ one
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
    const sure = !entry.photo || (await confirmed(t("delete.title", { name: entry.name }), t("delete.detail"), t("delete.act")));
    if (!sure || !(await this.#removeSure(entry))) return false;
    /** @type {HTMLElement} */ ($("cards").querySelector(".card-open") || $("choose")).focus();
    return true;
  }

  /** @param {Entry} entry */
  async #removeSure(entry) {
    try {
      await this.library.remove(entry);
    } catch (refusal) {
      tell(/** @type {Error} */ (refusal).message, { wrong: true });
      return false;
    }
    if (entry.photo) History.forget(entry.photo.id);
    announce(t("delete.done", { name: entry.name }));
    return true;
  }
}

/**
 * A moment as people say it: "tomorrow, 19:40".
 * @param {number} ms since 1970
 */
function momentOf(ms) {
  const moment = new Date(ms);
  const time = moment.toLocaleTimeString(spoken(), { hour: "2-digit", minute: "2-digit" });
  const midnight = new Date().setHours(0, 0, 0, 0);
  const days = Math.floor((ms - midnight) / 86_400_000);
  if (days === 0) return t("shelf.today", { time });
  return days === 1 ? t("shelf.tomorrow", { time }) : moment.toLocaleString(spoken(), { day: "numeric", month: "long", hour: "2-digit", minute: "2-digit" });
}
