// @ts-check
// The review queue of an archive: the riskiest results first, before and after, accepted or refused.

import * as api from "./api.js";
import { $, all, button, canvas, make } from "./dom.js";
import { Gestures } from "./gestures.js";
import { Pyramid } from "./pyramid.js";
import { announce, tell } from "./say.js";
import { signIn } from "./signin.js";
import { Viewer } from "./viewer.js";
import { speak, t } from "./words.js";

/**
 * @import { ArchiveEntry } from "./types.js"
 * @typedef {"open" | "decided" | "all"} Which
 */

const THUMB_PX = 480;
const PAGE = 50;

/**
 * Do what the server may refuse, and say so if it does.
 * @param {() => Promise<void>} act
 */
async function attempt(act) {
  try {
    await act();
  } catch (refusal) {
    if (!(refusal instanceof api.Refusal)) throw refusal;
    tell(refusal.message, { wrong: true });
  }
}

class Review {
  constructor() {
    /** @type {Which} */
    this.which = "open";
    /** @type {ArchiveEntry[]} */
    this.entries = [];
    /** @type {ArchiveEntry | null} */
    this.shown = null;
    this.pictured = ""; // what the viewer has pictures of: its `made`
    this.deciding = false; // a decision is on its way
    this.loads = 0;
    const signal = new AbortController().signal;
    this.viewer = new Viewer(canvas("review-view"), {
      overlay: () => {},
      split: () => {},
      zoomed: () => {},
      bars: () => ({ top: 8, foot: 8, side: 0 }),
    }, signal);
    this.viewer.words = { before: t("view.label-before"), after: t("view.label-after") };
    new Gestures(this.viewer, signal);
    this.#listen();
  }

