// @ts-check
// The panel: a switch and sliders for each step, the mask's buttons, and the colors that were given.

import * as api from "./api.js";
import { $, all, button, input, link, make } from "./dom.js";
import { announce, icon, naming, tell } from "./say.js";
import { t } from "./words.js";

/**
 * @import { Edit } from "./types.js"
 * @import { Refusal } from "./api.js"
 * @import { Session } from "./session.js"
 */

const SHARES = /** @type {const} */ (["clean", "strength", "saturation", "liveliness"]);

const DIALS = /** @type {const} */ (["lightness", "contrast", "warmth"]);

/** @param {number} sensitivity */
const closeness = (sensitivity) => t(sensitivity < 0.4 ? "damage.find-sure" : sensitivity > 0.6 ? "damage.find-more" : "damage.find-usual");

export class Controls {
  /** @param {Session} session */
  constructor(session) {
    this.session = session;
    this.longerSidePx = Math.max(session.photo.width, session.photo.height);
    this.#wireSwitches();
    this.#wireShares();
    this.#wireDamage();
    this.#wireMask();
    const { signal } = session;
    for (const head of all("[data-open]")) head.addEventListener("click", () => this.open(this.opened === head.dataset.open ? "" : head.dataset.open || ""), { signal });
    for (const tab of all("[data-tab]")) tab.addEventListener("click", () => this.open(this.opened === tab.dataset.tab ? "" : tab.dataset.tab || ""), { signal });
    button("undo").addEventListener("click", () => session.undo(), { signal });
    button("redo").addEventListener("click", () => session.redo(), { signal });
    button("download-open").addEventListener("click", () => session.download(), { signal });
    this.opened = "";
    this.open("");
  }

  /** @param {string} name the step whose dials are seen; "": none */
  open(name) {
    this.opened = name;
    for (const head of all("[data-open]")) head.setAttribute("aria-expanded", String(head.dataset.open === name));
    for (const tab of all("[data-tab]")) tab.setAttribute("aria-pressed", String(tab.dataset.tab === name));
    for (const section of all("[data-section]")) section.classList.toggle("chosen", section.dataset.section === name);
    for (const step of ["damage", "clean", "color"]) $(`${step}-body`).hidden = step !== name;
    $("studio").classList.toggle("drawn", Boolean(name));
  }

