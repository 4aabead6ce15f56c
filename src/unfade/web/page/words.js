// @ts-check
// The page's words, in the language that the person reads: one file for each in words/.

import english from "./words/en.js";
import { recall, remember } from "./storage.js";

/**
 * @typedef {keyof typeof english} Key
 * @typedef {string | { one?: string, two?: string, few?: string, many?: string, zero?: string, other: string }} Word
 * @typedef {Partial<Record<Key, Word>>} Words what a language's file gives
 */

const LANGUAGE = "unfade.language";
/** @type {Record<string, string>} */
export const LANGUAGES = { en: "English", de: "Deutsch", es: "Español", fr: "Français", it: "Italiano", zh: "中文" };

/** @type {Words} */
let words = english;
let language = "en";
let plural = new Intl.PluralRules("en");

/** The language that is spoken, as its tag. */
export const spoken = () => language;

/** The language that the person chose, or else the first of their browser's that there is. */
function wanted() {
  const chosen = recall(LANGUAGE, "");
  const tags = [chosen, ...navigator.languages].map((tag) => tag.toLowerCase().split("-")[0]);
  return tags.find((tag) => tag in LANGUAGES) || "en";
}

/** Speak the person's language, and put its words on the page. */
export async function speak() {
  language = wanted();
  if (language !== "en") {
    const { default: own } = await import(`./words/${language}.js`);
    words = { ...english, ...own };
  }
  plural = new Intl.PluralRules(language);
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll("[data-t]")) element.textContent = t(/** @type {Key} */ (element.getAttribute("data-t")));
  for (const attribute of ["aria-label", "title", "alt", "content"]) {
    for (const element of document.querySelectorAll(`[data-t-${attribute}]`)) {
      element.setAttribute(attribute, t(/** @type {Key} */ (element.getAttribute(`data-t-${attribute}`))));
    }
  }
}

/** @param {string} tag from now on, once the page is loaded again */
export const choose = (tag) => remember(LANGUAGE, tag);

/**
 * A word or sentence, with values in their places; `n` chooses among its numbers.
 * @param {Key} key
 * @param {Record<string, string | number>} [values]
 */
export function t(key, values = {}) {
  const word = /** @type {Word} */ (words[key] ?? english[key]);
  const text = typeof word === "string" ? word : word[plural.select(Number(values.n))] ?? word.other;
  return text.replace(/\{([\w-]+)\}/g, (/** @type {string} */ hole, /** @type {string} */ name) => (name in values ? shown(values[name]) : hole));
}

/** @param {string | number} value */
const shown = (value) => (typeof value === "number" ? value.toLocaleString(language) : value);
