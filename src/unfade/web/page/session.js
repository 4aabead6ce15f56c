// @ts-check
// ONE PHOTOGRAPH ON THE BENCH: what is set for it, what is asked of the server for it, and what is seen of it.
// A session belongs to one photograph and is dropped whole when another is opened: its listeners, timers, requests and wishes end with it.

import * as api from "./api.js";
import { Controls } from "./controls.js";
import { input } from "./dom.js";
import { openDownload } from "./download.js";
import { History, firstEdit, jobFor, meaning, optionsOf } from "./edit.js";
import { latestDone, over } from "./library.js";
import { MaskView } from "./maskwork.js";
import { Pieces } from "./pieces.js";
import { Previews } from "./preview.js";
import { Progress } from "./progress.js";
import { announce, tell } from "./say.js";
import { Stage } from "./stage.js";
import { Tools } from "./tools.js";

/**
 * @import { Edit, Entry, Job, Photo, Settings } from "./types.js"
 * @import { Library } from "./library.js"
 * @import { Refusal } from "./api.js"
 */

const PREVIEW_AFTER_MS = 250; // after the last change
const JOB_AFTER_MS = 2500;

export class Session {
  /**
   * @param {Entry} entry one whose upload has ended
   * @param {Library} library
   * @param {Settings} settings
   */
  constructor(entry, library, settings) {
    if (!entry.photo) throw new Error(`${entry.name} is not uploaded yet.`);
    this.entry = entry;
    this.library = library;
    this.settings = settings;
    /** @type {Photo} */
    this.photo = entry.photo;
    this.ending = new AbortController();
    this.signal = this.ending.signal;
    this.changedHere = false;
    this.downloadWhenDone = false;
    this.history = new History(this.photo.id, firstEdit(this.photo.jobs.at(-1)?.options || entry.options || settings.defaults));
    for (const job of this.photo.jobs) if (job.state === "done") this.#noteMask(job);
    this.stage = new Stage(this);
    this.mask = new MaskView(this.photo, this.stage.changed);
    this.previews = new Previews(this);
    this.progress = new Progress(this);
    this.controls = new Controls(this);
    this.pieces = new Pieces(this);
    this.tools = new Tools(this);
  }

  get ended() {
    return this.signal.aborted;
  }

  /** @returns {Edit} */
  get edit() {
    return this.history.now;
  }

  // ------------------------------------------------------------------ begin and end
  begin() {
    this.stage.begin();
    this.tools.use("move");
    this.refresh();
    if (this.entry.starting || jobFor(this.photo, this.edit)) return; // under way already
    if (this.photo.jobs.length) this.later();
    else if (!this.edit.strokes.length) this.startJob();
  }

  end() {
    clearTimeout(this.previewTimer);
    clearTimeout(this.jobTimer);
    this.ending.abort();
    // What was changed last is made at full size even if the person leaves at once.
    const isThere = this.library.entry(this.photo.id);
    if (isThere && this.changedHere && !this.edit.strokes.length && !jobFor(this.photo, this.edit)) this.startJob();
  }

  // ------------------------------------------------------------------ changes
  /**
   * Everything that a person changes goes through here.
   * @param {Partial<Edit>} changes
   * @param {{ mergeKey?: string | null, look?: boolean }} [how] `mergeKey`: of a slider on its way
   */
  change(changes, { mergeKey = null, look = true } = {}) {
    if (!this.history.push(changes, mergeKey)) return;
    this.changedHere = true;
    this.refresh();
    if (look) this.later();
  }

  undo() {
    if (this.history.undo()) this.#moved("Undone.");
  }

  redo() {
    if (this.history.redo()) this.#moved("Done again.");
  }

