// @ts-check
// Suggestions of color, as small pictures: quiet, natural, lively, none.

import { $, make } from "./dom.js";
import { meaning, optionsOf } from "./edit.js";
import { over } from "./library.js";
import { t } from "./words.js";

/**
 * @import { Edit, Options } from "./types.js"
 * @import { Refusal } from "./api.js"
 * @import { Session } from "./session.js"
 * @import { Key } from "./words.js"
 */

const SIDE_PX = 256;
const AGAIN_AFTER_MS = 300;
const AWAY_AFTER_MS = 3000;
/** @type {{ word: Key, changes: Partial<Edit> }[]} */
const CHOICES = [
  { word: "color.quiet", changes: { colorize: true, liveliness: 0 } },
  { word: "color.natural", changes: { colorize: true, liveliness: 0.5 } },
  { word: "color.lively", changes: { colorize: true, liveliness: 1 } },
  { word: "color.none", changes: { colorize: false } },
];

export class Choices {
  /** @param {Session} session */
  constructor(session) {
    this.session = session;
    /** @type {Map<string, string>} object URLs of what came, by the meaning of the options */
    this.pictures = new Map();
    this.fetching = false;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    this.buttons = CHOICES.map(({ word, changes }) => {
      const picture = make("img", { alt: "", hidden: true });
      const blank = make("span", { className: "blank" });
      const button = make("button", { type: "button" }, blank, picture, make("span", { textContent: t(word) }));
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
      const { colorize, liveliness } = CHOICES[at].changes;
      const isOn = edit.colorize === colorize && (!colorize || edit.liveliness === liveliness);
      button.setAttribute("aria-pressed", String(isOn));
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
      for (let next = this.#missing(); next && this.#isTime; next = this.#missing()) {
        const picture = await this.session.previews.beside(next, SIDE_PX);
        this.pictures.set(meaning(next), URL.createObjectURL(picture));
        this.draw();
      }
    } catch (error) {
      const refusal = /** @type {Refusal} */ (error);
      if (refusal.name !== "AbortError" && refusal.code !== "superseded") againAfterMs = AWAY_AFTER_MS; // which is said elsewhere
    } finally {
      this.fetching = false;
      if (this.#missing() && !this.session.ended) this.timer = setTimeout(() => this.draw(), againAfterMs);
    }
  }

  /** Whether nothing is on its way that the person waits for. */
  get #isTime() {
    const { ended, previews, job } = this.session;
    return !ended && previews.isIdle && (!job || over(job));
  }

  /** @returns {Options | undefined} */
  #missing() {
    return CHOICES.map((_, at) => this.#options(at)).find((options) => !this.pictures.has(meaning(options)));
  }
}
