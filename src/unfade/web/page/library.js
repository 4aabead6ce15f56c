// @ts-check
// The person's photographs: which they are (kept in this browser), what the server knows of them, and news of their jobs.

import * as api from "./api.js";
import { Outage, isReadable } from "./outage.js";
import { patiently } from "./patience.js";
import { Pending } from "./pending.js";
import { naming } from "./say.js";
import { forget, keys, recall, remember } from "./storage.js";
import { t } from "./words.js";

/**
 * @import { Entry, Job, Options, Photo } from "./types.js"
 * @import { Refusal } from "./api.js"
 */

const IDS = "unfade.photos";
export const EDITS = "unfade.edit.";
const UPLOADS_AT_ONCE = 2;
const EVENTS_AT_ONCE = 200;
const FINAL = new Set([400, 413, 415, 422]); // the same file would be refused again

const OVER = new Set(["done", "failed", "cancelled"]);
/** @param {Job} job */
export const over = (job) => OVER.has(job.state);

/**
 * What is to be done to a photograph that has just come: color is planned for those that have none.
 * @param {Entry} entry
 * @returns {Partial<Options>}
 */
function plannedFor({ options, photo }) {
  const last = photo?.jobs.at(-1)?.options;
  if (!options) return last || {};
  const colorize = options.colorize && !photo?.has_color;
  return { ...options, colorize, force: colorize };
}

/** Emits "photo" (detail: its entry), "list", "job" (detail: { entry, job }), "note" (detail: { id, here }). */
export class Library extends EventTarget {
  constructor() {
    super();
    /** @type {Entry[]} */
    this.entries = [];
    this.pending = new Pending();
    /** @type {Entry[]} whose turn to be uploaded will come */
    this.waiting = [];
    this.uploading = 0;
    this.outage = new Outage(this);
    /** @type {string[]} the ids of photographs on a shelf that several devices share */
    this.shared = [];
    /** @type {EventSource | null} */
    this.source = null;
    this.watched = "";
    window.addEventListener("storage", (event) => event.key === IDS && this.load());
  }

  /** @param {string} id */
  entry(id) {
    return this.entries.find((entry) => entry.photo?.id === id);
  }

  /**
   * @param {string} name
   * @param {unknown} [detail]
   */
  tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  /** The photographs that came in through this browser, by their ids. */
  get own() {
    return recall(IDS, /** @type {string[]} */ ([])).filter((id) => typeof id === "string");
  }

  get ids() {
    return [...new Set([...this.own, ...this.shared])];
  }

  /**
   * Note a photograph, or that it has gone; another tab may do so at the same time.
   * @param {string} id
   * @param {boolean} here
   */
  note(id, here) {
    const ids = this.own.filter((other) => other !== id);
    const place = (/** @type {string} */ other) => this.entries.findIndex((entry) => entry.photo?.id === other); // not in the order in which uploads ended
    remember(IDS, here ? [...ids, id].sort((a, b) => place(a) - place(b)) : ids);
    if (!here) this.shared = this.shared.filter((other) => other !== id);
    this.tell("note", { id, here });
  }

  /** Ask the server for the photographs that this browser holds ids of. */
  async load() {
    const { ids } = this;
    const byId = await this.find(ids);
    const gone = new Set(ids.filter((id) => !byId.has(id)));
    const uploading = this.entries.filter((entry) => !entry.photo && !byId.has(entry.key));
    // What was uploaded while the server was asked is here already.
    this.entries = this.ids.filter((id) => byId.has(id) || (!gone.has(id) && this.entry(id))).map((id) => {
      const entry = this.entries.find(({ key, photo }) => photo?.id === id || key === id)
        || { key: id, photo: null, local: null, name: "", sent: 1, failed: null, chosen: null };
      entry.photo = byId.get(id) || entry.photo;
      entry.name = entry.photo?.name || entry.name;
      return entry;
    }).concat(uploading);
    for (const id of gone) this.note(id, false);
    const here = new Set(this.ids);
    for (const key of keys()) if (key.startsWith(EDITS) && !here.has(key.slice(EDITS.length))) forget(key);
    this.tell("list");
    this.watch();
    return gone.size;
  }

