// @ts-check
// ONE PHOTOGRAPH ON THE BENCH: what is set for it, what is asked of the server for it, and what is seen of it.
// A session belongs to one photograph and is dropped whole when another is opened: its listeners, timers, requests and wishes end with it.

import { Answers } from "./answers.js";
import { Brushwork } from "./brushwork.js";
import { Choices } from "./choices.js";
import { Controls } from "./controls.js";
import { Doubts } from "./doubts.js";
import { openDownload } from "./download.js";
import { History, firstEdit, jobFor, meaning, optionsOf } from "./edit.js";
import { Elsewhere } from "./elsewhere.js";
import { Framing } from "./framing.js";
import { latestDone } from "./library.js";
import { worthAgain } from "./line.js";
import { MaskView } from "./maskwork.js";
import { Pieces } from "./pieces.js";
import { Previews } from "./preview.js";
import { Progress } from "./progress.js";
import { announce, tell } from "./say.js";
import { Stage } from "./stage.js";
import { Tools } from "./tools.js";
import { t } from "./words.js";

/**
 * @import { Edit, Entry, Job, Photo, Settings } from "./types.js"
 * @import { Library } from "./library.js"
 * @import { Refusal } from "./api.js"
 */

const PREVIEW_AFTER_MS = 200; // after the last move of a slider on its way; at once when it is let go
const JOB_AFTER_MS = 1500;
const AGAIN_AFTER_MS = 4000;
const SOON_PX = 2.5e6; // of a photograph: a smaller one is made whole before a sharper preview would be there

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
    this.ending = new AbortController();
    this.signal = this.ending.signal;
    this.changedHere = false;
    this.downloadWhenDone = false;
    this.awaitsMask = false; // its layer could not be reached, and will be asked for again
    this.maskTries = 0;
    this.history = new History(this.photo.id, firstEdit(this.photo.jobs.at(-1)?.options || entry.options || settings.defaults));
    for (const job of this.photo.jobs) this.history.found(job);
    this.stage = new Stage(this);
    this.mask = new MaskView(this.photo, this.stage.changed);
    this.previews = new Previews(this);
    this.progress = new Progress(this);
    this.brushwork = new Brushwork(this);
    this.doubts = new Doubts(this);
    this.answers = new Answers(this);
    this.choices = new Choices(this);
    this.controls = new Controls(this);
    this.pieces = new Pieces(this);
    this.framing = new Framing(this);
    this.tools = new Tools(this);
    this.elsewhere = new Elsewhere(this);
  }

  /** What the server knows of the photograph; another value whenever it is asked again. */
  get photo() {
    return /** @type {Photo} */ (this.entry.photo);
  }

  get ended() {
    return this.signal.aborted;
  }

  /** @returns {Edit} */
  get edit() {
    return this.history.now;
  }

  /** The job, done or on its way, of what is set now. */
  get job() {
    return jobFor(this.photo, this.edit);
  }

  // ------------------------------------------------------------------ begin and end
  begin() {
    this.stage.begin();
    this.tools.use("move");
    this.refresh();
    const isFilledFirst = this.brushwork.fillSoon(); // what was painted before a refresh
    const { job } = this;
    if (job?.state === "done") return;
    this.#lookFirst();
    if (!job && !this.entry.starting && !isFilledFirst) this.jobTimer = setTimeout(() => this.startJob(), this.photo.jobs.length ? JOB_AFTER_MS : 0);
  }

  /** Something to see at once, and, where the whole takes long, something sharper soon. */
  async #lookFirst() {
    await this.lookAhead(true);
    if (!this.ended && this.photo.width * this.photo.height > SOON_PX && this.job?.state !== "done") this.lookAhead();
  }

  end() {
    clearTimeout(this.previewTimer);
    clearTimeout(this.jobTimer);
    this.ending.abort();
    // What was changed last is made at full size even if the person leaves at once; what was painted, see Afterwards.
    if (this.library.entry(this.photo.id) && this.changedHere && !this.job && !this.brushwork.strokes.length) this.startJob();
  }

  // ------------------------------------------------------------------ changes
  /**
   * Everything that a person changes goes through here.
   * @param {Partial<Edit>} changes
   * @param {{ mergeKey?: string | null }} [how] `mergeKey`: of a slider on its way
   */
  change(changes, { mergeKey = null } = {}) {
    if (!this.history.push(changes, mergeKey)) return;
    this.changed(mergeKey ? PREVIEW_AFTER_MS : 0);
  }

  /**
   * What is set is other than before.
   * @param {number} [previewAfterMs]
   */
  changed(previewAfterMs = 0) {
    this.changedHere = true;
    if (this.ended) return void this.startJob();
    this.refresh();
    this.later(previewAfterMs);
  }

  undo() {
    const { edit } = this;
    if (this.history.undo()) this.#moved(edit, "studio.undone");
  }

  redo() {
    const { edit } = this;
    if (this.history.redo()) this.#moved(edit, "studio.redone");
  }

  /**
   * @param {Edit} before
   * @param {"studio.undone" | "studio.redone"} word
   */
  #moved(before, word) {
    announce(t(word));
    this.brushwork.moved(before);
    this.changed();
  }

  /**
   * A small picture soon, and the whole one when the person has stopped changing things.
   * @param {number} previewAfterMs
   */
  later(previewAfterMs) {
    this.pause();
    const isFilledFirst = this.brushwork.fillSoon();
    const { job } = this;
    if (job && this.entry.waits) this.library.letGo(this.entry);
    if (job?.state === "done") return void this.refresh();
    this.previewTimer = setTimeout(() => this.lookAhead(), previewAfterMs);
    if (!job && !isFilledFirst) this.jobTimer = setTimeout(() => this.startJob(), JOB_AFTER_MS);
  }

  /** Nothing is asked for by itself for now. */
  pause() {
    clearTimeout(this.previewTimer);
    clearTimeout(this.jobTimer);
    this.previewTimer = this.jobTimer = undefined;
    this.brushwork.pause();
  }

  /** A slider was let go: what it shows is wanted now. */
  letGo() {
    if (this.previewTimer === undefined) return;
    clearTimeout(this.previewTimer);
    this.lookAhead();
  }

  /** @param {boolean} [isFirst] something smaller will do */
  async lookAhead(isFirst = false) {
    this.previewTimer = undefined;
    const wanted = meaning(optionsOf(this.edit));
    try {
      const taken = await this.previews.take(optionsOf(this.edit), this.brushwork.strokes, isFirst);
      if (!taken || this.ended || meaning(optionsOf(this.edit)) !== wanted) return;
      this.refresh();
    } catch (error) {
      const refusal = /** @type {Refusal} */ (error);
      if (refusal.name === "AbortError" || refusal.code === "superseded" || this.ended) return;
      if (refusal.status === 429) this.previewTimer = setTimeout(() => this.lookAhead(), 1000 * refusal.retryAfterS);
      else if (refusal.status !== 503) this.refused(refusal);
    }
  }

  /**
   * Say what the server refused. A photograph that was deleted meanwhile, in another tab or because its time was over, is dropped without alarm.
   * @param {Refusal} refusal
   */
  async refused(refusal) {
    if (refusal.status === 404 && !this.library.entries.includes(this.entry)) return; // deleted here
    if (await this.library.isGone(this.entry, refusal)) tell(t("photo.gone", { name: this.entry.name }));
    else tell(refusal.message, { wrong: true });
  }

  // ------------------------------------------------------------------ jobs
  async startJob() {
    clearTimeout(this.jobTimer);
    this.jobTimer = undefined;
    const { entry } = this;
    const options = optionsOf(this.edit);
    const wanted = meaning(options);
    if (this.job) return;
    entry.failed = null;
    entry.away = false; // it is asked for again here
    try {
      await this.library.startInstead(entry, options);
      if (!this.ended) this.refresh();
    } catch (error) {
      const refusal = /** @type {Refusal} */ (error);
      if (refusal.status === 404) return void this.refused(refusal);
      if (meaning(optionsOf(this.edit)) !== wanted) return;
      entry.failed = refusal.message;
      if (this.ended) return;
      this.progress.draw();
      if (refusal.status === 0 || refusal.status === 503) this.jobTimer = setTimeout(() => this.startJob(), AGAIN_AFTER_MS); // it is just restarting
    }
  }

  /**
   * @param {Job} job
   * @param {boolean} finished whether it is over since this news
   */
  jobChanged(job, finished) {
    this.history.found(job);
    this.refresh();
    if (!finished) return;
    this.brushwork.fillSoon(); // it may have waited for the damage to be found
    if (job.state !== "done" || !this.downloadWhenDone) return;
    this.downloadWhenDone = false;
    this.download();
  }

  async download() {
    await this.brushwork.fill();
    const { job, photo, settings } = this;
    if (job?.state === "done") return void openDownload({ jobs: [job], photo, hasLocation: photo.has_location, settings });
    this.downloadWhenDone = true;
    announce(t("download.later"));
    tell(t("download.later"));
    if (!job) this.startJob();
  }

  // ------------------------------------------------------------------ what is shown
  refresh() {
    const { photo, edit, job } = this;
    const preview = this.previews.of(optionsOf(edit), this.brushwork.strokes);
    const fallback = latestDone(photo);
    if (job?.state === "done" && !this.brushwork.strokes.length) {
      this.#showJob(job);
    } else if (preview) {
      this.stage.showPreview(preview.canvas);
      this.brushwork.dried();
    } else if (!this.stage.viewer.after && fallback) {
      this.#showJob(fallback);
    }
    this.stage.changed();
    this.mask.show(edit, this.brushwork.strokes).then(() => this.ended || this.#drawMask(), (refusal) => this.#maskFailed(refusal));
    this.controls.draw();
    this.doubts.drawList();
    this.answers.draw();
    this.choices.draw();
    this.progress.draw();
  }

  /** @param {Refusal} refusal */
  async #maskFailed({ status, message }) {
    if (status === 404 || this.ended) return;
    if (status !== 0) return tell(message, { wrong: true });
    if (this.awaitsMask) return;
    this.awaitsMask = true;
    const isTime = await worthAgain(this.maskTries, this.signal);
    this.awaitsMask = false;
    this.maskTries += 1;
    if (isTime) this.refresh();
  }

  #drawMask() {
    this.maskTries = 0;
    this.answers.draw();
    this.pieces.draw();
  }

  /** @param {Job} job */
  async #showJob(job) {
    const isWanted = () => !this.ended && (this.job === job || !this.stage.viewer.after);
    const isAsked = await this.stage.showResult(job, isWanted);
    if (!isAsked || this.ended) return;
    if (this.job === job) this.brushwork.dried();
    this.progress.draw();
    this.choices.draw();
  }

  /** @param {number | null} id a piece to point out in the photograph */
  glance(id) {
    this.mask.highlighted = id;
    this.stage.changed();
  }

  /** @param {number} id */
  togglePiece(id) {
    const keep = this.edit.keep.includes(id) ? this.edit.keep.filter((other) => other !== id) : [...this.edit.keep, id];
    announce(t(keep.includes(id) ? "piece.kept" : "piece.repaired"));
    this.change({ keep, fill: true });
  }
}