  /** @param {string} sentence */
  #moved(sentence) {
    announce(sentence);
    this.changedHere = true;
    this.refresh();
    this.later();
  }

  /** A small picture soon, and the whole one when the person has stopped changing things. */
  later() {
    clearTimeout(this.previewTimer);
    clearTimeout(this.jobTimer);
    if (this.edit.strokes.length) return;
    const job = jobFor(this.photo, this.edit);
    if (job && this.entry.waits) this.library.letGo(this.entry);
    if (job?.state === "done") return void this.refresh();
    this.previewTimer = setTimeout(() => this.lookAhead(), PREVIEW_AFTER_MS);
    if (!job) this.jobTimer = setTimeout(() => this.startJob(), JOB_AFTER_MS);
  }

  async lookAhead() {
    const wanted = meaning(optionsOf(this.edit));
    this.progress.busy("Previewing");
    try {
      const taken = await this.previews.take(optionsOf(this.edit));
      if (!taken || this.ended || meaning(optionsOf(this.edit)) !== wanted) return;
      this.refresh();
    } catch (error) {
      const refusal = /** @type {Refusal} */ (error);
      if (refusal.name === "AbortError" || refusal.code === "superseded" || this.ended) return;
      if (refusal.status === 429) {
        this.previewTimer = setTimeout(() => this.lookAhead(), 1000 * refusal.retryAfterS);
        return;
      }
      this.progress.busy(null);
      if (refusal.status !== 503) this.refused(refusal);
    }
  }

  /**
   * Say what the server refused. A photograph that was deleted meanwhile, in another tab or because its time was over, is dropped without alarm.
   * @param {Refusal} refusal
   */
  async refused(refusal) {
    if (refusal.status !== 404) return void tell(refusal.message, { wrong: true });
    if (!this.library.entries.includes(this.entry)) return; // deleted here
    const gone = await this.library.dropIfGone(this.entry).catch(() => false);
    if (gone) tell(`${this.entry.name} is no longer here: it was deleted elsewhere, or its time was over.`);
    else tell(refusal.message, { wrong: true });
  }

  /** Brush work becomes a mask of the server's, then the holes are filled again. */
  async fillAgain() {
    if (!this.edit.strokes.length) return;
    this.progress.busy("Filling again");
    this.controls.waitForFill();
    try {
      const changes = await this.mask.bake(this.edit);
      if (this.ended) return;
      this.change(changes);
      announce("Filling again.");
    } catch (error) {
      this.refused(/** @type {Refusal} */ (error));
      if (!this.ended) this.refresh();
    }
  }

  // ------------------------------------------------------------------ jobs
  async startJob() {
    clearTimeout(this.jobTimer);
    const { entry, photo } = this;
    const options = optionsOf(this.edit);
    const wanted = meaning(options);
    if (jobFor(photo, this.edit)) return;
    entry.failed = null;
    try {
      for (const job of photo.jobs.filter((other) => !over(other))) await api.deleteJob(job.id).catch(() => null); // no one waits for it any more
      photo.jobs = photo.jobs.filter(over);
      await this.library.start(entry, options);
      if (!this.ended) this.refresh();
    } catch (error) {
      const refusal = /** @type {Refusal} */ (error);
      if (refusal.status === 404) return void this.refused(refusal);
      if (this.ended || meaning(optionsOf(this.edit)) !== wanted) return;
      entry.failed = refusal.message;
      this.progress.notice(refusal.message);
    }
  }

  /**
   * @param {Job} job
   * @param {boolean} finished whether it is over since this news
   */
  jobChanged(job, finished) {
    if (job.state === "done") this.#noteMask(job);
    this.refresh();
    if (!finished || job.state !== "done" || !this.downloadWhenDone) return;
    this.downloadWhenDone = false;
    this.download();
  }

  /** @param {Job} job a done one: the mask that it found stands for "look for damage" from now on */
  #noteMask(job) {
    if (job.mask_id && !job.options.mask) this.history.found(job.mask_id, job.options.sensitivity);
  }

  async download() {
    if (this.edit.strokes.length) {
      await this.fillAgain();
      if (this.edit.strokes.length) return;
    }
    const job = jobFor(this.photo, this.edit);
    if (job?.state === "done") {
      openDownload({ jobs: [job], photo: this.photo, hasLocation: this.photo.has_location, settings: this.settings });
      return;
    }
    this.downloadWhenDone = true;
    const sentence = "It is being made at full size; the download opens then.";
    announce(sentence);
    tell(sentence);
    if (!job) this.startJob();
  }

  // ------------------------------------------------------------------ what is shown
  refresh() {
    const { photo, edit } = this;
    const job = jobFor(photo, edit);
    const preview = this.previews.of(optionsOf(edit));
    const fallback = latestDone(photo);
    if (job?.state === "done") {
      this.#showJob(job);
    } else if (preview) {
      this.stage.showPreview(preview.canvas);
      this.progress.busy(null);
    } else if (!this.stage.viewer.after && fallback) {
      this.#showJob(fallback);
    }
    this.stage.changed();
    this.mask.show(edit).then(() => this.ended || this.#drawMask(), (refusal) => refusal.status !== 404 && tell(refusal.message, { wrong: true }));
    this.controls.draw(job);
    this.progress.draw(job);
  }

  #drawMask() {
    this.controls.drawSummary(jobFor(this.photo, this.edit));
    this.pieces.draw();
  }

  /** @param {Job} job */
  async #showJob(job) {
    this.progress.busy(this.stage.viewer.after ? null : "Opening the result");
    const isWanted = () => !this.ended && (jobFor(this.photo, this.edit) === job || !this.stage.viewer.after);
    const isAsked = await this.stage.showResult(job, isWanted);
    if (isAsked && !this.ended) this.progress.busy(null);
  }

  /** @param {number | null} id a piece to point out in the photograph */
  glance(id) {
    this.mask.highlighted = id;
    this.stage.changed();
  }

  /** @param {number} id */
  togglePiece(id) {
    const keep = this.edit.keep.includes(id) ? this.edit.keep.filter((other) => other !== id) : [...this.edit.keep, id];
    announce(keep.includes(id) ? "It is kept as it is." : "It is repaired.");
    this.change({ keep, fill: true });
  }

  /** Show the damage on the photograph. */
  showDamage() {
    input("overlay").checked = true;
    this.stage.changed();
  }
}