  /**
   * What the server has of these photographs, by their ids.
   * @param {string[]} ids
   * @returns {Promise<Map<string, Photo>>}
   */
  async find(ids) {
    /** @type {Photo[]} */
    const found = [];
    for (let at = 0; at < ids.length; at += 500) found.push(...(await api.photos(ids.slice(at, at + 500))));
    return new Map(found.map((photo) => [photo.id, photo]));
  }

  /**
   * Take in a photograph of which only the id is known. Whether the server has it.
   * @param {string} id
   */
  async adopt(id) {
    const photo = (await this.find([id])).get(id);
    if (!photo) return false;
    if (!this.entry(id)) this.entries.push({ key: id, photo, local: null, name: photo.name, sent: 1, failed: null, chosen: null });
    this.note(id, true);
    this.tell("list");
    this.watch();
    return true;
  }

  /** Take up what a refresh interrupted; gives the entries of the uploads that have to be sent again. */
  async resume() {
    const notes = await this.pending.begin();
    const here = await this.find(notes.map(({ key }) => key));
    const uploads = [];
    for (const { key, name, options, sent, chosen } of notes) {
      const photo = here.get(key) || null; // the server had it, and only its answer was lost
      /** @type {Entry} */
      const entry = this.entry(key)
        || { key, photo, local: chosen && URL.createObjectURL(chosen), name, sent: photo ? 1 : 0, failed: null, chosen, kept: true, lost: !photo && !chosen };
      entry.options = options;
      if (!photo && sent) {
        this.pending.drop(key); // deleted since, or its time was over
        continue;
      }
      if (!this.entries.includes(entry)) this.entries.push(entry);
      if (!photo) uploads.push(entry);
      else this.arrived(entry, photo);
    }
    if (!notes.length) return uploads;
    this.waiting.push(...uploads.filter((entry) => entry.chosen));
    this.tell("list");
    this.pump();
    return uploads;
  }

  /**
   * The file of an upload that was lost, chosen again.
   * @param {Entry} entry
   * @param {File} chosen
   */
  chooseAgain(entry, chosen) {
    Object.assign(entry, { chosen, name: chosen.name, local: URL.createObjectURL(chosen), lost: false });
    this.keep(entry);
    this.retry(entry);
  }

  /** @param {Entry} entry */
  async keep(entry) {
    entry.kept = await this.pending.keep(entry);
  }

  /** Whether a refresh now would lose an upload. */
  get atRisk() {
    return this.entries.some((entry) => !entry.photo && entry.chosen && !entry.kept && !entry.final);
  }

  /**
   * Upload photographs, some at a time.
   * @param {File[]} files
   * @param {Options} options of the job that is started for each
   */
  add(files, options) {
    const added = files.map((chosen) => /** @type {Entry} */ ({
      key: api.newKey(),
      photo: null, local: URL.createObjectURL(chosen), name: chosen.name || "Pasted picture", sent: 0, failed: null, chosen, options, kept: false,
    }));
    for (const entry of added) this.keep(entry);
    this.entries.push(...added);
    this.waiting.push(...added);
    this.tell("list");
    this.pump();
    return added;
  }

  /**
   * Photographs that were cut out of one come after it.
   * @param {Photo[]} photos
   * @param {Entry} whole
   * @param {Options} options of the job that is started for each
   */
  addCut(photos, whole, options) {
    const added = photos.map((photo) => /** @type {Entry} */ ({ key: photo.id, photo, local: null, name: photo.name, sent: 1, failed: null, chosen: null, options }));
    this.entries.splice(this.entries.indexOf(whole) + 1, 0, ...added);
    for (const entry of added) if (entry.photo) this.arrived(entry, entry.photo);
    this.tell("list");
  }

