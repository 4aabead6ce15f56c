// The page: what is on the shelf, what is asked for, and what came back. The server holds the photographs; the browser keeps only their ids.

import * as api from "./api.js";
import { Viewer } from "./viewer.js";

const $ = (id) => document.getElementById(id);
const STORE = "unfade.photographs";
const STEPS = { damage: "Finding damage", fill: "Filling", clean: "Cleaning", colorize: "Coloring", saving: "Saving" };
const viewer = new Viewer($("view"));
const shelf = new Map(); // photo id -> { photo, job, hints, undo, redo, touched }
let current = null;
let stream = null;

const say = (text) => { $("announce").textContent = text; };
function warn(error) {
  if (error?.code === "superseded") return;
  $("alert").textContent = error ? error.message : "";
  $("alert").hidden = !error;
}
const remember = () => localStorage.setItem(STORE, JSON.stringify([...shelf.keys()]));
const remembered = () => { try { return JSON.parse(localStorage.getItem(STORE)) || []; } catch { return []; } };
const load = (url) => new Promise((done, failed) => {
  const image = new Image();
  image.onload = () => done(image);
  image.onerror = () => failed(new Error("A picture could not be loaded."));
  image.src = url;
});

// ---- the shelf

function put(photo) {
  const job = [...photo.jobs].reverse().find((each) => each.state !== "cancelled") || null;
  const old = shelf.get(photo.id);
  shelf.set(photo.id, { hints: [], undo: [], redo: [], touched: false, ...old, photo, job });
  remember();
  drawShelf();
}

function drawShelf() {
  const list = $("shelf").querySelector("ul");
  list.replaceChildren(...[...shelf.values()].map(({ photo, job }) => {
    const button = Object.assign(document.createElement("button"), { type: "button" });
    button.setAttribute("aria-current", String(photo.id === current));
    button.setAttribute("aria-label", `${photo.name}: ${stateOf(job)}`);
    const image = Object.assign(document.createElement("img"), { alt: "", src: api.imageOf("photos", photo.id, 256) });
    const label = document.createElement("span");
    label.textContent = stateOf(job);
    button.append(image, label);
    button.addEventListener("click", () => open(photo.id));
    const item = document.createElement("li");
    item.append(button);
    return item;
  }));
  $("shelf").hidden = !shelf.size;
  $("empty").hidden = Boolean(shelf.size);
  $("work").hidden = !shelf.size;
  const done = [...shelf.values()].filter(({ job }) => job?.state === "done").map(({ job }) => job.id);
  $("zip").hidden = done.length < 2;
  if (done.length > 1) $("zip").href = api.zipOf(done, $("format").value);
}

function stateOf(job) {
  if (!job) return "new";
  if (job.state === "queued") return job.position ? `${job.position} before it` : "next";
  if (job.state === "running") return `${Math.round(job.progress * 100)} %`;
  return { done: "done", failed: "failed" }[job.state] || job.state;
}

async function add(files) {
  warn(null);
  const waiting = [...files].filter((file) => file.size);
  const one = async () => {
    for (let file = waiting.shift(); file; file = waiting.shift()) {
      say(`Uploading ${file.name}`);
      try {
        const photo = await api.upload(file);
        put(photo);
        if (!current) await open(photo.id);
        await begin(photo.id, { ...options(false), hints: [], mask: null });
      } catch (error) {
        warn(new Error(`${file.name}: ${error.message}`));
      }
    }
  };
  await Promise.all([one(), one()]);
}

// ---- asking and following

function options(withMask = true) {
  const entry = shelf.get(current);
  const share = Number($("dust").value);
  return {
    fill: $("fill").checked,
    clean: Number($("clean").value),
    colorize: $("colorize").checked,
    strength: Number($("strength").value),
    saturation: Number($("saturation").value),
    sensitivity: Number($("sensitivity").value),
    largest_dust_px: share < 100 && entry ? Math.max(1, Math.round((share / 100) ** 2 * Math.max(entry.photo.width, entry.photo.height))) : null,
    mask: withMask ? entry?.job?.mask_id || null : null,
    hints: entry?.hints || [],
  };
}

