// The person's photographs: which they are (kept in this browser), what the server knows of them, and news of their jobs.

import * as api from "./api.js";
import { Pending } from "./pending.js";
import { forget, keys, recall, remember } from "./storage.js";

const IDS = "unfade.photos";
export const EDITS = "unfade.edit.";
const UPLOADS_AT_ONCE = 2;
const EVENTS_AT_ONCE = 200;
const FINAL = new Set([400, 413, 415, 422]); // the same file would be refused again

const OVER = new Set(["done", "failed", "cancelled"]);
export const over = (job) => OVER.has(job.state);

/** Emits "photo" (detail: its entry), "list", "job" (detail: { entry, job }). */
export class Library extends EventTarget {
  constructor() {
    super();
    // { key, photo|null, local: object URL|null, name, sent: 0…1, failed: sentence|null, final: of no use to try again,
    //   chosen: File|null, kept: whether a refresh finds it, lost: whether one did not }
    this.entries = [];
    this.pending = new Pending();
    this.waiting = [];
    this.uploading = 0;
    this.source = null;
    this.watched = "";
    window.addEventListener("storage", (event) => event.key === IDS && this.load());
  }

  entry(id) {
    return this.entries.find((entry) => entry.photo?.id === id);
  }

  tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  get ids() {
    return recall(IDS, []).filter((id) => typeof id === "string");
  }

  /** Note a photograph, or that it has gone; another tab may do so at the same time. */
  note(id, here) {
    const ids = this.ids.filter((other) => other !== id);
    const place = (other) => this.entries.findIndex((entry) => entry.photo?.id === other); // not in the order in which uploads ended
    remember(IDS, here ? [...ids, id].sort((a, b) => place(a) - place(b)) : ids);
  }

  /** Ask the server for the photographs that this browser holds ids of. */
  async load() {
    const { ids } = this;
    const found = [];
    for (let at = 0; at < ids.length; at += 500) found.push(...(await api.photos(ids.slice(at, at + 500))));
    const byId = new Map(found.map((photo) => [photo.id, photo]));
    const gone = new Set(ids.filter((id) => !byId.has(id)));
    const uploading = this.entries.filter((entry) => !entry.photo);
    // What was uploaded while the server was asked is here already.
    this.entries = this.ids.filter((id) => byId.has(id) || (!gone.has(id) && this.entry(id))).map((id) => {
      const entry = this.entry(id) || { key: id, local: null, name: "", sent: 1, failed: null, chosen: null };
      entry.photo = byId.get(id) || entry.photo;
      entry.name = entry.photo.name;
      return entry;
    }).concat(uploading);
    for (const id of gone) this.note(id, false);
    const here = new Set(this.ids);
    for (const key of keys()) if (key.startsWith(EDITS) && !here.has(key.slice(EDITS.length))) forget(key);
    this.tell("list");
    this.watch();
    return gone.size;
  }

  /** Take up the uploads that a refresh interrupted; gives their entries. */
  async resume() {
    const entries = (await this.pending.begin()).map(({ key, name, options, chosen }) => ({
      key, photo: null, local: chosen && URL.createObjectURL(chosen), name, sent: 0, failed: null, chosen, options, kept: true, lost: !chosen,
    }));
    if (!entries.length) return entries;
    this.entries.push(...entries);
    this.waiting.push(...entries.filter((entry) => entry.chosen));
    this.tell("list");
    this.pump();
    return entries;
  }

  /** The file of an upload that was lost, chosen again. */
  chooseAgain(entry, chosen) {
    Object.assign(entry, { chosen, name: chosen.name, local: URL.createObjectURL(chosen), lost: false });
    this.keep(entry);
    this.retry(entry);
  }

  async keep(entry) {
    entry.kept = await this.pending.keep(entry);
  }

  /** Whether a refresh now would lose an upload. */
  get atRisk() {
    return this.entries.some((entry) => !entry.photo && entry.chosen && !entry.kept && !entry.final);
  }

  /** Upload photographs, some at a time; `options` start a job for each. */
  add(files, options) {
    const added = files.map((chosen) => ({
      key: crypto.randomUUID ? crypto.randomUUID() : String(Math.random()),
      photo: null, local: URL.createObjectURL(chosen), name: chosen.name || "Pasted picture", sent: 0, failed: null, chosen, options, kept: false,
    }));
    for (const entry of added) this.keep(entry);
    this.entries.push(...added);
    this.waiting.push(...added);
    this.tell("list");
    this.pump();
    return added;
  }

  pump() {
    while (this.uploading < UPLOADS_AT_ONCE && this.waiting.length) {
      const entry = this.waiting.shift();
      if (!this.entries.includes(entry)) continue;
      this.uploading += 1;
      this.send(entry).finally(() => {
        this.uploading -= 1;
        this.pump();
      });
    }
  }

  async send(entry) {
    try {
      entry.photo = await api.uploadPhoto(entry.chosen, (share) => {
        entry.sent = share;
        this.tell("photo", entry);
      });
      entry.name = entry.photo.name;
      this.pending.drop(entry.key);
      if (!this.entries.includes(entry)) return void (await api.deletePhoto(entry.photo.id)); // taken away meanwhile
      entry.sent = 1;
      entry.chosen = null;
      entry.starting = Boolean(entry.options);
      this.note(entry.photo.id, true);
      this.tell("photo", entry);
      if (entry.options) await this.start(entry, entry.options);
      entry.starting = false;
    } catch (refusal) {
      if ((refusal.code === "rate" || refusal.status === 503) && !entry.photo && !entry.again) {
        entry.again = true;
        setTimeout(() => {
          this.waiting.push(entry);
          this.pump();
        }, 1000 * (refusal.retryAfterS || 5));
        return;
      }
      entry.starting = false;
      entry.failed = refusal.message;
      entry.final = !entry.photo && FINAL.has(refusal.status);
      if (entry.final) this.pending.drop(entry.key);
      this.tell("photo", entry);
    }
  }

  retry(entry) {
    entry.failed = null;
    entry.sent = 0;
    if (entry.photo) this.start(entry, entry.options).catch((refusal) => this.fail(entry, refusal));
    else {
      this.waiting.push(entry);
      this.pump();
    }
    this.tell("photo", entry);
  }

  fail(entry, refusal) {
    entry.failed = refusal.message;
    this.tell("photo", entry);
  }

  async start(entry, options) {
    const job = await api.startJob(entry.photo.id, options);
    this.take(job);
    this.watch();
    return job;
  }

  /** News of a job: into its photograph, and told. */
  take(job) {
    const entry = this.entry(job.photo_id);
    if (!entry) return;
    const jobs = entry.photo.jobs;
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

  async remove(entry) {
    if (entry.photo) {
      try {
        await api.deletePhoto(entry.photo.id);
      } catch (refusal) {
        if (refusal.status !== 404) throw refusal;
      }
    }
    if (entry.local) URL.revokeObjectURL(entry.local);
    this.entries = this.entries.filter((other) => other !== entry);
    if (entry.photo) this.note(entry.photo.id, false);
    else this.pending.drop(entry.key);
    this.tell("list");
    this.watch();
  }
}

export const latestDone = (photo) => [...photo.jobs].reverse().find((job) => job.state === "done");
export const latestActive = (photo) => [...photo.jobs].reverse().find((job) => !over(job));
