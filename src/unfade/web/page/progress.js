// @ts-check
// How far the server is with the open photograph, and what went wrong.

import { $, button, make } from "./dom.js";
import { meaning, optionsOf } from "./edit.js";
import { over } from "./library.js";
import { announce, waitsTexts } from "./say.js";

/**
 * @import { Job } from "./types.js"
 * @import { Session } from "./session.js"
 */

/** @type {Record<string, string>} */
export const STEP_NAMES = { damage: "Finding damage", fill: "Filling", clean: "Lifting the fading", colorize: "Coloring", saving: "Saving" };

export class Progress {
  /** @param {Session} session */
  constructor(session) {
    this.session = session;
    this.said = "";
    button("notice-act").addEventListener("click", () => session.startJob(), { signal: session.signal });
    this.busy(null);
  }

  /** @param {string | null} sentence what the person waits for */
  busy(sentence) {
    $("state").hidden = !sentence;
    if (sentence) $("state-text").textContent = sentence;
  }

  /** @param {string | null} sentence what went wrong */
  notice(sentence) {
    $("notice").hidden = !sentence;
    $("notice-text").textContent = sentence || "";
  }

  /** @param {Job | null} job that of what is set now */
  draw(job) {
    const { entry, photo, edit } = this.session;
    const last = photo.jobs.at(-1);
    const failed = !job && last?.state === "failed" && meaning(last.options) === meaning(optionsOf(edit)) ? last : null;
    this.notice(failed ? failed.error || "This did not work." : job ? null : entry.failed);
    const active = job && !over(job) ? job : null;
    const { waits } = entry;
    $("progress").hidden = !active && !waits;
    if (active) {
      this.#drawActive(active);
      return;
    }
    this.said = "";
    if (!waits) return;
    [$("progress-title").textContent, $("progress-share").textContent] = waitsTexts(waits);
    $("steps").replaceChildren();
  }

  /** @param {Job} job */
  #drawActive(job) {
    const waiting = job.state === "queued";
    const title = waiting ? (job.position ? `Waiting, ${job.position} ahead of it` : "Next in line") : STEP_NAMES[job.step || ""] || "Starting";
    $("progress-title").textContent = title;
    $("progress-share").textContent = waiting ? "" : `${Math.round(100 * job.progress)} %`;
    if (title !== this.said) announce(`${title}.`);
    this.said = title;
    $("steps").replaceChildren(...job.steps.map(({ name, progress }) => {
      const bar = make("progress", { max: 1, value: progress, ariaLabel: STEP_NAMES[name] || name });
      return make("li", { className: progress >= 1 ? "done" : name === job.step ? "now" : "" }, make("span", { textContent: STEP_NAMES[name] || name }), bar);
    }));
  }
}
