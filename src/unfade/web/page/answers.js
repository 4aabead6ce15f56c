// @ts-check
// Each step answers in words, where its switch is: what it did, what it left alone, and what a person can do about that.

import { $, input, make } from "./dom.js";
import { changedFaces, openFaces } from "./faces.js";
import { over } from "./library.js";
import { t } from "./words.js";

/**
 * @import { Job, Piece, StepAnswer } from "./types.js"
 * @import { Session } from "./session.js"
 * @typedef {{ say: string, short: string, acts?: { id: string, say: string, act: () => void }[] }} Answer
 */

const LARGE_SHARE = 0.08; // of the shorter side: what is wider cannot be known from what surrounds it
const LIKELY = 0.5; // of being faded: above it the photograph is, if not surely enough to do anything unasked
const COOLER = -0.4; // of warmth: what a yellowed print needs
const PART = 0.75; // of the strength: below it, tones are brought back in part

export class Answers {
  /** @param {Session} session */
  constructor(session) {
    this.session = session;
    /** @type {Map<string, StepAnswer>} what came of cleaning, by its options: other sliders leave it as it is */
    this.cleaned = new Map();
    this.drawn = "";
  }

  draw() {
    for (const job of this.session.photo.jobs) this.#note(job);
    const answers = { damage: this.#doubting(this.#damage()), clean: this.#clean(), color: this.#color() };
    const drawn = JSON.stringify(answers);
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    for (const [step, answer] of Object.entries(answers)) this.#show(step, answer);
  }

  /**
   * @param {string} step
   * @param {Answer} answer
   */
  #show(step, { say, short, acts = [] }) {
    const focused = document.activeElement?.id;
    $(`${step}-answer`).replaceChildren(say, ...acts.map(({ id, say: label, act }) => {
      const button = make("button", { type: "button", className: "link", id: `${step}-${id}`, textContent: label });
      button.addEventListener("click", act);
      return button;
    }));
    if (focused?.startsWith(`${step}-`)) document.getElementById(focused)?.focus({ preventScroll: true });
    $(`${step}-short`).textContent = short;
  }