  #listen() {
    for (const choice of all("[data-which]")) {
      choice.onclick = () => {
        this.which = /** @type {Which} */ (choice.dataset.which);
        attempt(() => this.load());
      };
    }
    button("review-accept").onclick = () => this.decide("accepted");
    button("review-refuse").onclick = () => this.decide("refused");
    button("review-undo").onclick = () => this.decide(null);
    button("review-more").onclick = () => attempt(() => this.load(this.entries.length));
    addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
      if (event.repeat && ["a", "r", "u", "Enter"].includes(event.key)) event.preventDefault(); // one press, one decision
      else if (event.key === "a") this.decide("accepted");
      else if (event.key === "r") this.decide("refused");
      else if (event.key === "u") this.decide(null);
      else if (event.key === "n") this.step(1);
      else if (event.key === "p") this.step(-1);
      else if (event.key === "+") this.viewer.zoom(1.5);
      else if (event.key === "-") this.viewer.zoom(1 / 1.5);
      else if (event.key === "0") this.viewer.fit();
    });
  }

  /**
   * Raises what the server refused.
   * @param {number} [offset]
   */
  async load(offset = 0) {
    for (const choice of all("[data-which]")) choice.setAttribute("aria-pressed", String(choice.dataset.which === this.which));
    const turn = (this.loads += 1);
    const archive = await api.archive(this.which, PAGE, offset);
    if (turn !== this.loads) return; // other results were asked for meanwhile
    this.#count(archive);
    this.entries = offset ? [...this.entries, ...archive.entries] : archive.entries;
    button("review-more").hidden = archive.entries.length < PAGE;
    $("review-queue").replaceChildren(...this.entries.map((entry) => this.#item(entry)));
    $("review-none").hidden = this.entries.length > 0;
    const stays = this.entries.find((entry) => entry.id === this.shown?.id);
    this.show(stays || this.entries[0] || null);
  }

  /** @param {{ open: number, held: number, accepted: number, refused: number }} counts */
  #count({ open, held, accepted, refused }) {
    $("review-counts").textContent = t("review.counts", { open, held, accepted, refused });
  }

  /** @param {ArchiveEntry} entry */
  #item(entry) {
    const pictures = ["before", "after"].map((side) =>
      make("img", { src: api.imageUrl(`archive/results/${entry.id}/${side}`, THUMB_PX, entry.made), loading: "lazy", alt: t(side === "before" ? "view.label-before" : "view.label-after") }));
    const said = entry.decision ? t(entry.decision === "accepted" ? "review.accepted" : "review.refused") : t("review.risk", { risk: Math.round(entry.risk * 100) });
    const choice = make("button", { type: "button" }, ...pictures,
      make("span", {}, make("b", {}, entry.name), ` ${said}`), make("span", { className: "why" }, entry.reasons[0] || ""));
    choice.dataset.id = String(entry.id);
    choice.onclick = () => this.show(entry);
    return make("li", {}, choice);
  }

  /** @param {ArchiveEntry | null} entry */
  show(entry) {
    this.shown = entry;
    $("review-one").hidden = !entry;
    for (const choice of all("#review-queue button")) choice.setAttribute("aria-current", String(choice.dataset.id === String(entry?.id)));
    if (!entry) return;
    $("review-name").textContent = entry.name;
    $("review-reasons").replaceChildren(...entry.reasons.map((reason) => make("li", {}, reason)));
    $("review-notes").replaceChildren(...entry.notes.map((note) => make("li", {}, note)));
    const place = { delivered: t("review.is-delivered"), held: t("review.is-held"), refused: t("review.is-refused") }[entry.place];
    $("review-state").textContent = place;
    button("review-undo").hidden = !entry.decision;
    if (this.pictured !== entry.made) attempt(() => this.#picture(entry));
  }

  /** @param {ArchiveEntry} entry */
  async #picture(entry) {
    this.pictured = entry.made;
    this.viewer.photograph(0, 0);
    this.picturing?.abort();
    const { signal } = (this.picturing = new AbortController());
    const { width, height } = await api.tiles(`archive/results/${entry.id}/before`).catch((refusal) => {
      if (this.pictured === entry.made) this.pictured = ""; // chosen again, it is tried again
      throw refusal;
    });
    if (this.pictured !== entry.made) return; // another was chosen meanwhile
    this.viewer.photograph(width, height);
    const pyramid = (/** @type {string} */ side) => new Pyramid(`archive/results/${entry.id}/${side}`, width, height, this.viewer.changed, { made: entry.made, signal });
    this.viewer.before = pyramid("before");
    this.viewer.after = pyramid("after");
    this.viewer.changed();
  }

  /** @param {number} by */
  step(by) {
    const at = this.entries.findIndex((entry) => entry.id === this.shown?.id);
    const next = this.entries[at + by];
    if (next) this.show(next);
  }

  /** @param {"accepted" | "refused" | null} decision */
  async decide(decision) {
    const entry = this.shown;
    if (!entry || this.deciding || (!decision && !entry.decision)) return;
    this.deciding = true;
    await attempt(() => this.#send(entry, decision)).finally(() => (this.deciding = false));
  }

  /**
   * @param {ArchiveEntry} entry
   * @param {"accepted" | "refused" | null} decision
   */
  async #send(entry, decision) {
    try {
      const decided = await api.decide(entry.id, decision, entry.made);
      announce(decision ? t(decision === "accepted" ? "review.accepted" : "review.refused") : t("review.undone"));
      const at = this.entries.findIndex(({ id }) => id === entry.id);
      const next = this.entries[at + 1] || null;
      if (at >= 0) this.entries.splice(at, 1, ...(this.which === "open" ? [] : [decided]));
      if (this.shown?.id === entry.id) this.show(this.which === "open" ? next : decided);
    } catch (refusal) {
      if (!(refusal instanceof api.Refusal) || ![404, 409].includes(refusal.status)) throw refusal;
      tell(refusal.code === "superseded" ? t("review.anew", { name: entry.name }) : refusal.message, { wrong: true }); // it is another, or gone
    }
    await this.load();
  }
}

await speak();
document.title = `Unfade: ${t("review.title")}`;
document.body.classList.remove("wordless");
document.body.dataset.ready = "yes";
try {
  await signIn();
  await new Review().load();
} catch (refusal) {
  $("review-none").hidden = false;
  $("review-none").textContent = /** @type {Error} */ (refusal).message;
}
