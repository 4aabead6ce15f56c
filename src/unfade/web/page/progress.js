// @ts-check
// How far the server is with the open photograph: a thin line at the header's foot and a few words; and what went wrong.

import { $, button } from "./dom.js";
import { failedFor } from "./edit.js";
import { over } from "./library.js";
import { announce, waitsTexts } from "./say.js";
import { t } from "./words.js";

/**
 * @import { Job } from "./types.js"
 * @import { Session } from "./session.js"
 * @import { Key } from "./words.js"
 */

const SAID_AFTER_MS = 350; // what is quicker needs no words

/** @type {Record<string, Key>} */
const STEPS = { frame: "step.frame", damage: "step.damage", fill: "step.fill", clean: "step.clean", colorize: "step.colorize", saving: "step.saving" };

/** @param {string | null} step */
export const stepName = (step) => t(STEPS[step || ""] || "step.starting");

export class Progress {
  /** @param {Session} session */
  constructor(session) {
    this.session = session;
    this.said = "";
    /** @type {string | null} what is waited for beside a job */
    this.task = null;
    button("notice-act").addEventListener("click", () => session.startJob(), { signal: session.signal });
    session.signal.addEventListener("abort", () => clearTimeout(this.timer));
    $("state").hidden = true;
  }

  /** @param {string | null} sentence what the person waits for */
  busy(sentence) {
    this.task = sentence;
    this.draw();
  }

  draw() {
    const { session } = this;
    const { entry, photo, edit, job } = session;
    const failed = failedFor(photo, edit);
    this.#notice(failed ? failed.error || t("card.failed") : job ? null : entry.failed);
    const active = job && !over(job) ? job : null;
    const words = this.task || (active ? this.#words(active) : entry.waits ? waitsTexts(entry.waits).join("; ") : this.#unsharp());
    this.#say(words);
    $("thread").hidden = !active;
    if (active) {
      $("thread").style.setProperty("--share", String(active.state === "queued" ? 0 : active.progress));
      $("thread").setAttribute("aria-valuenow", String(Math.round(100 * active.progress)));
    }
    const isSeen = job?.state === "done" && session.stage.shows(job) && !session.brushwork.strokes.length;
    $("studio").dataset.settled = isSeen || failed || entry.failed ? "yes" : "no";
  }

  /** @param {string | null} sentence what went wrong */
  #notice(sentence) {
    $("notice").hidden = !sentence;
    $("notice-text").textContent = sentence || "";
  }

  /** What is seen is a small picture in the place of the whole one. */
  #unsharp() {
    return this.session.stage.isUnsharp ? t("state.preview") : null;
  }

  /** @param {Job} job */
  #words(job) {
    if (job.state === "queued") return job.position ? t("wait.ahead", { n: job.position }) : t("wait.next-in-line");
    const step = stepName(job.step);
    if (step !== this.said) announce(`${step}.`);
    this.said = step;
    return t("step.progress", { step, n: Math.round(100 * job.progress) });
  }

  /** @param {string | null} words */
  #say(words) {
    const state = $("state");
    if (words && !state.hidden) state.textContent = words;
    this.words = words;
    clearTimeout(this.timer);
    if (!words) state.hidden = true;
    else if (state.hidden) {
      this.timer = setTimeout(() => {
        state.textContent = this.words || "";
        state.hidden = !this.words;
      }, SAID_AFTER_MS);
    }
  }
}
