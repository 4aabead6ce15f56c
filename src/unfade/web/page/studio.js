// One photograph on the bench: what is done to it, by sliders, brush, taps and switches; all of it undoable.

import * as api from "./api.js";
import { History, firstEdit, jobFor, meaning, optionsOf } from "./edit.js";
import { latestDone, over } from "./library.js";
import { MaskView } from "./maskwork.js";
import { PickColor } from "./pick.js";
import { between, load, tinted } from "./preview.js";
import { announce, icon, naming, tell, waitsTexts } from "./say.js";
import { openDownload } from "./download.js";
import { Flat, Pyramid, Viewer } from "./viewer.js";

const $ = (id) => document.getElementById(id);
const PREVIEW_SIDE_PX = 1024;
const PREVIEW_AFTER_MS = 250; // after the last change
const JOB_AFTER_MS = 2500;
const OBJECTS_LISTED = 40;
const MAX_HINTS = 500;
const HINT_REACH_PX = 16;
const SWATCHES = [
  ["#c98d74", "Skin"], ["#8a5a3c", "Brown"], ["#6d8fb8", "Sky"], ["#2f4a6d", "Navy"], ["#6f8a4e", "Leaf"],
  ["#b5482f", "Brick"], ["#d8b25c", "Straw"], ["#7c7f83", "Gray"], ["#efe9dc", "Cream"],
];

export const STEP_NAMES = { damage: "Finding damage", fill: "Filling", clean: "Lifting the fading", colorize: "Coloring", saving: "Saving" };
const KIND_NAMES = { scratch: "Scratch", spot: "Spot", hole: "Hole" };

export class Studio {
  constructor(library, settings, removePhoto) {
    this.library = library;
    this.settings = settings;
    this.entry = null;
    this.tool = "move";
    this.pick = new PickColor(library);
    this.viewer = new Viewer($("view"), {
      overlay: (context, scale) => this.overlay(context, scale),
      split: (share) => ($("split").value = Math.round(100 * share)),
      zoomed: (percent) => ($("zoom-level").textContent = `${percent}%`),
    });
    this.wireView();
    this.wireSteps();
    this.wireTools();
    this.wireKeys();
    $("undo").addEventListener("click", () => this.undo());
    $("redo").addEventListener("click", () => this.redo());
    $("remove").addEventListener("click", async () => {
      if (await removePhoto(this.entry)) location.hash = "#/";
    });
    $("download-open").addEventListener("click", () => this.download());
    $("notice-act").addEventListener("click", () => this.startJob());
  }

  get photo() {
    return this.entry.photo;
  }

  get edit() {
    return this.history.now;
  }

  // ------------------------------------------------------------------ open and close
  open(entry) {
    if (this.entry === entry) return;
    this.close();
    this.entry = entry;
    const { photo } = entry;
    const last = photo.jobs.at(-1);
    this.history = new History(photo.id, firstEdit(last?.options || entry.options || this.settings.defaults));
    for (const job of photo.jobs) if (job.state === "done" && job.mask_id && !job.options.mask) this.history.found(job.mask_id, job.options.sensitivity);
    this.pyramids = new Map();
    this.shown = null;
    this.previewing = null;
    this.ends = {};
    this.viewer.photograph(photo.width, photo.height);
    this.viewer.before = this.pyramid(`photos/${photo.id}`);
    this.viewer.setSplit(0.5);
    $("split").value = 50;
    this.mask = new MaskView(photo, () => this.viewer.changed());
    $("photo-name").textContent = entry.name;
    const facts = [`${photo.width} × ${photo.height}`, photo.format.toUpperCase()];
    if (photo.bits > 8) facts.push(`${photo.bits} bits`);
    $("photo-facts").textContent = facts.join(" · ");
    $("color-note").textContent = photo.has_color
      ? "This photograph is in color already. Switch this on to give it new ones."
      : "A good guess, not the truth: nobody knows the real colors. Tap the photograph with the Color tool where you know better.";
    $("overlay").checked = false;
    this.busy(null);
    this.useTool("move");
    this.view("split");
    requestAnimationFrame(() => {
      this.viewer.fit();
      if (!document.querySelector("dialog[open]")) $("photo-name").focus({ preventScroll: true });
    });
    this.refresh();
    if (entry.starting || jobFor(photo, this.edit)) return; // under way already
    if (photo.jobs.length) this.later();
    else if (!this.edit.strokes.length) this.startJob();
  }