  // ------------------------------------------------------------------ wiring
  #wireSwitches() {
    const { session } = this;
    const { signal } = session;
    /**
     * @param {string} id
     * @param {(on: boolean) => Partial<Edit>} changes
     */
    const wire = (id, changes) => input(id).addEventListener("change", () => session.change(changes(input(id).checked)), { signal });
    wire("fill", (on) => ({ fill: on }));
    wire("clean-on", (on) => ({ cleanOn: on, cleanAnyway: on, clean: session.edit.clean || 1 })); // who switches it on wants it
    wire("colorize", (on) => ({ colorize: on }));
  }

  #wireShares() {
    const { session } = this;
    const { signal } = session;
    for (const name of SHARES) {
      const range = input(name);
      range.addEventListener("input", () => {
        const switched = name === "clean" ? { cleanOn: true } : { colorize: true };
        session.previews.adopt();
        session.change({ [name]: Number(range.value) / 100, ...switched }, { mergeKey: name });
        const blended = name === "liveliness" ? null : session.previews.blend(name, session.edit);
        if (blended) session.stage.showPreview(blended);
      }, { signal });
      range.addEventListener("change", () => session.letGo(), { signal });
    }
    for (const name of DIALS) {
      const range = input(name);
      range.addEventListener("input", () => {
        session.previews.adopt();
        session.change({ [name]: Number(range.value) / 100 }, { mergeKey: name });
        const blended = session.previews.dialed(session.edit);
        if (blended) session.stage.showPreview(blended);
      }, { signal });
      range.addEventListener("change", () => session.letGo(), { signal });
      range.addEventListener("dblclick", () => session.change({ [name]: 0 }), { signal }); // back to the middle
    }
    for (const event of ["pointerdown", "focus"]) input("clean").addEventListener(event, () => session.previews.fetchEnds(session.edit), { signal });
  }

  #wireDamage() {
    const { session } = this;
    const { signal } = session;
    const dust = input("dust");
    dust.addEventListener("input", () => {
      this.#glance(true);
      session.change({ dust: this.#dialToDust(Number(dust.value)), fill: true }, { mergeKey: "dust" });
    }, { signal });
    dust.addEventListener("pointerdown", () => this.#glance(true), { signal });
    for (const event of ["pointerup", "pointercancel", "blur", "change"]) dust.addEventListener(event, () => this.#glance(false), { signal });
    dust.addEventListener("change", () => session.letGo(), { signal });
    const sensitivity = input("sensitivity");
    sensitivity.addEventListener("input", () => {
      $("sensitivity-out").textContent = closeness(Number(sensitivity.value) / 100);
      sensitivity.style.setProperty("--filled", `${sensitivity.value}%`);
    }, { signal });
    sensitivity.addEventListener("change", () => {
      const share = Number(sensitivity.value) / 100;
      session.change({ sensitivity: share, mask: this.#maskFoundAt(share), keep: [], heals: [], marked: [], fill: true });
    }, { signal });
  }

  /** @param {boolean} on whether the damage is shown because its dial is moved */
  #glance(on) {
    this.session.tools.glancing = on;
    this.session.stage.changed();
  }

  #wireMask() {
    const { session } = this;
    const { signal } = session;
    button("mask-clear").addEventListener("click", () => this.#clear(), { signal });
    const chooser = input("mask-file");
    button("mask-upload").addEventListener("click", () => chooser.click(), { signal });
    chooser.addEventListener("change", () => {
      const chosen = chooser.files?.[0];
      if (chosen) this.#takeMask(chosen);
      chooser.value = "";
    }, { signal });
  }

  async #clear() {
    const { session } = this;
    try {
      const { id } = await api.drawMask(session.photo.id, { strokes: [] });
      if (session.ended) return;
      session.change({ mask: id, keep: [], heals: [], dust: null, fill: true, strokes: [] });
      announce(t("damage.cleared"));
    } catch (refusal) {
      session.refused(/** @type {Refusal} */ (refusal));
    }
  }

  /** @param {File} chosen */
  async #takeMask(chosen) {
    const { session } = this;
    session.progress.busy(t("state.mask"));
    try {
      const mask = await api.uploadMask(session.photo.id, chosen);
      if (session.ended) return;
      session.progress.busy(null);
      session.change({ mask: mask.id, keep: [], heals: [], dust: null, fill: true });
      session.tools.showDamage(true);
      announce(t("damage.uploaded"));
    } catch (error) {
      const refusal = /** @type {Refusal} */ (error);
      if (!session.ended) session.progress.busy(null);
      if (refusal.status === 404) session.refused(refusal);
      else tell(naming(chosen.name, refusal.message), { wrong: true });
    }
  }

  /**
   * The mask that a job of this photograph found with this sensitivity, if one did.
   * @param {number} sensitivity
   */
  #maskFoundAt(sensitivity) {
    return this.session.photo.jobs.find((job) => job.state === "done" && !job.options.mask && job.options.sensitivity === sensitivity)?.mask_id || null;
  }

  // The dial runs from 2 px to the photograph's longer side in equal ratios; its end means everything.
  /** @param {number} value */
  #dialToDust(value) {
    return value >= 100 ? null : Math.max(2, Math.round(2 * (this.longerSidePx / 2) ** (value / 100)));
  }

  /** @param {number | null} dust */
  #dustToDial(dust) {
    return dust === null ? 100 : Math.min(99, (100 * Math.log(dust / 2)) / Math.log(this.longerSidePx / 2));
  }

  // ------------------------------------------------------------------ drawing
  draw() {
    const { edit, history } = this.session;
    button("undo").disabled = !history.past.length;
    button("redo").disabled = !history.future.length;
    this.session.tools?.drawOther();
    input("fill").checked = edit.fill;
    input("clean-on").checked = edit.cleanOn;
    input("colorize").checked = edit.colorize;
    for (const name of SHARES) this.#setRange(name, 100 * edit[name], `${Math.round(100 * edit[name])} %`);
    for (const name of DIALS) this.#setRange(name, 100 * edit[name], `${edit[name] > 0 ? "+" : ""}${Math.round(100 * edit[name])}`);
    this.#setRange("sensitivity", 100 * edit.sensitivity, closeness(edit.sensitivity));
    this.#setRange("dust", this.#dustToDial(edit.dust), edit.dust === null ? t("damage.dust-all") : t("damage.dust-px", { n: edit.dust }));
    this.#drawMaskLink();
    this.#drawHints();
  }

  #drawMaskLink() {
    const { edit, photo } = this.session;
    const withMask = edit.mask && photo.jobs.findLast((job) => job.mask_id === edit.mask && job.state === "done");
    const mask = link("mask-download");
    mask.hidden = !withMask;
    if (withMask) mask.href = api.jobMaskUrl(withMask.id);
  }

  /**
   * @param {string} id
   * @param {number} value
   * @param {string} text
   */
  #setRange(id, value, text) {
    const range = input(id);
    if (document.activeElement !== range || Math.abs(Number(range.value) - value) >= 1) range.value = String(Math.round(value));
    range.setAttribute("aria-valuetext", text);
    range.style.setProperty("--filled", `${(100 * (value - Number(range.min))) / (Number(range.max) - Number(range.min))}%`);
    $(`${id}-out`).textContent = text;
  }

  #drawHints() {
    const { session } = this;
    const { hints } = session.edit;
    $("hints-none").hidden = hints.length > 0;
    $("hints").replaceChildren(...hints.map((hint, index) => {
      const color = make("input", { type: "color", value: hint.color, ariaLabel: t("color.hint", { n: index + 1 }) });
      color.addEventListener("change", () => session.change({ hints: hints.map((other, at) => (at === index ? { ...other, color: color.value } : other)) }));
      const away = make("button", { type: "button", className: "icon small", ariaLabel: t("color.hint-away", { n: index + 1 }) }, icon("close"));
      away.addEventListener("click", () => session.change({ hints: hints.filter((_, at) => at !== index) }));
      return make("li", {}, make("span", { className: "well small" }, color), away);
    }));
  }
}