  pump() {
    while (!this.outage.lasts && this.uploading < UPLOADS_AT_ONCE && this.waiting.length) {
      const entry = this.waiting.shift();
      if (!entry || !this.entries.includes(entry)) continue;
      this.uploading += 1;
      this.send(entry).finally(() => {
        this.uploading -= 1;
        this.pump();
      });
    }
  }

  /** @param {Entry} entry */
  async send(entry) {
    const { chosen } = entry;
    if (!chosen) return;
    const isWanted = () => this.entries.includes(entry);
    const send = () => api.uploadPhoto(chosen, entry.key, (share) => {
      entry.sent = share;
      this.tell("photo", entry);
    });
    try {
      const photo = await patiently(this, entry, send, isWanted);
      if (photo && isWanted()) this.arrived(entry, photo);
      else if (photo) await api.deletePhoto(photo.id); // taken away meanwhile
    } catch (error) {
      const refusal = /** @type {Refusal} */ (error);
      const isTold = this.outage.note(entry, refusal);
      entry.failed = naming(entry.name, refusal.message);
      entry.final = FINAL.has(refusal.status);
      if (entry.final) this.pending.drop(entry.key);
      if (entry.away && !(await isReadable(chosen))) Object.assign(entry, { away: false, lost: true, failed: t("upload.unreadable") });
      if (!isTold) this.tell("failed", entry);
      this.tell("photo", entry);
    }
  }

  /**
   * The server has the photograph.
   * @param {Entry} entry
   * @param {Photo} photo
   */
  arrived(entry, photo) {
    this.outage.tries = 0;
    Object.assign(entry, { photo, name: photo.name, sent: 1, chosen: null, failed: null });
    if (entry.options) entry.options = { ...entry.options, ...plannedFor(entry) };
    this.pending.sent(entry.key);
    this.note(photo.id, true);
    this.tell("photo", entry);
    if (entry.options && !photo.jobs.length) this.startPlanned(entry);
    else this.pending.drop(entry.key);
  }

  /**
   * Start the job that a photograph came with; where that is not known, the last one again.
   * @param {Entry} entry
   */
  async startPlanned(entry) {
    entry.starting = true;
    try {
      await this.start(entry, plannedFor(entry));
      this.pending.drop(entry.key);
    } catch (error) {
      const refusal = /** @type {Refusal} */ (error);
      this.outage.note(entry, refusal);
      if (!(await this.isGone(entry, refusal))) this.fail(entry, refusal);
    }
    entry.starting = false;
  }

  /**
   * A person wants what failed once more.
   * @param {Entry} entry
   */
  retry(entry) {
    entry.away = this.outage.lasts = false;
    this.goOn(entry, null);
    this.pump();
  }

  /**
   * What failed is asked for again.
   * @param {Entry} entry
   * @param {Photo | null} photo what the server has of it: only its answer may have been lost
   */
  goOn(entry, photo) {
    entry.failed = null;
    if (photo && !entry.photo?.jobs.length) this.arrived(entry, photo);
    else if (entry.photo) this.startPlanned(entry);
    else {
      entry.sent = 0;
      this.waiting.unshift(entry);
    }
    this.tell("photo", entry);
  }

  /**
   * @param {Entry} entry
   * @param {Refusal} refusal
   */
  fail(entry, refusal) {
    entry.failed = refusal.message;
    this.tell("photo", entry);
  }

  /**
   * Start a job. Null if another was started, or the photograph went, while this one waited for a place in the queue.
   * @param {Entry} entry
   * @param {Partial<Options>} options
   */
  async start(entry, options) {
    const { photo } = entry;
    if (!photo) return null;
    const turn = Symbol("turn");
    entry.turn = turn;
    const isWanted = () => entry.turn === turn && this.entries.includes(entry);
    const job = await patiently(this, entry, () => api.startJob(photo.id, options), isWanted);
    if (job) this.take(job);
    this.watch();
    return job;
  }

