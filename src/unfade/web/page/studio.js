// @ts-check
// The screen on which one photograph at a time is worked on: it opens and ends sessions, and hands keys and news to the one that is open.

import { Afterwards } from "./afterwards.js";
import { $, all, button } from "./dom.js";
import { shareAmong } from "./many.js";
import { openShare } from "./share.js";
import { PickColor } from "./pick.js";
import { tell } from "./say.js";
import { Session } from "./session.js";
import { t } from "./words.js";

/**
 * @import { Entry, Job, Settings } from "./types.js"
 * @import { Library } from "./library.js"
 */

export class Studio {
  /**
   * @param {Library} library
   * @param {Settings} settings
   * @param {(entry: Entry) => Promise<boolean>} removePhoto
   */
  constructor(library, settings, removePhoto) {
    this.library = library;
    this.settings = settings;
    /** @type {Session | null} */
    this.session = null;
    this.afterwards = new Afterwards(library, settings, (entry) => this.session?.entry === entry);
    const pick = new PickColor(library);
    button("pick-open").addEventListener("click", async () => {
      const { session } = this;
      const color = await pick.open();
      if (color && session) session.tools.useColor(color);
    });
    button("remove").addEventListener("click", async () => {
      if (this.session && (await removePhoto(this.session.entry))) location.hash = "#/";
    });
    for (const [id, step] of /** @type {[string, number][]} */ ([["previous", -1], ["next", 1]])) button(id).addEventListener("click", () => this.go(step));
    button("share-open").addEventListener("click", () => this.session && openShare(this.session));
    button("same").addEventListener("click", () => this.#sameForAll());
    this.#wireMenu();
    addEventListener("keydown", (event) => this.#key(event));
    addEventListener("keyup", (event) => {
      if (event.key === " " && this.session) this.session.stage.viewer.panning = false;
    });
  }

  /** @param {Entry} entry */
  open(entry) {
    if (this.session?.entry === entry) return;
    this.close();
    this.session = new Session(entry, this.library, this.settings);
    this.session.begin();
    this.#drawPlace();
  }

  /** The photographs that can be opened, in the shelf's order. */
  get #photographs() {
    return this.library.entries.filter(({ photo }) => photo);
  }

  /** @param {number} step to the next photograph, or the one before */
  go(step) {
    const all = this.#photographs;
    const next = this.session && all[all.indexOf(this.session.entry) + step];
    if (next?.photo) location.hash = `#/p/${next.photo.id}`;
  }

  #drawPlace() {
    if (!this.session) return;
    const photographs = this.#photographs;
    const at = photographs.indexOf(this.session.entry);
    $("neighbors").hidden = photographs.length < 2;
    $("place").textContent = t("studio.place", { n: at + 1, of: photographs.length });
    button("previous").disabled = at <= 0;
    button("next").disabled = at >= photographs.length - 1;
    button("same").hidden = photographs.length < 2;
  }

  #sameForAll() {
    const { session } = this;
    if (!session) return;
    const others = this.#photographs.filter((entry) => entry !== session.entry);
    shareAmong(this.library, session.edit, others);
    tell(t("studio.same-done", { n: others.length }));
  }

  /** A menu closes when something in it is chosen, or anything else is touched. */
  #wireMenu() {
    const menu = /** @type {HTMLDetailsElement} */ ($("more"));
    for (const item of all(".menu-list button")) item.addEventListener("click", () => (menu.open = false));
    addEventListener("pointerdown", ({ target }) => {
      if (target instanceof Node && !menu.contains(target)) menu.open = false;
    });
    menu.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      menu.open = false;
      menu.querySelector("summary")?.focus();
    });
  }

  close() {
    const { session } = this;
    this.session = null;
    if (!session) return;
    session.end();
    this.afterwards.finish(session.entry);
  }

  /** Fill what was painted before a refresh on photographs that are not open now. */
  resume() {
    for (const entry of this.library.entries) this.afterwards.finish(entry);
  }

  /** The shelf has other photographs now, or some have other jobs. */
  listChanged() {
    if (!this.session) return;
    this.#drawPlace();
    if (this.library.entries.includes(this.session.entry)) this.session.refresh();
    else {
      this.close();
      location.hash = "#/";
    }
  }

  /** @param {Entry} entry */
  photoChanged(entry) {
    const { session } = this;
    if (session?.entry === entry) session.progress.draw();
    this.#drawPlace();
  }

  /** @param {{ entry: Entry, job: Job, finished: boolean }} news */
  jobChanged({ entry, job, finished }) {
    if (this.session?.entry === entry) this.session.jobChanged(job, finished);
    else if (finished) this.afterwards.finish(entry);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const { session } = this;
    if (!session || document.querySelector("dialog[open]")) return;
    const target = /** @type {Element} */ (event.target);
    const typing = target.matches?.("input:not([type=range]):not([type=checkbox]), textarea, select");
    const key = event.key.toLowerCase();
    if ((event.ctrlKey || event.metaKey) && !event.altKey && (key === "z" || key === "y") && !typing) {
      event.preventDefault();
      if (key === "y" || event.shiftKey) session.redo();
      else session.undo();
      return;
    }
    if (key === "pageup" || key === "pagedown") {
      event.preventDefault();
      return this.go(key === "pageup" ? -1 : 1);
    }
    if (event.ctrlKey || event.metaKey || event.altKey || typing || session.tools.key(key)) return;
    if (target === $("view") && session.stage.key(event.key)) event.preventDefault();
  }
}