async function begin(id, wanted) {
  try {
    const job = await api.start(id, wanted);
    shelf.get(id).job = job;
    drawShelf();
    if (id === current) showProgress(job);
    follow();
  } catch (error) { warn(error); }
}

function follow() {
  stream?.close();
  const going = [...shelf.values()].filter(({ job }) => job && (job.state === "queued" || job.state === "running")).map(({ job }) => job.id);
  if (!going.length) return;
  stream = api.follow(going, (job) => {
    const entry = shelf.get(job.photo_id);
    if (!entry || entry.job?.id !== job.id) return;
    entry.job = job;
    drawShelf();
    if (job.photo_id !== current) return;
    showProgress(job);
    if (job.state === "done") { say(`${entry.photo.name} is done`); showResult(entry); }
    if (job.state === "failed") warn(new Error(job.error || "It failed."));
  });
}

function showProgress(job) {
  const going = job && (job.state === "queued" || job.state === "running");
  $("progress").hidden = !going;
  if (!going) return;
  $("progress").querySelector("progress").value = job.progress;
  $("progress").querySelector("span").textContent = job.state === "queued" ? (job.position ? `Waiting: ${job.position} before it` : "Next in line") : STEPS[job.step] || "Working";
}

// ---- the photograph that is open

async function open(id) {
  current = id;
  const entry = shelf.get(id);
  warn(null);
  drawShelf();
  $("name").textContent = entry.photo.name;
  const { width, height, format, bits } = entry.photo;
  $("facts").textContent = `${width} × ${height}, ${format.toUpperCase()}, ${bits} bits`;
  viewer.open(width, height);
  setOptions(entry.job?.options);
  entry.hints = entry.job?.options?.hints || entry.hints;
  try { viewer.before = await load(api.imageOf("photos", id)); } catch (error) { warn(error); }
  if (current !== id) return;
  showHints();
  showProgress(entry.job);
  links(null);
  if (entry.job?.state === "done") await showResult(entry);
  viewer.draw();
  buttons();
}

function setOptions(from) {
  if (!from) return;
  for (const name of ["fill", "colorize"]) $(name).checked = from[name];
  for (const name of ["clean", "strength", "saturation", "sensitivity"]) $(name).value = from[name];
}

async function showResult(entry) {
  const { photo, job } = entry;
  try {
    const [after, ink] = await Promise.all([load(api.imageOf("jobs", job.id)), job.mask_id ? load(api.overlayOf(photo.id, job.mask_id)) : null]);
    if (current !== photo.id) return;
    viewer.after = after;
    const brush = viewer.ink.getContext("2d");
    brush.globalCompositeOperation = "source-over";
    brush.clearRect(0, 0, viewer.ink.width, viewer.ink.height);
    if (ink) brush.drawImage(ink, 0, 0, viewer.ink.width, viewer.ink.height);
    Object.assign(entry, { undo: [], redo: [], touched: false });
    viewer.draw();
    links(job);
    buttons();
    const share = job.result ? `, ${(job.result.share_changed * 100).toFixed(1)} % of the pixels changed` : "";
    $("facts").textContent = `${photo.width} × ${photo.height}, ${photo.format.toUpperCase()}, ${photo.bits} bits${share}`;
  } catch (error) { warn(error); }
}

function links(job) {
  for (const [name, href] of [["download", job && api.resultOf(job.id, $("format").value)], ["record", job && api.recordOf(job.id)], ["mask-link", job?.mask_id && api.maskOf(job.id)]]) {
    $(name).hidden = !href;
    if (href) $(name).href = href;
  }
}

// ---- the mask