  /**
   * Start a job in the place of those of the photograph that are not over: no one waits for them any more.
   * @param {Entry} entry
   * @param {Options} options
   */
  async startInstead(entry, options) {
    for (const job of entry.photo?.jobs || []) if (!over(job)) await api.deleteJob(job.id).catch(() => null);
    if (entry.photo) entry.photo.jobs = entry.photo.jobs.filter(over);
    return this.start(entry, options);
  }

  /**
   * The job that waits for a place in the queue is not wanted any more.
   * @param {Entry} entry
   */
  letGo(entry) {
    entry.turn = entry.waits = null;
    this.tell("photo", entry);
  }

  /**
   * Whether a refusal is because the server has the photograph no longer; then it is dropped here, too.
   * @param {Entry} entry
   * @param {Refusal} refusal
   */
  async isGone(entry, { status }) {
    if (status !== 404 || !entry.photo) return false;
    const found = await this.find([entry.photo.id]).catch(() => null);
    if (!found || found.size) return false;
    if (this.entries.includes(entry)) this.forget(entry);
    return true;
  }

  /**
   * News of a job: into its photograph, and told.
   * @param {Job} job
   */
  take(job) {
    const entry = this.entry(job.photo_id);
    if (!entry?.photo) return;
    const { jobs } = entry.photo;
    const at = jobs.findIndex((other) => other.id === job.id);
    const before = at >= 0 ? jobs[at].state : null;
    if (at >= 0) jobs[at] = job;
    else jobs.push(job);
    this.tell("job", { entry, job, finished: before !== job.state && over(job) });
    this.tell("photo", entry);
  }

  /** Listen to every job that isn't over, through one stream (browsers allow six connections to a server). */
  watch() {
    const ids = this.entries.flatMap((entry) => entry.photo?.jobs || []).filter((job) => !over(job)).map((job) => job.id).slice(0, EVENTS_AT_ONCE);
    const wanted = ids.join(",");
    if (wanted === this.watched && this.source && this.source.readyState !== EventSource.CLOSED) return;
    this.source?.close();
    this.source = null;
    this.watched = wanted;
    clearTimeout(this.again);
    if (!ids.length) return;
    const source = api.events(ids);
    this.source = source;
    source.addEventListener("job", (event) => this.take(JSON.parse(event.data)));
    source.addEventListener("gone", (event) => {
      const { id } = JSON.parse(event.data);
      for (const entry of this.entries) if (entry.photo) entry.photo.jobs = entry.photo.jobs.filter((job) => job.id !== id);
      this.tell("list");
    });
    source.addEventListener("end", () => {
      source.close();
      this.watched = "";
      this.watch();
    });
    source.onerror = () => {
      // EventSource comes back by itself after a broken line, but not after a refusal (a server that is just restarting).
      if (source.readyState === EventSource.CLOSED && source === this.source) {
        this.watched = "";
        this.again = setTimeout(() => this.watch(), 3000);
      }
    };
  }

  /** @param {Entry} entry */
  async remove(entry) {
    if (entry.photo) {
      try {
        await api.deletePhoto(entry.photo.id);
      } catch (refusal) {
        if (/** @type {Refusal} */ (refusal).status !== 404) throw refusal;
      }
    }
    this.forget(entry);
  }

  /** @param {Entry} entry */
  forget(entry) {
    if (entry.local) URL.revokeObjectURL(entry.local);
    this.entries = this.entries.filter((other) => other !== entry);
    if (entry.photo) this.note(entry.photo.id, false);
    this.pending.drop(entry.key);
    this.tell("list");
    this.watch();
  }
}

/** @param {Photo} photo */
export const latestDone = (photo) => photo.jobs.findLast((job) => job.state === "done");
/** @param {Photo} photo */
export const latestActive = (photo) => photo.jobs.findLast((job) => !over(job));
