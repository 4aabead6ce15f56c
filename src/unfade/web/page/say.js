// @ts-check
// What the page says: aloud to screen readers, and in a slip at the foot for everyone.

import { $, dialog as dialogOf } from "./dom.js";
import { t } from "./words.js";

/** @import { Waits } from "./types.js" */

const live = $("live");
const slips = $("slips");

/**
 * Tell screen readers, politely.
 * @param {string | null} sentence
 */
export function announce(sentence) {
  live.textContent = "";
  // A changed text is read; the same text set twice is not, unless it was empty between.
  requestAnimationFrame(() => (live.textContent = sentence));
}

/**
 * Show a sentence for a while; `wrong` ones stay longer and interrupt.
 * @param {string} sentence
 * @param {{ wrong?: boolean, act?: (() => void) | null, label?: string }} [how] `act`: what a button called `label` does
 */
export function tell(sentence, { wrong = false, act = null, label = "" } = {}) {
  const slip = document.createElement("div");
  slip.className = wrong ? "slip wrong" : "slip";
  slip.setAttribute("role", wrong ? "alert" : "status");
  const text = document.createElement("span");
  text.textContent = sentence;
  slip.append(text);
  const away = () => slip.remove();
  if (act) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "link";
    button.textContent = label;
    button.addEventListener("click", () => {
      away();
      act();
    });
    slip.append(button);
  }
  const close = document.createElement("button");
  close.type = "button";
  close.className = "icon small";
  close.setAttribute("aria-label", t("app.dismiss"));
  close.append(icon("close"));
  close.addEventListener("click", away);
  slip.append(close);
  slips.append(slip);
  while (slips.children.length > 3) slips.firstElementChild?.remove();
  setTimeout(away, wrong ? 15000 : 6000);
}

/**
 * What is said while the server is waited for, and until when.
 * @param {Waits} waits
 */
export const waitsTexts = ({ full, left }) => [t(full ? "wait.full" : "wait.busy"), t("wait.next", { n: left })];

/**
 * A refusal as one sentence that names the file it is about.
 * @param {string} name
 * @param {string} sentence
 */
export function naming(name, sentence) {
  const named = sentence.replace(/\b(the|this) (file|photograph|upload|mask)\b/i, () => name);
  return named === sentence ? t("upload.refused", { name, sentence: `${sentence[0].toLowerCase()}${sentence.slice(1)}` }) : named;
}

/** @param {string} name */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("aria-hidden", "true");
  svg.classList.add("glyph");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

/**
 * Ask before something that cannot be undone.
 * @param {string} question
 * @param {string} detail
 * @param {string} action what the button that does it says
 * @returns {Promise<boolean>}
 */
export function confirmed(question, detail, action) {
  const dialog = dialogOf("confirm");
  $("confirm-title").textContent = question;
  $("confirm-detail").textContent = detail;
  $("confirm-yes").textContent = action;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }));
}