  close() {
    if (!this.entry) return;
    clearTimeout(this.previewTimer);
    clearTimeout(this.jobTimer);
    this.aborter?.abort();
    // What was changed last is made at full size even if the person leaves at once.
    if (this.library.entry(this.photo.id) && !this.edit.strokes.length && this.changedHere && !jobFor(this.photo, this.edit)) this.startJob();
    this.changedHere = false;
    this.entry = null;
    this.viewer.before = this.viewer.after = null;
  }

  listChanged() {
    if (!this.entry) return;
    if (!this.library.entries.includes(this.entry)) {
      this.close();
      location.hash = "#/";
    } else this.refresh();
  }

  pyramid(thing) {
    let pyramid = this.pyramids.get(thing);
    if (!pyramid) {
      pyramid = new Pyramid(thing, this.photo.width, this.photo.height, () => this.viewer.changed());
      this.pyramids.set(thing, pyramid);
    }
    return pyramid;
  }

  // ------------------------------------------------------------------ changes
  /** Everything that a person changes goes through here. `live`: a slider on its way. */
  change(changes, { mergeKey = null, look = true } = {}) {
    if (!this.history.push(changes, mergeKey)) return;
    this.changedHere = true;
    this.refresh();
    if (look) this.later();
  }

  undo() {
    if (this.history.undo()) this.moved("Undone.");
  }

  redo() {
    if (this.history.redo()) this.moved("Done again.");
  }

  moved(sentence) {
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
    const { entry } = this;
    const options = optionsOf(this.edit);
    const wanted = meaning(options);
    this.aborter?.abort();
    this.aborter = new AbortController();
    this.busy("Previewing");
    try {
      const picture = await load(await api.preview(entry.photo.id, options, PREVIEW_SIDE_PX, this.aborter.signal));
      if (this.entry !== entry || meaning(optionsOf(this.edit)) !== wanted) return;
      this.previewing = { wanted, options, picture };
      if (options.clean > 0.999 || options.clean === 0) this.ends[options.clean ? "full" : "none"] = { rest: meaning({ ...options, clean: 0 }), picture };
      this.refresh();
    } catch (refusal) {
      if (refusal.name === "AbortError" || refusal.code === "superseded" || this.entry !== entry) return;
      if (refusal.status === 429) {
        this.previewTimer = setTimeout(() => this.lookAhead(), 1000 * refusal.retryAfterS);
        return;
      }
      this.busy(null);
      if (refusal.status !== 503) this.refused(entry, refusal);
    }
  }

  /** Say what the server refused. A photograph that was deleted meanwhile, in another tab or because its time was over, is dropped without alarm. */
  async refused(entry, refusal) {
    if (refusal.status !== 404) return void tell(refusal.message, { wrong: true });
    if (!this.library.entries.includes(entry)) return; // deleted here
    const gone = await this.library.dropIfGone(entry).catch(() => false);
    if (gone) tell(`${entry.name} is no longer here: it was deleted elsewhere, or its time was over.`);
    else tell(refusal.message, { wrong: true });
  }

  photoChanged(entry) {
    if (entry === this.entry) this.drawProgress(jobFor(this.photo, this.edit));
  }

  /** The other end of the cleaning slider, fetched when a hand goes there. */
  async fetchEnd(clean) {
    const { entry } = this;
    const options = { ...optionsOf(this.edit), clean };
    const name = clean ? "full" : "none";
    const rest = meaning({ ...options, clean: 0 });
    if (this.ends[name]?.rest === rest || this.edit.strokes.length) return;
    try {
      const picture = await load(await api.preview(entry.photo.id, options, PREVIEW_SIDE_PX));
      if (this.entry === entry) this.ends[name] = { rest, picture };
    } catch {
      // Only a convenience: without it the picture waits for the true preview.
    }
  }

