// @ts-check
// The panel: a switch and sliders for each step, the mask's buttons, and the colors that were given.

import * as api from "./api.js";
import { $, all, button, input, link, make } from "./dom.js";
import { over } from "./library.js";
import { announce, icon, naming, tell } from "./say.js";

/**
 * @import { Edit, Job } from "./types.js"
 * @import { Refusal } from "./api.js"
 * @import { Session } from "./session.js"
 */

const SHARES = /** @type {const} */ (["clean", "strength", "saturation", "liveliness"]);

/** @param {number} sensitivity */
const closeness = (sensitivity) => (sensitivity < 0.4 ? "for what is certain" : sensitivity > 0.6 ? "thoroughly" : "normally");

export class Controls {
  /** @param {Session} session */
  constructor(session) {
    this.session = session;
    this.longerSidePx = Math.max(session.photo.width, session.photo.height);
    $("color-note").textContent = session.photo.has_color
      ? "This photograph is in color already. Switch this on to give it new ones."
      : "A good guess, not the truth: nobody knows the real colors. Tap the photograph with the Color tool where you know better.";
    this.#wireSwitches();
    this.#wireShares();
    this.#wireDamage();
    this.#wireMask();
    const { signal } = session;
    for (const tab of all("[data-tab]")) tab.addEventListener("click", () => this.tab(tab.dataset.tab || ""), { signal });
    button("undo").addEventListener("click", () => session.undo(), { signal });
    button("redo").addEventListener("click", () => session.redo(), { signal });
    button("fill-again").addEventListener("click", () => session.fillAgain(), { signal });
    button("download-open").addEventListener("click", () => session.download(), { signal });
    this.tab("damage");
  }

  /** @param {string} name */
  tab(name) {
    for (const tab of all("[data-tab]")) tab.setAttribute("aria-pressed", String(tab.dataset.tab === name));
    for (const section of all("[data-section]")) section.classList.toggle("chosen", section.dataset.section === name);
  }

  waitForFill() {
    button("fill-again").disabled = true;
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
    wire("clean-on", (on) => ({ cleanOn: on, clean: session.edit.clean || 1 }));
    wire("colorize", (on) => ({ colorize: on, force: on && session.photo.has_color }));
  }

  #wireShares() {
    const { session } = this;
    const { signal } = session;
    for (const name of SHARES) {
      const range = input(name);
      range.addEventListener("input", () => {
        const switched = name === "clean" ? { cleanOn: true } : { colorize: true, force: session.photo.has_color };
        session.change({ [name]: Number(range.value) / 100, ...switched }, { mergeKey: name });
        const blended = name === "liveliness" ? null : session.previews.blend(name, session.edit);
        if (blended) session.stage.showPreview(blended);
      }, { signal });
    }
    for (const event of ["pointerdown", "focus"]) input("clean").addEventListener(event, () => session.previews.fetchEnds(session.edit), { signal });
  }

  #wireDamage() {
    const { session } = this;
    const { signal } = session;
    const dust = input("dust");
    dust.addEventListener("input", () => session.change({ dust: this.#dialToDust(Number(dust.value)), fill: true }, { mergeKey: "dust" }), { signal });
    for (const event of ["pointerdown", "focus"]) dust.addEventListener(event, () => session.showDamage(), { signal });
    const sensitivity = input("sensitivity");
    sensitivity.addEventListener("input", () => {
      $("sensitivity-out").textContent = closeness(Number(sensitivity.value) / 100);
      sensitivity.style.setProperty("--filled", `${sensitivity.value}%`);
    }, { signal });
    sensitivity.addEventListener("change", () => {
      const share = Number(sensitivity.value) / 100;
      session.change({ sensitivity: share, mask: this.#maskFoundAt(share), keep: [], strokes: [], fill: true });
    }, { signal });
  }

  #wireMask() {
    const { session } = this;
    const { signal } = session;
    button("mask-clear").addEventListener("click", () => {
      session.change({ strokes: [...session.edit.strokes, { kind: "clear", radius: 0, points: [] }] }, { look: false });
      announce("The mask is cleared.");
    }, { signal });
    const chooser = input("mask-file");
    button("mask-upload").addEventListener("click", () => chooser.click(), { signal });
    chooser.addEventListener("change", () => {
      const chosen = chooser.files?.[0];
      if (chosen) this.#takeMask(chosen);
      chooser.value = "";
    }, { signal });
  }

  /** @param {File} chosen */
  async #takeMask(chosen) {
    const { session } = this;
    session.progress.busy("Reading the mask");
    try {
      const mask = await api.uploadMask(session.photo.id, chosen);
      if (session.ended) return;
      session.progress.busy(null);
      session.change({ mask: mask.id, keep: [], strokes: [], dust: null, fill: true });
      session.showDamage();
      announce("The mask is taken.");
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
  /** @param {Job | null} job that of what is set now */
  draw(job) {
    const { edit, history } = this.session;
    button("undo").disabled = !history.past.length;
    button("redo").disabled = !history.future.length;
    input("fill").checked = edit.fill;
    input("clean-on").checked = edit.cleanOn;
    input("colorize").checked = edit.colorize;
    for (const [id, on] of /** @type {[string, boolean][]} */ ([["damage-body", edit.fill], ["clean-body", edit.cleanOn], ["color-body", edit.colorize]])) {
      $(id).classList.toggle("off", !on);
    }
    for (const name of SHARES) this.#setRange(name, 100 * edit[name], `${Math.round(100 * edit[name])} %`);
    this.#setRange("sensitivity", 100 * edit.sensitivity, closeness(edit.sensitivity));
    this.#setRange("dust", this.#dustToDial(edit.dust), edit.dust === null ? "everything" : `${edit.dust} px`);
    button("fill-again").disabled = !edit.strokes.length;
    this.#drawMaskLink();
    this.drawSummary(job);
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

  /** @param {Job | null} job */
  drawSummary(job) {
    $("damage-summary").textContent = this.#summary(job);
  }

  /** @param {Job | null} job */
  #summary(job) {
    const { edit, mask } = this.session;
    if (!edit.fill) return "Nothing is repaired.";
    if (edit.strokes.length) return "Brush work waits: fill again to see it.";
    if (!edit.mask) return job && over(job) ? "No damage was found." : "Looking for damage…";
    if (!mask.total) return mask.base ? "No damage is marked. Brush over what should go." : "One moment…";
    const kept = mask.objects.filter((piece) => mask.isKept(piece)).length;
    return `${mask.total} ${mask.total === 1 ? "place" : "places"} marked${kept ? `, ${kept} kept as they are` : ""}.`;
  }

  #drawHints() {
    const { session } = this;
    const { hints } = session.edit;
    $("hints-none").hidden = hints.length > 0;
    $("hints").replaceChildren(...hints.map((hint, index) => {
      const color = make("input", { type: "color", value: hint.color, ariaLabel: `Color ${index + 1}` });
      color.addEventListener("change", () => session.change({ hints: hints.map((other, at) => (at === index ? { ...other, color: color.value } : other)) }));
      const away = make("button", { type: "button", className: "icon small", ariaLabel: `Take color ${index + 1} away` }, icon("close"));
      away.addEventListener("click", () => session.change({ hints: hints.filter((_, at) => at !== index) }));
      return make("li", {}, make("span", { className: "well small" }, color), away);
    }));
  }
}