const snapshot = () => viewer.ink.getContext("2d").getImageData(0, 0, viewer.ink.width, viewer.ink.height);
function buttons() {
  const entry = shelf.get(current);
  $("undo").disabled = !entry?.undo.length;
  $("redo").disabled = !entry?.redo.length;
  $("unhint").disabled = !entry?.hints.length;
}
function change(act) {
  const entry = shelf.get(current);
  entry.undo.push(snapshot());
  if (entry.undo.length > 20) entry.undo.shift();
  entry.redo = [];
  entry.touched = true;
  act?.();
  viewer.draw();
  buttons();
}
function step(from, to) {
  const entry = shelf.get(current);
  if (!entry?.[from].length) return;
  entry[to].push(snapshot());
  viewer.ink.getContext("2d").putImageData(entry[from].pop(), 0, 0);
  entry.touched = true;
  viewer.draw();
  buttons();
}
async function inkToMask(entry) {
  const plain = Object.assign(document.createElement("canvas"), { width: viewer.ink.width, height: viewer.ink.height });
  const context = plain.getContext("2d");
  const data = snapshot();
  for (let at = 0; at < data.data.length; at += 4) {
    const lost = data.data[at + 3] > 127 ? 255 : 0;
    data.data.set([lost, lost, lost, 255], at);
  }
  context.putImageData(data, 0, 0);
  const png = await new Promise((done) => plain.toBlob(done, "image/png"));
  return api.mask(entry.photo.id, png, plain.width !== entry.photo.width || plain.height !== entry.photo.height);
}
async function again() {
  const entry = shelf.get(current);
  if (!entry) return;
  warn(null);
  try {
    const wanted = options();
    if (entry.touched) wanted.mask = (await inkToMask(entry)).id;
    await begin(entry.photo.id, wanted);
  } catch (error) { warn(error); }
}

viewer.onstroke = (when) => { if (when === "begin") change(); else buttons(); };
viewer.onsplit = (share) => { $("split").value = Math.round(share * 1000); };
viewer.ontap = async (x, y) => {
  const entry = shelf.get(current);
  if (!entry || x < 0 || y < 0 || x >= entry.photo.width || y >= entry.photo.height) return;
  if (viewer.tool === "hint") {
    entry.hints.push({ x, y, radius_px: Math.max(2, Math.max(entry.photo.width, entry.photo.height) / 80), color: $("color").value });
    $("colorize").checked = true;
    showHints();
    glance();
  } else if (viewer.tool === "object" && entry.job?.mask_id) {
    try {
      const found = await api.objectAt(entry.photo.id, entry.job.mask_id, x, y, Math.max(2, Math.round(8 / viewer.scale)));
      if (found === null) { say("No damage was found there"); return; }
      const kept = await api.without(entry.photo.id, entry.job.mask_id, [found]);
      const ink = await load(api.overlayOf(entry.photo.id, kept.id));
      change(() => {
        const brush = viewer.ink.getContext("2d");
        brush.globalCompositeOperation = "source-over";
        brush.clearRect(0, 0, viewer.ink.width, viewer.ink.height);
        brush.drawImage(ink, 0, 0, viewer.ink.width, viewer.ink.height);
      });
      entry.touched = false;
      entry.job.mask_id = kept.id;
      say("Kept as it is; choose Fill again to see it");
    } catch (error) { warn(error); }
  }
};
function showHints() {
  viewer.marks = (shelf.get(current)?.hints || []).map(({ x, y, color }) => ({ x, y, color }));
  viewer.draw();
  buttons();
}

// ---- answers at once

let glancing = 0;
let later = 0;
async function glance() {
  const entry = shelf.get(current);
  if (!entry) return;
  const mine = ++glancing;
  clearTimeout(later);
  later = setTimeout(() => { if (mine === glancing) again(); }, 2500);
  try {
    const blob = await api.preview(entry.photo.id, { ...options(), side_px: 768 });
    if (mine !== glancing || current !== entry.photo.id) return;
    viewer.after = await createImageBitmap(blob);
    viewer.draw();
  } catch (error) { warn(error); }
}

// ---- wiring