  /** While a slider moves: blend what is here. */
  blend(name) {
    const edit = this.edit;
    let canvas = null;
    if (name === "clean") {
      const rest = meaning({ ...optionsOf(edit), clean: 0 });
      const { none, full } = this.ends;
      const share = edit.cleanOn ? edit.clean : 0;
      if (none?.rest === rest && full?.rest === rest) canvas = between(none.picture, full.picture, share);
      else if (none?.rest === rest && this.previewing?.options.clean > 0.2 && meaning({ ...this.previewing.options, clean: 0 }) === rest) {
        canvas = between(none.picture, this.previewing.picture, share / this.previewing.options.clean);
      }
    } else if (this.previewing) {
      const was = this.previewing.options;
      const same = meaning({ ...was, strength: 1, saturation: 1 }) === meaning({ ...optionsOf(edit), strength: 1, saturation: 1 });
      if (same && was.strength * was.saturation > 0.15) canvas = tinted(this.previewing.picture, (edit.strength * edit.saturation) / (was.strength * was.saturation));
    }
    if (!canvas) return;
    this.viewer.after = new Flat(canvas, this.photo.width, this.photo.height);
    this.viewer.changed();
  }

  /** Brush work becomes a mask of the server's, then the holes are filled again. */
  async fillAgain() {
    if (!this.edit.strokes.length) return;
    const { entry } = this;
    const edit = this.edit;
    this.busy("Filling again");
    $("fill-again").disabled = true;
    try {
      const changes = await this.mask.bake(edit);
      if (this.entry !== entry) return;
      this.change(changes);
      announce("Filling again.");
    } catch (refusal) {
      this.refused(entry, refusal);
      if (this.entry === entry) this.refresh();
    }
  }

  async startJob() {
    clearTimeout(this.jobTimer);
    const { entry } = this;
    const options = optionsOf(this.edit);
    const wanted = meaning(options);
    if (jobFor(entry.photo, this.edit)) return;
    entry.failed = null;
    try {
      for (const job of entry.photo.jobs.filter((other) => !over(other))) await api.deleteJob(job.id).catch(() => null); // no one waits for it any more
      entry.photo.jobs = entry.photo.jobs.filter(over);
      await this.library.start(entry, options);
      if (this.entry === entry) this.refresh();
    } catch (refusal) {
      if (refusal.status === 404) return void this.refused(entry, refusal);
      if (this.entry !== entry || meaning(optionsOf(this.edit)) !== wanted) return;
      entry.failed = refusal.message;
      this.notice(refusal.message);
    }
  }

  jobChanged({ entry, job, finished }) {
    if (entry !== this.entry) return;
    if (job.state === "done" && job.mask_id && !job.options.mask) this.history.found(job.mask_id, job.options.sensitivity);
    if (finished && this.downloadWhenDone && job.state === "done") {
      this.downloadWhenDone = false;
      this.refresh();
      this.download();
      return;
    }
    this.refresh();
  }

  async download() {
    if (this.edit.strokes.length) {
      await this.fillAgain();
      if (this.edit.strokes.length) return;
    }
    const job = jobFor(this.photo, this.edit);
    if (job?.state === "done") return void openDownload({ jobs: [job], photo: this.photo, hasLocation: this.photo.has_location, settings: this.settings });
    this.downloadWhenDone = true;
    announce("It is being made at full size; the download opens then.");
    tell("It is being made at full size; the download opens then.");
    if (!job) this.startJob();
  }

  // ------------------------------------------------------------------ what is shown
  refresh() {
    const { photo, edit } = this;
    const job = jobFor(photo, edit);
    const done = job?.state === "done" ? job : null;
    const fallback = latestDone(photo);
    if (done) {
      this.showJob(done);
    } else if (this.previewing?.wanted === meaning(optionsOf(edit))) {
      this.viewer.after = new Flat(this.previewing.picture.canvas, photo.width, photo.height);
      this.busy(null);
    } else if (!this.viewer.after && fallback) {
      this.showJob(fallback);
    }
    this.viewer.changed();
    this.mask.show(edit).then(() => this.drawObjects(), (refusal) => refusal.status !== 404 && tell(refusal.message, { wrong: true }));
    $("undo").disabled = !this.history.past.length;
    $("redo").disabled = !this.history.future.length;
    this.drawControls();
    this.drawProgress(job || null);
  }

  async showJob(job) {
    const pyramid = this.pyramid(`jobs/${job.id}`);
    this.busy(this.viewer.after ? null : "Opening the result");
    if (this.viewer.after === pyramid) return;
    const { entry } = this;
    this.next = pyramid;
    const seen = await pyramid.ready; // the preview stays until the whole one can be seen
    if (this.entry !== entry || this.next !== pyramid) return;
    this.busy(null);
    if (!seen) return;
    if (jobFor(this.photo, this.edit) !== job && this.viewer.after) return;
    this.viewer.after = pyramid;
    if (this.viewer.fitted) this.viewer.fit();
    this.viewer.changed();
  }

