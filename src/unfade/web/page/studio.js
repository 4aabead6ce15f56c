// @ts-check
// The screen on which one photograph at a time is worked on: it opens and ends sessions, and hands keys and news to the one that is open.

import { $, button } from "./dom.js";
import { jobFor } from "./edit.js";
import { PickColor } from "./pick.js";
import { Session } from "./session.js";

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
    const pick = new PickColor(library);
    button("pick-open").addEventListener("click", async () => {
      const { session } = this;
      const color = await pick.open();
      if (color && session) session.tools.useColor(color);
    });
    button("remove").addEventListener("click", async () => {
      if (this.session && (await removePhoto(this.session.entry))) location.hash = "#/";
    });
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
  }

  close() {
    const { session } = this;
    this.session = null;
    session?.end();
  }

  /** The shelf has other photographs now, or some have other jobs. */
  listChanged() {
    if (!this.session) return;
    if (this.library.entries.includes(this.session.entry)) this.session.refresh();
    else {
      this.close();
      location.hash = "#/";
    }
  }

  /** @param {Entry} entry */
  photoChanged(entry) {
    const { session } = this;
    if (session?.entry === entry) session.progress.draw(jobFor(session.photo, session.edit));
  }

  /** @param {{ entry: Entry, job: Job, finished: boolean }} news */
  jobChanged({ entry, job, finished }) {
    if (this.session?.entry === entry) this.session.jobChanged(job, finished);
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
    if (event.ctrlKey || event.metaKey || event.altKey || typing || session.tools.key(key)) return;
    if (target === $("view") && session.stage.key(event.key)) event.preventDefault();
  }
}
