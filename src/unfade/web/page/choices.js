// @ts-check
// Suggestions of color, as small pictures: quiet, natural, lively, none, and other guesses.

import { $, make } from "./dom.js";
import { meaning, optionsOf } from "./edit.js";
import { over } from "./library.js";
import { t } from "./words.js";

/**
 * @import { Edit } from "./types.js"
 * @import { Refusal } from "./api.js"
 * @import { Session } from "./session.js"
 * @import { Key } from "./words.js"
 */

const SIDE_PX = 256;
const OTHER_SIDE_PX = 1024; // what another guess is, follows from a picture that is not too small; and the stages of this size are kept
const OTHERS = [1, 2, 3];
const AGAIN_AFTER_MS = 300;
const AWAY_AFTER_MS = 3000;
/** @type {{ word: Key, n?: number, side: number, changes: Partial<Edit> }[]} */
const CHOICES = [
  { word: "color.quiet", side: SIDE_PX, changes: { colorize: true, liveliness: 0, suggestion: 0 } },
  { word: "color.natural", side: SIDE_PX, changes: { colorize: true, liveliness: 0.5, suggestion: 0 } },
  { word: "color.lively", side: SIDE_PX, changes: { colorize: true, liveliness: 1, suggestion: 0 } },
  { word: "color.none", side: SIDE_PX, changes: { colorize: false } },
  ...OTHERS.map((n) => ({ word: /** @type {Key} */ ("color.other"), n, side: OTHER_SIDE_PX, changes: { colorize: true, liveliness: 0.5, suggestion: n } })),
];

/**
 * Whether this is what the person has now.
 * @param {Edit} edit
 * @param {Partial<Edit>} changes
 */
function isOn(edit, { colorize, liveliness, suggestion }) {
  return edit.colorize === colorize && (!colorize || (edit.liveliness === liveliness && (edit.suggestion || 0) === suggestion));
}

export class Choices {
  /** @param {Session} session */
  constructor(session) {
    this.session = session;
    /** @type {Map<string, string>} object URLs of what came, by the meaning of the options */
    this.pictures = new Map();
    this.fetching = false;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    this.buttons = CHOICES.map(({ word, n, changes }) => {
      const picture = make("img", { alt: "", hidden: true });
      const blank = make("span", { className: "blank" });
      const button = make("button", { type: "button" }, blank, picture, make("span", { textContent: t(word, n === undefined ? {} : { n }) }));
      button.addEventListener("click", () => session.change(changes));
      return { button, picture, blank };
    });
    $("choices").replaceChildren(...this.buttons.map(({ button }) => button));
    session.signal.addEventListener("abort", () => {
      clearTimeout(this.timer);
      this.pictures.forEach((url) => URL.revokeObjectURL(url));
    });
  }

  /** @param {number} at */
  #options(at) {
    const { edit } = this.session;
    return optionsOf({ ...edit, ...CHOICES[at].changes, strength: 1, saturation: 1 });
  }

  draw() {
    const { edit, photo } = this.session;
    const wanted = edit.colorize || !photo.has_color;
    $("choices").hidden = !wanted;
    if (!wanted) return;
    this.buttons.forEach(({ button, picture, blank }, at) => {
      button.setAttribute("aria-pressed", String(isOn(edit, CHOICES[at].changes)));
      const url = this.pictures.get(meaning(this.#options(at)));
      if (url) picture.src = url;
      picture.hidden = !picture.src;
      blank.hidden = !picture.hidden;
    });
    this.#fetch();
  }

  /** Have the server make what is missing, one after another, and never in the way of the picture that the person waits for. */
  async #fetch() {
    if (this.fetching) return;
    clearTimeout(this.timer);
    this.fetching = true;
    let againAfterMs = AGAIN_AFTER_MS; // it is not time yet, or another picture went first
    try {
      for (let at = this.#missing(); at >= 0 && this.#isTime; at = this.#missing()) {
        const next = this.#options(at);
        const picture = await this.session.previews.beside(next, CHOICES[at].side);
        this.pictures.set(meaning(next), URL.createObjectURL(picture));
        this.draw();
      }
    } catch (error) {
      const refusal = /** @type {Refusal} */ (error);
      if (refusal.name !== "AbortError" && refusal.code !== "superseded") againAfterMs = AWAY_AFTER_MS; // which is said elsewhere
    } finally {
      this.fetching = false;
      if (this.#missing() >= 0 && !this.session.ended) this.timer = setTimeout(() => this.draw(), againAfterMs);
    }
  }

  /** Whether nothing is on its way that the person waits for. */
  get #isTime() {
    const { ended, previews, job } = this.session;
    return !ended && previews.isIdle && (!job || over(job));
  }

  /** The place of the first choice without a picture, or -1. */
  #missing() {
    return CHOICES.findIndex((_, at) => !this.pictures.has(meaning(this.#options(at))));
  }
}