  busy(sentence) {
    $("state").hidden = !sentence;
    if (sentence) $("state-text").textContent = sentence;
  }

  notice(sentence) {
    $("notice").hidden = !sentence;
    $("notice-text").textContent = sentence || "";
  }

  drawProgress(job) {
    const last = this.photo.jobs.at(-1);
    const failed = !job && last?.state === "failed" && meaning(last.options) === meaning(optionsOf(this.edit)) ? last : null;
    this.notice(failed ? failed.error || "This did not work." : job ? null : this.entry.failed);
    const active = job && !over(job) ? job : null;
    const { waits } = this.entry;
    $("progress").hidden = !active && !waits;
    if (waits && !active) {
      [$("progress-title").textContent, $("progress-share").textContent] = waitsTexts(waits);
      $("steps").replaceChildren();
    }
    if (!active) {
      this.saidStep = null;
      return;
    }
    const waiting = active.state === "queued";
    const title = waiting ? (active.position ? `Waiting, ${active.position} ahead of it` : "Next in line") : STEP_NAMES[active.step] || "Starting";
    $("progress-title").textContent = title;
    $("progress-share").textContent = waiting ? "" : `${Math.round(100 * active.progress)} %`;
    if (title !== this.saidStep) announce(`${title}.`);
    this.saidStep = title;
    const list = $("steps");
    list.replaceChildren(...active.steps.map(({ name, progress }) => {
      const item = document.createElement("li");
      item.className = progress >= 1 ? "done" : name === active.step ? "now" : "";
      const label = document.createElement("span");
      label.textContent = STEP_NAMES[name] || name;
      const bar = document.createElement("progress");
      bar.max = 1;
      bar.value = progress;
      bar.setAttribute("aria-label", STEP_NAMES[name] || name);
      item.append(label, bar);
      return item;
    }));
  }

  drawControls() {
    const { edit } = this;
    $("fill").checked = edit.fill;
    $("clean-on").checked = edit.cleanOn;
    $("colorize").checked = edit.colorize;
    for (const [id, on] of [["damage-body", edit.fill], ["clean-body", edit.cleanOn], ["color-body", edit.colorize]]) $(id).classList.toggle("off", !on);
    for (const name of ["clean", "strength", "saturation", "liveliness", "sensitivity"]) this.setRange(name, 100 * edit[name], `${Math.round(100 * edit[name])} %`);
    const look = edit.sensitivity < 0.4 ? "for what is certain" : edit.sensitivity > 0.6 ? "thoroughly" : "normally";
    this.setRange("sensitivity", 100 * edit.sensitivity, look);
    this.setRange("dust", this.dustToDial(edit.dust), edit.dust === null ? "everything" : `${edit.dust} px`);
    $("fill-again").disabled = !edit.strokes.length;
    const hint = edit.strokes.length ? "Brush work waits: fill again to see it." : null;
    this.brushNote = hint;
    const job = jobFor(this.photo, edit);
    const mask = $("mask-download");
    const withMask = edit.mask && [...this.photo.jobs].reverse().find((other) => other.mask_id === edit.mask && other.state === "done");
    mask.hidden = !withMask;
    if (withMask) mask.href = api.jobMaskUrl(withMask.id);
    this.drawSummary(job);
    this.drawHints();
  }

  setRange(id, value, text) {
    const range = $(id);
    if (document.activeElement !== range || Math.abs(range.value - value) >= 1) range.value = Math.round(value);
    range.setAttribute("aria-valuetext", text);
    range.style.setProperty("--filled", `${(100 * (value - range.min)) / (range.max - range.min)}%`);
    $(`${id}-out`).textContent = text;
  }

  drawSummary(job) {
    const { edit } = this;
    const repaired = this.mask.objects.filter((object) => !this.mask.isKept(object)).length;
    const { total } = this.mask;
    let text = "Nothing is repaired.";
    if (edit.fill) {
      if (edit.strokes.length) text = this.brushNote;
      else if (!edit.mask) text = job && over(job) ? "No damage was found." : "Looking for damage…";
      else if (!total) text = this.mask.base ? "No damage is marked. Brush over what should go." : "One moment…";
      else text = `${total} ${total === 1 ? "place" : "places"} marked${repaired < Math.min(total, this.mask.objects.length) ? `, ${this.mask.objects.length - repaired} kept as they are` : ""}.`;
    }
    $("damage-summary").textContent = text;
  }

