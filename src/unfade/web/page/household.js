// @ts-check
// The shelf that several devices share: with the server's token everyone has one; without, one that its secret address opens, until it is taken back.

import * as api from "./api.js";
import { $, button, dialog as dialogOf, input } from "./dom.js";
import { announce, tell } from "./say.js";
import { forget, recall, remember } from "./storage.js";
import { t } from "./words.js";

/**
 * @import { Refusal } from "./api.js"
 * @import { Library } from "./library.js"
 */

const SHELF = "unfade.shelf";
const LOOK_MS = 8000; // how often another device's changes are looked for, while the page is seen
const AT_ONCE = 500; // ids in one request
const HERE_ALONE = new Set(["localhost", "127.0.0.1", "[::1]"]); // names by which no other device knows this one

export class Household {
  /**
   * @param {Library} library
   * @param {string | null} shelf of all who know the token
   */
  constructor(library, shelf) {
    this.library = library;
    this.isTokens = shelf !== null;
    /** @type {string | null} */
    this.id = shelf || recall(SHELF, /** @type {string | null} */ (null));
    library.addEventListener("note", (event) => {
      const { id, here } = /** @type {CustomEvent} */ (event).detail;
      this.#change(here ? { add: [id] } : { remove: [id] });
    });
    button("phone-open").addEventListener("click", () => this.#open());
    button("phone-copy").addEventListener("click", () => this.#copy());
    button("phone-stop").addEventListener("click", () => this.#stop());
  }

  /** Learn what is on the shelf, and look for changes from now on. */
  async begin() {
    await this.#look();
    if (this.isTokens) await this.#addOwn();
    setInterval(() => document.hidden || this.#look(), LOOK_MS);
    document.addEventListener("visibilitychange", () => document.hidden || this.#look());
  }

  /**
   * Share another device's photographs from now on.
   * @param {string} id
   */
  async join(id) {
    if (this.isTokens) return;
    this.id = id;
    remember(SHELF, id);
    if (await this.#look()) tell(t("phone.joined"));
  }

  /** Ask what is on the shelf, and what became of it. Whether there is a shelf. */
  async #look() {
    if (!this.id) return false;
    try {
      const { photos } = await api.shelf(this.id);
      this.library.shared = photos;
      await this.library.load();
      return true;
    } catch (error) {
      if (/** @type {Refusal} */ (error).status === 404) this.#ended();
      return false;
    }
  }

  #ended() {
    this.id = null;
    this.library.shared = [];
    forget(SHELF);
    tell(t("phone.ended"));
    this.library.load();
  }

  /** @param {{ add?: string[], remove?: string[] }} change */
  async #change(change) {
    if (!this.id) return;
    try {
      await api.changeShelf(this.id, change);
    } catch (error) {
      const refusal = /** @type {Refusal} */ (error);
      if (refusal.status && refusal.status !== 404) tell(refusal.message, { wrong: true });
    }
  }

  /** The photographs of this browser are put on the shelf. */
  async #addOwn() {
    const missing = this.library.own.filter((id) => !this.library.shared.includes(id));
    for (let at = 0; at < missing.length; at += AT_ONCE) await this.#change({ add: missing.slice(at, at + AT_ONCE) });
  }

  // ------------------------------------------------------------------ the dialog
  get #address() {
    return `${location.origin}${location.pathname}${this.isTokens ? "" : `#/s/${this.id}`}`;
  }

  async #open() {
    const isHereAlone = HERE_ALONE.has(location.hostname);
    try {
      if (!isHereAlone && !this.id) {
        this.id = (await api.makeShelf()).id;
        remember(SHELF, this.id);
        await this.#addOwn();
      }
    } catch (error) {
      return void tell(/** @type {Error} */ (error).message, { wrong: true });
    }
    $("phone-text").textContent = t(isHereAlone ? "phone.local" : this.isTokens ? "phone.text-token" : "phone.text");
    for (const id of ["phone-code", "phone-address", "phone-copy"]) $(id).hidden = isHereAlone;
    $("phone-stop").hidden = isHereAlone || this.isTokens;
    if (!isHereAlone && this.id) {
      /** @type {HTMLImageElement} */ ($("phone-code")).src = api.shelfCodeUrl(this.id);
      input("phone-address").value = this.#address;
    }
    dialogOf("phone").showModal();
  }

  async #copy() {
    input("phone-address").select();
    if (navigator.clipboard) await navigator.clipboard.writeText(this.#address);
    else document.execCommand("copy"); // over plain http there is no other way
    announce(t("phone.copied"));
    tell(t("phone.copied"));
    dialogOf("phone").close();
  }

  async #stop() {
    if (!this.id) return;
    try {
      await api.deleteShelf(this.id);
    } catch (error) {
      return void tell(/** @type {Error} */ (error).message, { wrong: true });
    }
    this.id = null;
    forget(SHELF);
    for (const id of this.library.shared) if (!this.library.own.includes(id)) this.library.note(id, true); // what came from there stays with whoever stops it
    this.library.shared = [];
    dialogOf("phone").close();
    tell(t("phone.stopped"));
  }
}