for (const id of ["clean", "strength", "saturation"]) $(id).addEventListener("input", () => glance());
for (const id of ["fill", "colorize", "sensitivity"]) $(id).addEventListener("change", () => {
  const entry = shelf.get(current);
  if (entry && id === "sensitivity") begin(current, options(false)); else glance();
});
$("dust").addEventListener("input", () => { $("dust-value").textContent = Number($("dust").value) < 100 ? `${options().largest_dust_px ?? ""} px` : "any size"; });
$("dust").addEventListener("change", () => shelf.size && again());
$("split").addEventListener("input", () => { viewer.split = $("split").value / 1000; viewer.draw(); });
$("size").addEventListener("input", () => { viewer.brush = Number($("size").value); });
viewer.brush = Number($("size").value);
$("undo").addEventListener("click", () => step("undo", "redo"));
$("redo").addEventListener("click", () => step("redo", "undo"));
$("clear").addEventListener("click", () => change(() => viewer.ink.getContext("2d").clearRect(0, 0, viewer.ink.width, viewer.ink.height)));
$("again").addEventListener("click", again);
$("unhint").addEventListener("click", () => { shelf.get(current)?.hints.pop(); showHints(); glance(); });
$("format").addEventListener("change", () => { links(shelf.get(current)?.job?.state === "done" ? shelf.get(current).job : null); drawShelf(); });
$("zoom-in").addEventListener("click", () => viewer.zoom(1.25));
$("zoom-out").addEventListener("click", () => viewer.zoom(0.8));
$("fit").addEventListener("click", () => viewer.fit());
for (const button of document.querySelectorAll("[data-tool]")) button.addEventListener("click", () => {
  viewer.tool = button.dataset.tool;
  for (const each of document.querySelectorAll("[data-tool]")) each.setAttribute("aria-pressed", String(each === button));
  if (viewer.tool !== "hand" && viewer.tool !== "hint") overlay(true);
});
function overlay(shown) {
  viewer.overlay = shown;
  document.querySelector('[data-view="overlay"]').setAttribute("aria-pressed", String(shown));
  viewer.draw();
}
for (const button of document.querySelectorAll("[data-view]")) button.addEventListener("click", () => {
  if (button.dataset.view === "overlay") { overlay(!viewer.overlay); return; }
  viewer.mode = button.dataset.view;
  for (const name of ["slider", "side"]) document.querySelector(`[data-view="${name}"]`).setAttribute("aria-pressed", String(name === viewer.mode));
  $("split").hidden = viewer.mode === "side";
  viewer.fit();
});
$("delete").addEventListener("click", async () => {
  const entry = shelf.get(current);
  if (!entry) return;
  try { await api.remove(entry.photo.id); } catch (error) { if (error.status !== 404) { warn(error); return; } }
  shelf.delete(entry.photo.id);
  remember();
  current = null;
  viewer.clear();
  say(`${entry.photo.name} is deleted`);
  const next = shelf.keys().next().value;
  if (next) open(next); else drawShelf();
});
$("files").addEventListener("change", () => { add($("files").files); $("files").value = ""; });
$("mask-file").addEventListener("change", async () => {
  const entry = shelf.get(current), [file] = $("mask-file").files;
  $("mask-file").value = "";
  if (!entry || !file) return;
  try { await begin(current, { ...options(), mask: (await api.mask(current, file, false)).id }); } catch (error) { warn(error); }
});
for (const name of ["dragover", "dragleave", "drop"]) document.addEventListener(name, (event) => {
  event.preventDefault();
  document.body.classList.toggle("over", name === "dragover");
  if (name === "drop") add(event.dataTransfer.files);
});
document.addEventListener("paste", (event) => { if (event.clipboardData?.files.length) add(event.clipboardData.files); });
document.addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z" || !current) return;
  event.preventDefault();
  if (event.shiftKey) step("redo", "undo"); else step("undo", "redo");
});

async function begun() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  try {
    if (token) { history.replaceState(null, "", location.pathname); await api.signIn(token); }
    const { token_needed: needed, signed_in: inside } = await api.session();
    if (needed && !inside) { warn(new Error("This server asks for a token: open the address that `unfade serve` printed.")); return; }
    const ids = remembered();
    if (!ids.length) return;
    for (const photo of await api.photos(ids)) put(photo);
    remember();
    drawShelf();
    const [first] = shelf.keys();
    if (first) await open(first);
    follow();
  } catch (error) { warn(error); }
}
begun();