  drawObjects() {
    if (!this.entry) return;
    this.drawSummary(jobFor(this.photo, this.edit));
    const { objects } = this.mask;
    $("objects-details").hidden = !objects.length;
    $("objects-title").textContent = objects.length === 1 ? "The one place" : `Each of the ${objects.length} places`;
    const count = this.objectsListed || OBJECTS_LISTED;
    const list = $("objects");
    const focused = document.activeElement?.closest?.("#objects") ? document.activeElement.dataset.object : null;
    list.replaceChildren(...objects.slice(0, count).map((object) => {
      const item = document.createElement("li");
      const label = document.createElement("label");
      label.className = "switch row";
      const words = document.createElement("span");
      words.textContent = `${KIND_NAMES[object.kind] || object.kind}, ${object.size_px} px`;
      const box = document.createElement("input");
      box.type = "checkbox";
      box.checked = !this.mask.isKept(object);
      box.dataset.object = object.id;
      box.disabled = this.edit.dust !== null && object.size_px > this.edit.dust;
      box.setAttribute("aria-label", `Repair ${words.textContent}`);
      box.addEventListener("change", () => this.toggleObject(object.id));
      const glance = () => this.glance(object.id);
      item.addEventListener("pointerenter", glance);
      box.addEventListener("focus", glance);
      for (const away of ["pointerleave", "focusout"]) item.addEventListener(away, () => this.glance(null));
      const track = document.createElement("span");
      track.className = "track";
      label.append(words, box, track);
      item.append(label);
      return item;
    }));
    if (focused) list.querySelector(`[data-object="${focused}"]`)?.focus({ preventScroll: true });
    $("objects-more").hidden = objects.length <= count;
  }

  glance(id) {
    this.mask.highlighted = id;
    this.viewer.changed();
  }

  toggleObject(id) {
    const keep = this.edit.keep.includes(id) ? this.edit.keep.filter((other) => other !== id) : [...this.edit.keep, id];
    announce(keep.includes(id) ? "It is kept as it is." : "It is repaired.");
    this.change({ keep, fill: true });
  }

  overlay(context, scale) {
    const painting = ["brush", "eraser", "objects"].includes(this.tool);
    if ($("overlay").checked || painting) this.mask.draw(context, scale, { outlines: this.tool === "objects" || this.mask.highlighted !== null });
    if (this.tool === "hint") this.overlayHints(context, scale);
    if (this.pointer && (this.tool === "brush" || this.tool === "eraser")) {
      for (const [color, width] of [["rgba(0,0,0,.6)", 3], ["#fff", 1.25]]) {
        context.strokeStyle = color;
        context.lineWidth = width / scale;
        context.beginPath();
        context.arc(this.pointer.x, this.pointer.y, this.radius(), 0, 2 * Math.PI);
        context.stroke();
      }
    }
  }

  overlayHints(context, scale) {
    for (const { x, y, color } of this.edit.hints) {
      context.beginPath();
      context.arc(x, y, 9 / scale, 0, 2 * Math.PI);
      context.fillStyle = color;
      context.fill();
      context.lineWidth = 4 / scale;
      context.strokeStyle = "rgba(0,0,0,.55)";
      context.stroke();
      context.lineWidth = 2 / scale;
      context.strokeStyle = "#fff";
      context.stroke();
    }
  }

  // ------------------------------------------------------------------ wiring
  wireView() {
    const { viewer } = this;
    for (const button of document.querySelectorAll("[data-view]")) button.addEventListener("click", () => this.view(button.dataset.view));
    $("split").addEventListener("input", (event) => viewer.setSplit(event.target.value / 100));
    for (const [name, on] of [["focus", true], ["blur", false]]) {
      $("split").addEventListener(name, () => {
        viewer.splitFocused = on;
        viewer.changed();
      });
      $("view").addEventListener(name, () => {
        viewer.showTarget = on && this.tool !== "move" && $("view").matches(":focus-visible");
        viewer.changed();
      });
    }
    $("zoom-in").addEventListener("click", () => viewer.zoom(1.4));
    $("zoom-out").addEventListener("click", () => viewer.zoom(1 / 1.4));
    $("zoom-level").addEventListener("click", () => viewer.actualSize());
    $("zoom-fit").addEventListener("click", () => viewer.fit());
    $("overlay").addEventListener("change", () => viewer.changed());
    for (const tab of document.querySelectorAll("[data-tab]")) tab.addEventListener("click", () => this.tab(tab.dataset.tab));
    this.tab("damage");
  }