  /** @param {Job} job */
  #note(job) {
    const step = job.result?.steps?.find(({ name }) => name === "clean");
    if (step) this.cleaned.set(cleaningOf(job.options.clean, job.options.force_clean), step);
  }

  // ------------------------------------------------------------------ damage
  /**
   * With what was left alone because it may be no damage.
   * @param {Answer} answer
   * @returns {Answer}
   */
  #doubting({ say, short, acts = [] }) {
    const { doubts } = this.session;
    const n = doubts.open.length;
    if (!n) return { say, short, acts };
    const look = { id: "look", say: t(doubts.isShown ? "damage.hide" : "damage.look"), act: () => doubts.toggle() };
    return { say: `${say} ${t("damage.doubts", { n })}`, short, acts: [...acts, look] };
  }

  /** @returns {Answer} */
  #damage() {
    const { edit, job, mask, brushwork } = this.session;
    const paint = { id: "paint", say: t("damage.paint"), act: () => this.session.tools.paint() };
    if (brushwork.failed) return { say: t("damage.unfilled"), short: t("short.wait"), acts: [{ id: "fill", say: t("damage.fill"), act: () => brushwork.fill() }] };
    if (!edit.fill) return { say: t("damage.off"), short: t("short.off") };
    if (!edit.mask) {
      if (!job || !over(job)) return { say: t("damage.looking"), short: t("short.wait") };
      return { say: t("damage.none"), short: t("short.none"), acts: [paint] };
    }
    const wasLookedFor = this.session.photo.jobs.some(({ options, mask_id: found }) => !options.mask && found === edit.mask);
    if (!mask.total) return { say: t(!mask.base ? "damage.looking" : wasLookedFor ? "damage.none" : "damage.unmarked"), short: mask.base ? t("short.none") : t("short.wait"), acts: mask.base ? [paint] : [] };
    const byHand = edit.keep.length;
    const left = mask.objects.filter(({ size_px: size }) => edit.dust !== null && size > edit.dust).length;
    const places = mask.total - byHand - left;
    const said = [t(job?.state === "done" ? "damage.repaired" : "damage.being", { n: places })];
    if (byHand) said.push(t("damage.kept", { n: byHand }));
    if (left) said.push(t("damage.left-large", { n: left }));
    const guesses = mask.objects.filter((piece) => !mask.isKept(piece) && this.#isLarge(piece)).length;
    if (guesses) said.push(t("damage.guess", { n: guesses }));
    const faces = job?.result?.steps?.find(({ name }) => name === "fill")?.facts.faces_touched;
    if (faces) said.push(t("damage.faces", { n: faces }));
    const lookAtFaces = this.#lookAtFaces("fill");
    const shown = input("overlay").checked;
    const show = { id: "show", say: t(shown ? "damage.hide" : "damage.show"), act: () => this.session.tools.showDamage(!shown) };
    const { isDeep } = this.session.tools;
    const sure = { id: "sure", say: t(isDeep ? "damage.hide-sure" : "damage.sure"), act: () => this.session.tools.showDepth(!isDeep) };
    if (isDeep) said.push(t("damage.depth"));
    return { say: said.join(" "), short: t("short.places", { n: places }), acts: [...lookAtFaces, show, sure, paint] };
  }

  /** @param {string} step whose change of faces is to be looked at, if it is known and made */
  #lookAtFaces(step) {
    const { session } = this;
    const { job } = session;
    const faces = job?.state === "done" ? changedFaces(job, step) : [];
    return job && faces.length ? [{ id: "faces", say: t("faces.show"), act: () => openFaces(session, job, faces) }] : [];
  }

  /** @param {Piece} piece whose narrower side its area and its length tell, a slanting scratch's too */
  #isLarge({ width, height, area_px: area }) {
    const { photo } = this.session;
    return Math.min(width, height, area / Math.max(width, height)) > LARGE_SHARE * Math.min(photo.width, photo.height);
  }

  // ------------------------------------------------------------------ tones
  /** What came of the cleaning that is set now, if it is known. */
  get #cleaning() {
    const { clean, cleanAnyway } = this.session.edit;
    return this.cleaned.get(cleaningOf(clean, cleanAnyway));
  }

  /** @returns {Answer} */
  #clean() {
    const { session } = this;
    const { edit } = session;
    const byHand = edit.lightness || edit.contrast || edit.warmth ? ` ${t("clean.by-hand")}` : "";
    if (!edit.cleanOn) return { say: byHand.trim() || t("clean.off"), short: t(byHand ? "short.done" : "short.off") };
    const step = this.#cleaning;
    if (!step) return { say: t("clean.looking"), short: t("short.wait") };
    if (edit.cleanAnyway) {
      const leave = { id: "leave", say: t("clean.leave"), act: () => session.change({ cleanAnyway: false }) };
      return { say: t("clean.forced") + byHand, short: t("short.done"), acts: [leave] };
    }
    if (!(step.facts.tone > 0)) {
      const acts = [{ id: "anyway", say: t("clean.anyway"), act: () => session.change({ cleanAnyway: true }) }];
      const isYellow = step.facts.yellow_lights && !byHand;
      if (isYellow) acts.push({ id: "cooler", say: t("clean.cooler"), act: () => session.change({ warmth: COOLER }) });
      const isCleaned = step.facts.detail > 0;
      const said = t(isCleaned ? "clean.detail" : step.facts.need < LIKELY ? "clean.sound" : "clean.unsure");
      return { say: said + (isYellow ? ` ${t("clean.yellow")}` : byHand), short: t(isCleaned ? "short.done" : "short.left"), acts };
    }
    const { tone = edit.clean, detail = 0 } = step.facts;
    const word = tone < PART * edit.clean ? "clean.partly" : detail > 0 ? "clean.both" : "clean.toned";
    const acts = step.facts.faces_moved ? this.#lookAtFaces("clean") : [];
    return { say: t(word) + byHand, short: t("short.done"), acts };
  }

  // ------------------------------------------------------------------ color
  /** @returns {Answer} */
  #color() {
    const { session } = this;
    const { edit, photo } = session;
    if (!edit.colorize) {
      if (!photo.has_color) return { say: t("color.off"), short: t("short.off") };
      const anew = { id: "anew", say: t("color.anew"), act: () => session.change({ colorize: true }) };
      return { say: t(this.#cleaning?.facts.yellow_lights ? "color.off-yellow" : "color.off-color"), short: t("short.left"), acts: [anew] };
    }
    const give = { id: "give", say: t("color.give"), act: () => session.tools.use("hint") };
    const n = edit.hints.length;
    return { say: n ? t("color.hinted", { n }) : t("color.guess"), short: t("short.guess"), acts: [give] };
  }
}

/**
 * @param {number} clean
 * @param {boolean | undefined} anyway
 */
const cleaningOf = (clean, anyway) => `${clean} ${Boolean(anyway)}`;
