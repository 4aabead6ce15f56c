// @ts-check
// The page's beginning: the token, the settings, and which screen is shown.

import * as api from "./api.js";
import { $, all, input, make } from "./dom.js";
import { Household } from "./household.js";
import { Incoming } from "./incoming.js";
import { Library } from "./library.js";
import { announce, tell, waitsTexts } from "./say.js";
import { Shelf } from "./shelf.js";
import { signIn } from "./signin.js";
import { whenRefused } from "./storage.js";
import { Studio } from "./studio.js";
import { LANGUAGES, choose, speak, spoken, t } from "./words.js";

/**
 * @import { Entry, Job, Settings } from "./types.js"
 * @import { Refusal } from "./api.js"
 */

class Page {
  /**
   * @param {Settings} settings
   * @param {string | null} shelf of all who know the token
   */
  constructor(settings, shelf) {
    this.library = new Library();
    this.household = new Household(this.library, shelf);
    this.shelf = new Shelf(this.library, settings);
    this.studio = new Studio(this.library, settings, (entry) => this.shelf.remove(entry));
    /** @type {Entry | null} a photograph that opens by itself once it is there */
    this.awaited = null;
    this.readyUnseen = 0;
    this.incoming = new Incoming(this.library, settings, (entry) => (this.awaited = entry));
    this.#listen();
  }

  async begin() {
    addEventListener("hashchange", () => this.route());
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) return;
      this.readyUnseen = 0;
      this.#title();
    });
    whenRefused(() => tell(t("storage.none"), { wrong: true }));
    await this.household.begin();
    const lost = await this.library.load();
    await this.#resume();
    this.incoming.begin();
    if (lost) tell(t("photo.over", { n: lost }));
    await this.route();
    this.studio.resume();
  }

  #listen() {
    const { library, shelf, studio } = this;
    /**
     * @param {string} name
     * @param {(detail: any) => void} act
     */
    const on = (name, act) => library.addEventListener(name, (event) => act(/** @type {CustomEvent} */ (event).detail));
    on("list", () => {
      shelf.draw();
      studio.listChanged();
    });
    on("photo", (/** @type {Entry} */ entry) => {
      shelf.drawCard(entry);
      shelf.drawFew();
      studio.photoChanged(entry);
      if (!entry.photo || entry !== this.awaited) return;
      this.awaited = null;
      location.hash = `#/p/${entry.photo.id}`;
    });
    on("waits", (/** @type {Entry} */ entry) => entry.waits && announce(`${entry.name}: ${waitsTexts(entry.waits).join("; ")}.`));
    on("failed", (/** @type {Entry} */ entry) => announce(entry.failed));
    on("job", (/** @type {{ entry: Entry, job: Job, finished: boolean }} */ news) => {
      studio.jobChanged(news);
      if (news.finished && news.job.state === "done") this.#ready(news.entry);
    });
  }

  /**
   * Say that a photograph is ready: aloud, and in the tab's title while another tab is looked at.
   * @param {Entry} entry
   */
  #ready(entry) {
    announce(t("photo.ready", { name: entry.name }));
    if (!document.hidden) return;
    this.readyUnseen += 1;
    this.#title();
  }

  #title() {
    const { session } = this.studio;
    const title = session ? `${session.entry.name} · Unfade` : "Unfade";
    document.title = this.readyUnseen ? t("tab.ready", { n: this.readyUnseen, title }) : title;
  }

  /** Uploads that a refresh interrupted go on by themselves; the page says so, and asks again for those that it could not keep. */
  async #resume() {
    const entries = await this.library.resume();
    const lost = entries.filter((entry) => entry.lost).length;
    const going = entries.length - lost;
    if (going) tell(t("upload.resumed", { n: going }));
    if (lost) tell(t("upload.lost", { n: lost }), { wrong: true });
    if (entries.length === 1 && going && this.library.entries.length === 1) this.awaited = entries[0];
  }

  /** Show the screen that the address names. */
  async route() {
    const shelf = /^#\/s\/([\w-]{32})$/.exec(location.hash)?.[1];
    if (shelf) return void this.household.join(shelf).then(() => (location.hash = "#/"));
    const id = /^#\/p\/([\w-]+)/.exec(location.hash)?.[1];
    const entry = id && this.library.entry(id);
    this.#show(entry || null);
    if (id && !entry) await this.#adopt(id);
  }

  /**
   * A photograph that this browser knows nothing of (it may keep nothing) is opened if the server has it.
   * @param {string} id
   */
  async #adopt(id) {
    try {
      if (await this.library.adopt(id)) return void this.#show(this.library.entry(id) || null);
    } catch (error) {
      const refusal = /** @type {Refusal} */ (error);
      if (refusal.status === 0 || refusal.status >= 500) return tell(refusal.message, { wrong: true, act: () => this.route(), label: t("app.again") });
    }
    tell(t("photo.not-here"), { wrong: true });
    location.hash = "#/";
  }

  /** @param {Entry | null} entry whose screen is shown; null: the shelf */
  #show(entry) {
    $("shelf").hidden = Boolean(entry);
    $("studio").hidden = !entry;
    document.body.classList.toggle("in-studio", Boolean(entry));
    if (entry) this.studio.open(entry);
    else {
      this.studio.close();
      this.shelf.draw();
    }
    this.#title();
  }
}

function wireSample() {
  const range = input("sample-split");
  const set = () => $("sample").style.setProperty("--split", `${range.value}%`);
  range.addEventListener("input", set);
  set();
}

/** The part of a slider that is filled, for browsers without a style of their own for it. */
function wireRanges() {
  const fill = (/** @type {HTMLInputElement} */ range) =>
    range.style.setProperty("--filled", `${(100 * (Number(range.value) - Number(range.min))) / (Number(range.max) - Number(range.min))}%`);
  for (const range of all("input[type=range]")) fill(/** @type {HTMLInputElement} */ (range));
  addEventListener("input", ({ target }) => target instanceof HTMLInputElement && target.type === "range" && fill(target));
}

/** @param {Settings} settings */
function sayHowLong({ keep_hours: hours }) {
  const time = hours % 24 ? t("time.hours", { n: hours }) : hours === 24 ? t("time.day") : t("time.days", { n: hours / 24 });
  $("promise-here").textContent = t("promise.here.text", { time });
}

/** The person's own language, if their browser does not say it. */
function wireLanguage() {
  const select = /** @type {HTMLSelectElement} */ ($("language"));
  select.replaceChildren(...Object.entries(LANGUAGES).map(([value, textContent]) => make("option", { value, textContent, lang: value })));
  select.value = spoken();
  select.addEventListener("change", () => {
    choose(select.value);
    location.reload();
  });
}

async function begin() {
  await speak();
  document.body.classList.remove("wordless");
  wireLanguage();
  wireRanges();
  wireSample();
  const shelf = await signIn();
  const settings = await api.settings();
  sayHowLong(settings);
  await new Page(settings, shelf).begin();
  document.body.dataset.ready = "yes";
}

begin().catch((error) => {
  tell(error.message, { wrong: true, act: () => location.reload(), label: t("app.again") });
  throw error;
});