  tab(name) {
    for (const tab of document.querySelectorAll("[data-tab]")) tab.setAttribute("aria-pressed", String(tab.dataset.tab === name));
    for (const section of document.querySelectorAll("[data-section]")) section.classList.toggle("chosen", section.dataset.section === name);
  }

  view(mode) {
    this.viewer.show(mode);
    for (const button of document.querySelectorAll("[data-view]")) button.setAttribute("aria-pressed", String(button.dataset.view === mode));
    $("split").hidden = mode !== "split";
  }

  wireSteps() {
    $("fill").addEventListener("change", (event) => this.change({ fill: event.target.checked }));
    $("clean-on").addEventListener("change", (event) => this.change({ cleanOn: event.target.checked, clean: this.edit.clean || 1 }));
    $("colorize").addEventListener("change", (event) => this.change({ colorize: event.target.checked, force: event.target.checked && this.photo.has_color }));
    for (const name of ["clean", "strength", "saturation", "liveliness"]) {
      const range = $(name);
      range.addEventListener("input", () => {
        const switched = name === "clean" ? { cleanOn: true } : { colorize: true, force: this.photo.has_color };
        this.change({ [name]: range.value / 100, ...switched }, { mergeKey: name });
        if (name !== "liveliness") this.blend(name);
      });
      if (name === "clean") {
        for (const event of ["pointerdown", "focus"]) {
          range.addEventListener(event, async () => {
            await this.fetchEnd(0);
            if (this.entry && !(this.previewing?.options.clean > 0.2)) await this.fetchEnd(1);
          });
        }
      }
    }
    const dust = $("dust");
    dust.addEventListener("input", () => this.change({ dust: this.dialToDust(dust.value), fill: true }, { mergeKey: "dust" }));
    for (const [event, on] of [["pointerdown", true], ["focus", true], ["blur", false]]) {
      dust.addEventListener(event, () => {
        if (on) $("overlay").checked = true;
        this.viewer.changed();
      });
    }
    const sensitivity = $("sensitivity");
    sensitivity.addEventListener("input", () => {
      $("sensitivity-out").textContent = sensitivity.value < 40 ? "for what is certain" : sensitivity.value > 60 ? "thoroughly" : "normally";
      sensitivity.style.setProperty("--filled", `${sensitivity.value}%`);
    });
    sensitivity.addEventListener("change", () => this.change({ sensitivity: sensitivity.value / 100, mask: this.maskFoundAt(sensitivity.value / 100), keep: [], strokes: [], fill: true }));
    $("mask-clear").addEventListener("click", () => {
      this.change({ strokes: [...this.edit.strokes, { kind: "clear", radius: 0, points: [] }] }, { look: false });
      announce("The mask is cleared.");
    });
    $("mask-upload").addEventListener("click", () => $("mask-file").click());
    $("mask-file").addEventListener("change", async (event) => {
      const [chosen] = event.target.files;
      event.target.value = "";
      if (!chosen) return;
      const { entry } = this;
      this.busy("Reading the mask");
      try {
        const mask = await api.uploadMask(entry.photo.id, chosen);
        if (this.entry !== entry) return;
        this.busy(null);
        this.change({ mask: mask.id, keep: [], strokes: [], dust: null, fill: true });
        $("overlay").checked = true;
        this.viewer.changed();
        announce("The mask is taken.");
      } catch (refusal) {
        if (this.entry === entry) this.busy(null);
        if (refusal.status === 404) this.refused(entry, refusal);
        else tell(naming(chosen.name, refusal.message), { wrong: true });
      }
    });
    $("objects-more").addEventListener("click", () => {
      this.objectsListed = (this.objectsListed || OBJECTS_LISTED) + 200;
      this.drawObjects();
    });
  }

  /** The mask that a job of this photograph found with this sensitivity, if one did. */
  maskFoundAt(sensitivity) {
    return this.photo.jobs.find((job) => job.state === "done" && !job.options.mask && job.options.sensitivity === sensitivity)?.mask_id || null;
  }

  // The dial runs from 2 px to the photograph's longer side in equal ratios; its end means everything.
  dialToDust(value) {
    return Number(value) >= 100 ? null : Math.max(2, Math.round(2 * (Math.max(this.photo.width, this.photo.height) / 2) ** (value / 100)));
  }

  dustToDial(dust) {
    return dust === null ? 100 : Math.min(99, (100 * Math.log(dust / 2)) / Math.log(Math.max(this.photo.width, this.photo.height) / 2));
  }

  radius() {
    // From 3 to 160 screen pixels' worth at the whole view; in photo pixels, so that zooming in makes finer work of it.
    return (1.5 * 53 ** ($("brush-size").value / 100)) / this.viewer.scale;
  }

  wireTools() {
    for (const button of document.querySelectorAll("[data-tool]")) button.addEventListener("click", () => this.useTool(button.dataset.tool));
    $("fill-again").addEventListener("click", () => this.fillAgain());
    $("brush-size").addEventListener("input", () => {
      this.pointer = { x: this.viewer.center.x, y: this.viewer.center.y };
      this.viewer.changed();
    });
    const swatches = $("swatches");
    for (const [color, name] of SWATCHES) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "swatch";
      button.dataset.color = color;
      button.title = name;
      button.setAttribute("aria-label", name);
      button.style.backgroundColor = color;
      button.addEventListener("click", () => this.useColor(color));
      swatches.append(button);
    }
    this.useColor(SWATCHES[0][0]);
    $("hint-color").addEventListener("input", (event) => this.useColor(event.target.value));
    $("pick-open").addEventListener("click", async () => {
      const color = await this.pick.open();
      if (color) this.useColor(color);
    });
  }

  useColor(color) {
    this.color = color;
    $("hint-color").value = color;
    for (const swatch of document.querySelectorAll(".swatch")) swatch.setAttribute("aria-pressed", String(swatch.dataset.color === color));
  }

  useTool(name) {
    this.tool = name;
    this.pointer = null;
    for (const button of document.querySelectorAll("[data-tool]")) button.setAttribute("aria-pressed", String(button.dataset.tool === name));
    $("context").hidden = name === "move";
    $("context-brush").hidden = name !== "brush" && name !== "eraser";
    $("context-objects").hidden = name !== "objects";
    $("context-hint").hidden = name !== "hint";
    if (name === "hint") this.tab("color");
    else if (name !== "move") this.tab("damage");
    this.viewer.tool = { brush: this.paintTool("brush"), eraser: this.paintTool("eraser"), objects: this.objectTool(), hint: this.hintTool() }[name] || null;
    this.viewer.changed();
  }

  paintTool(kind) {
    let live = null;
    const hover = (point) => {
      this.pointer = point;
      this.viewer.changed();
    };
    return {
      cursor: "none",
      hover,
      leave: () => hover(null),
      down: (point) => {
        live = { kind, radius: Number(this.radius().toFixed(1)), points: [[Math.round(point.x * 2) / 2, Math.round(point.y * 2) / 2]] };
        this.mask.extend(live);
        hover(point);
      },
      move: (point) => {
        if (!live) return;
        const [x, y] = live.points[live.points.length - 1];
        hover(point);
        if (Math.hypot(point.x - x, point.y - y) < Math.max(0.5, live.radius / 8)) return;
        live.points.push([Math.round(point.x * 2) / 2, Math.round(point.y * 2) / 2]);
        this.mask.extend(live);
      },
      up: () => {
        if (live) this.change({ strokes: [...this.edit.strokes, live], fill: true }, { look: false });
        live = null;
      },
      cancel: () => {
        live = null;
        this.mask.redraw();
      },
    };
  }

  /** Acts when the finger lifts where it came down, so that two fingers that zoom leave nothing behind. */
  tapTool(act) {
    let start = null;
    return {
      down: (point) => (start = point),
      move: (point) => {
        if (start && Math.hypot(point.x - start.x, point.y - start.y) * this.viewer.scale > 10) start = null;
      },
      up: () => {
        if (start) act(start);
        start = null;
      },
      cancel: () => (start = null),
    };
  }

  objectTool() {
    return {
      ...this.tapTool((point) => this.tapObject(point)),
      cursor: "pointer",
      hover: (point) => {
        const near = this.mask.near(point, 6 / this.viewer.scale);
        this.glance(near ? near.id : null);
      },
      leave: () => this.glance(null),
    };
  }

  async tapObject(point) {
    if (!this.edit.mask) return;
    const { entry } = this;
    try {
      const { object } = await api.maskAt(this.photo.id, this.edit.mask, point.x, point.y, Math.min(200, 10 / this.viewer.scale));
      if (object !== null && this.entry) this.toggleObject(object);
    } catch (refusal) {
      if (refusal.status >= 500 || refusal.status === 404) this.refused(entry, refusal); // 4xx: beside the photograph
    }
  }

  hintTool() {
    return { ...this.tapTool((point) => this.tapHint(point)), cursor: "crosshair" };
  }

  tapHint(point) {
    const { width, height } = this.photo;
    if (point.x < 0 || point.y < 0 || point.x >= width || point.y >= height) return;
    const reach = HINT_REACH_PX / this.viewer.scale;
    const there = this.edit.hints.findIndex(({ x, y }) => Math.hypot(x - point.x, y - point.y) < reach);
    const hint = { x: Math.round(point.x * 2) / 2, y: Math.round(point.y * 2) / 2, radius_px: Math.max(3, Math.round(Math.max(width, height) / 100)), color: this.color };
    let hints = [...this.edit.hints, hint];
    if (there >= 0) hints = this.edit.hints.map((other, index) => (index === there ? { ...other, color: this.color } : other));
    if (hints.length > MAX_HINTS) return void tell(`${MAX_HINTS} colors are as many as one photograph takes.`, { wrong: true });
    this.change({ hints, colorize: true, force: this.photo.has_color });
    announce("Color given.");
  }

  drawHints() {
    const { hints } = this.edit;
    $("hints-none").hidden = hints.length > 0;
    $("hints").replaceChildren(...hints.map((hint, index) => {
      const item = document.createElement("li");
      const well = document.createElement("span");
      well.className = "well small";
      const color = document.createElement("input");
      color.type = "color";
      color.value = hint.color;
      color.setAttribute("aria-label", `Color ${index + 1}`);
      color.addEventListener("change", () => this.change({ hints: this.edit.hints.map((other, at) => (at === index ? { ...other, color: color.value } : other)) }));
      well.append(color);
      const away = document.createElement("button");
      away.type = "button";
      away.className = "icon small";
      away.setAttribute("aria-label", `Take color ${index + 1} away`);
      away.append(icon("close"));
      away.addEventListener("click", () => this.change({ hints: this.edit.hints.filter((_, at) => at !== index) }));
      item.append(well, away);
      return item;
    }));
  }

  wireKeys() {
    const tools = { v: "move", o: "objects", b: "brush", e: "eraser", c: "hint" };
    addEventListener("keydown", (event) => {
      if (!this.entry || document.querySelector("dialog[open]")) return;
      const typing = event.target.matches?.("input:not([type=range]):not([type=checkbox]), textarea, select");
      const key = event.key.toLowerCase();
      if ((event.ctrlKey || event.metaKey) && !event.altKey && (key === "z" || key === "y") && !typing) {
        event.preventDefault();
        if (key === "y" || event.shiftKey) this.redo();
        else this.undo();
        return;
      }
      if (event.ctrlKey || event.metaKey || event.altKey || typing) return;
      if (tools[key]) this.useTool(tools[key]);
      else if (key === "[" || key === "]") {
        $("brush-size").value = Number($("brush-size").value) + (key === "]" ? 5 : -5);
        this.viewer.changed();
      } else if (event.target === $("view")) this.viewKey(event);
    });
    addEventListener("keyup", (event) => event.key === " " && (this.viewer.panning = false));
  }

  viewKey(event) {
    const { viewer } = this;
    const step = 60;
    const act = {
      "+": () => viewer.zoom(1.25), "=": () => viewer.zoom(1.25), "-": () => viewer.zoom(0.8), 0: () => viewer.fit(), 1: () => viewer.actualSize(),
      ArrowLeft: () => viewer.pan(step, 0), ArrowRight: () => viewer.pan(-step, 0), ArrowUp: () => viewer.pan(0, step), ArrowDown: () => viewer.pan(0, -step),
      " ": () => (viewer.panning = true),
      Enter: () => {
        viewer.tool?.down?.({ ...viewer.center });
        viewer.tool?.up?.();
      },
    }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
    viewer.showTarget = this.tool !== "move";
  }
}
