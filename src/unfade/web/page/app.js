// The page's beginning: the token, the settings, the shelf of photographs, and which screen is shown.

import * as api from "./api.js";
import { dropped, photographsIn } from "./dropped.js";
import { History } from "./edit.js";
import { Library, latestActive, latestDone } from "./library.js";
import { announce, confirmed, icon, tell, waitsTexts } from "./say.js";
import { recall, remember } from "./storage.js";
import { STEP_NAMES, Studio } from "./studio.js";
import { openDownload } from "./download.js";

const $ = (id) => document.getElementById(id);
const library = new Library();
let settings = null;
let studio = null;

// ---------------------------------------------------------------------- token
async function signIn() {
  const given = new URLSearchParams(location.hash.replace(/^#\/?/, "")).get("token");
  if (given) {
    history.replaceState(null, "", `${location.pathname}#/`);
    try {
      await api.signIn(given);
    } catch (refusal) {
      tell(refusal.message, { wrong: true });
    }
  }
  const { token_needed: needed, signed_in: already } = await api.session();
  if (needed && !already) await askForToken();
  if (needed) api.whenTokenIsNeeded(askForToken);
}

let asking = null;
function askForToken() {
  asking ||= askOnce().finally(() => (asking = null));
  return asking;
}

async function askOnce() {
  const dialog = $("sign-in");
  const form = $("sign-in-form");
  let known = false;
  const stay = () => known || dialog.showModal(); // without the token there is nothing behind it
  dialog.oncancel = (event) => event.preventDefault();
  dialog.addEventListener("close", stay); // a second Escape closes it all the same
  $("token").value = $("token-wrong").textContent = "";
  dialog.showModal();
  await new Promise((resolve) => {
    form.onsubmit = async (event) => {
      event.preventDefault();
      try {
        await api.signIn($("token").value);
        known = true;
        dialog.close();
        resolve();
      } catch (refusal) {
        $("token-wrong").textContent = refusal.message;
        $("token").select();
      }
    };
  });
  dialog.removeEventListener("close", stay);
}

// ---------------------------------------------------------------------- what is done to new photographs
const PLAN = "unfade.plan";
function wirePlan() {
  const plan = { fill: settings.defaults.fill, clean: settings.defaults.clean > 0, color: settings.defaults.colorize, ...recall(PLAN, {}) };
  for (const step of ["fill", "clean", "color"]) {
    const box = $(`plan-${step}`);
    box.checked = plan[step];
    box.addEventListener("change", () => remember(PLAN, { ...recall(PLAN, {}), [step]: box.checked }));
  }
}
const planned = () => ({
  ...settings.defaults,
  fill: $("plan-fill").checked,
  clean: $("plan-clean").checked ? settings.defaults.clean || 1 : 0,
  colorize: $("plan-color").checked,
});

// ---------------------------------------------------------------------- photographs come in
function take(files) {
  const pictures = [...files].filter((file) => {
    if (file.size > settings.max_upload_bytes) {
      tell(`${file.name} is ${Math.round(file.size / 1e6)} MB; this server takes up to ${Math.round(settings.max_upload_bytes / 1e6)} MB.`, { wrong: true });
      return false;
    }
    return true;
  });
  if (!pictures.length) return;
  const added = library.add(pictures, planned());
  announce(added.length === 1 ? `${added[0].name} is being uploaded.` : `${added.length} photographs are being uploaded.`);
  if (location.hash.startsWith("#/p/")) location.hash = "#/";
  if (added.length === 1 && library.entries.length === 1) openWhenReady = added[0];
}
let openWhenReady = null;

async function takeDrop({ files, folders }) {
  const found = [...files];
  for (const folder of folders) {
    try {
      const { photographs, others } = await photographsIn(folder);
      found.push(...photographs);
      if (!photographs.length) tell(`There is no photograph in the folder “${folder.name}”.`, { wrong: true });
      else if (others) tell(others === 1 ? `One file in “${folder.name}” is no photograph and was left out.` : `${others} files in “${folder.name}” are no photographs and were left out.`);
    } catch {
      tell(`The folder “${folder.name}” cannot be read. Choose the photographs in it instead.`, { wrong: true });
    }
  }
  if (found.length) take(found);
}

const VEIL_MS = 1000; // while files are held over the page, browsers say so at least every 350 ms
function wireIncoming() {
  const chooser = $("chooser");
  const choose = () => chooser.click();
  $("choose").addEventListener("click", choose);
  $("add-more").addEventListener("click", choose);
  chooser.addEventListener("change", () => {
    take(chooser.files);
    chooser.value = "";
  });
  const veil = $("veil");
  let lifting = null;
  const lift = () => {
    clearTimeout(lifting);
    veil.hidden = true;
  };
  const carriesFiles = (event) => [...(event.dataTransfer?.types || [])].includes("Files");
  for (const name of ["dragenter", "dragover"]) {
    addEventListener(name, (event) => {
      if (!carriesFiles(event)) return;
      event.preventDefault();
      veil.hidden = false;
      clearTimeout(lifting);
      lifting = setTimeout(lift, VEIL_MS); // not every way to let go of a drag is told
    });
  }
  addEventListener("dragleave", (event) => event.relatedTarget || lift()); // none: out of the window
  addEventListener("drop", (event) => {
    lift();
    if (!carriesFiles(event)) return;
    event.preventDefault();
    takeDrop(dropped(event.dataTransfer));
  });
  addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files || [])];
    if (files.length) {
      event.preventDefault();
      take(files);
    }
  });
  addEventListener("beforeunload", (event) => {
    if (library.atRisk) event.preventDefault();
  });
}

// ---------------------------------------------------------------------- the shelf
const cards = new Map();

function stateOf(entry) {
  if (entry.lost) return { text: "The page was closed before this was uploaded, and the browser could not keep it. Choose it again.", wrong: true };
  if (entry.failed) return { text: entry.failed, wrong: true };
  if (entry.waits) return { text: waitsTexts(entry.waits).join("; "), share: entry.photo ? 0 : entry.sent * 0.2 };
  if (!entry.photo) return entry.sent < 1 ? { text: entry.sent ? `Uploading, ${Math.round(100 * entry.sent)} %` : "Waiting to be uploaded", share: entry.sent * 0.2 } : { text: "Reading", share: 0.2 };
  const active = latestActive(entry.photo);
  if (active?.state === "queued") return { text: active.position ? `Waiting, ${active.position} ahead` : "Next in line", share: 0 };
  if (active) return { text: `${STEP_NAMES[active.step] || "Starting"}, ${Math.round(100 * active.progress)} %`, share: active.progress };
  const last = entry.photo.jobs.at(-1);
  if (latestDone(entry.photo)) return { text: "Ready", ready: true };
  if (last?.state === "failed") return { text: last.error || "This did not work.", wrong: true };
  return { text: "Not begun" };
}

function cardOf(entry) {
  const item = document.createElement("li");
  item.className = "card";
  const open = document.createElement("a");
  open.className = "card-open";
  const frame = document.createElement("span");
  frame.className = "card-frame";
  const picture = document.createElement("img");
  picture.alt = "";
  picture.hidden = true; // until there is one
  picture.decoding = "async";
  picture.addEventListener("error", () => (picture.hidden = true));
  picture.addEventListener("load", () => (picture.hidden = false));
  const bar = document.createElement("span");
  bar.className = "bar";
  bar.append(document.createElement("span"));
  frame.append(icon("photo"), picture, bar);
  const words = document.createElement("span");
  words.className = "card-words";
  const name = document.createElement("strong");
  const state = document.createElement("small");
  words.append(name, state);
  open.append(frame, words);
  const remove = document.createElement("button");
  remove.type = "button";
  remove.className = "icon small card-remove";
  remove.append(icon("bin"));
  remove.addEventListener("click", () => removePhoto(entry));
  const again = document.createElement("button");
  again.type = "button";
  again.className = "quiet card-again";
  again.hidden = true;
  again.addEventListener("click", () => (entry.lost ? chooseAgain(entry) : library.retry(entry)));
  item.append(open, again, remove);
  return { item, open, picture, bar, name, state, remove, again };
}

function drawCard(entry) {
  let card = cards.get(entry);
  if (!card) cards.set(entry, (card = cardOf(entry)));
  const { text, wrong, share, ready } = stateOf(entry);
  if (entry.photo) card.open.href = `#/p/${entry.photo.id}`;
  card.name.textContent = entry.name;
  card.state.textContent = text;
  card.state.className = wrong ? "wrong-text" : ready ? "ready" : "";
  card.bar.hidden = share === undefined;
  card.bar.firstChild.style.width = `${100 * (share || 0)}%`;
  card.remove.setAttribute("aria-label", `Delete ${entry.name}`);
  card.name.title = entry.name;
  card.again.hidden = !entry.lost && (!entry.failed || entry.final);
  card.again.textContent = entry.lost ? "Choose it again…" : "Try again";
  const done = entry.photo && latestDone(entry.photo);
  const wanted = done ? api.imageUrl(`jobs/${done.id}`, 512) : entry.photo ? api.imageUrl(`photos/${entry.photo.id}`, 512) : entry.local;
  if (wanted && card.picture.getAttribute("src") !== wanted) card.picture.src = wanted;
  return card;
}

function drawShelf() {
  const any = library.entries.length > 0;
  $("hero").hidden = any;
  $("promises").hidden = any;
  $("gallery").hidden = !any;
  $("shelf-actions").hidden = !any;
  const list = $("cards");
  const items = library.entries.map((entry) => drawCard(entry).item);
  for (const [entry, card] of cards) {
    if (library.entries.includes(entry)) continue;
    card.item.remove();
    cards.delete(entry);
  }
  items.forEach((item, at) => list.children[at] !== item && list.insertBefore(item, list.children[at] || null));
  drawZip();
}

function drawZip() {
  const done = library.entries.filter((entry) => entry.photo && latestDone(entry.photo)).length;
  $("zip-open").hidden = done < 2;
}

function chooseAgain(entry) {
  const one = Object.assign(document.createElement("input"), { type: "file", accept: $("chooser").accept });
  one.addEventListener("change", () => one.files.length && library.chooseAgain(entry, one.files[0]));
  one.click();
}

/** Uploads that a refresh interrupted go on by themselves; the page says so, and asks again for those that it could not keep. */
async function resume() {
  const entries = await library.resume();
  const lost = entries.filter((entry) => entry.lost).length;
  const going = entries.length - lost;
  if (going) tell(going === 1 ? "The upload that was interrupted goes on." : `The ${going} uploads that were interrupted go on.`);
  if (lost) tell(lost === 1 ? "One upload was interrupted and is lost; choose that photograph again." : `${lost} uploads were interrupted and are lost; choose those photographs again.`, { wrong: true });
  if (entries.length === 1 && going && library.entries.length === 1) openWhenReady = entries[0];
}

async function removePhoto(entry) {
  const sure = !entry.photo || (await confirmed(`Delete ${entry.name}?`, "The photograph, its results and its masks are deleted from the server at once. This cannot be undone.", "Delete"));
  if (!sure) return false;
  try {
    await library.remove(entry);
  } catch (refusal) {
    tell(refusal.message, { wrong: true });
    return false;
  }
  if (entry.photo) History.forget(entry.photo.id);
  announce(`${entry.name} is deleted.`);
  ($("cards").querySelector(".card-open") || $("choose")).focus();
  return true;
}

// ---------------------------------------------------------------------- which screen
function route() {
  const id = /^#\/p\/([\w-]+)/.exec(location.hash)?.[1];
  const entry = id && library.entry(id);
  if (id && !entry) {
    tell("This photograph is no longer here: it was deleted, or its time was over.", { wrong: true });
    location.hash = "#/";
    return;
  }
  $("shelf").hidden = Boolean(entry);
  $("studio").hidden = !entry;
  document.body.classList.toggle("in-studio", Boolean(entry));
  if (entry) {
    document.title = `${entry.name} · Unfade`;
    studio.open(entry);
  } else {
    studio.close();
    document.title = "Unfade";
    drawShelf();
  }
}

function wireSample() {
  const sample = $("sample");
  const range = $("sample-split");
  const set = () => sample.style.setProperty("--split", `${range.value}%`);
  range.addEventListener("input", set);
  set();
}

/** The part of a slider that is filled, for browsers without a style of their own for it. */
function wireRanges() {
  const fill = (range) => range.style.setProperty("--filled", `${(100 * (range.value - range.min)) / (range.max - range.min)}%`);
  for (const range of document.querySelectorAll("input[type=range]")) fill(range);
  addEventListener("input", (event) => event.target.matches?.("input[type=range]") && fill(event.target));
}

async function begin() {
  wireRanges();
  wireSample();
  await signIn();
  settings = await api.settings();
  const hours = settings.keep_hours;
  const kept = hours % 24 === 0 ? (hours === 24 ? "a day" : `${hours / 24} days`) : `${hours} hours`;
  $("promise-hours").textContent = `after ${kept}`;
  $("kept-for").textContent = `Kept for ${kept} on this server, then deleted.`;
  $("plan-color").disabled = !settings.models.colorize;
  $("plan-fill").disabled = !settings.models.fill;
  $("plan-clean").disabled = !settings.models.clean;
  wirePlan();
  studio = new Studio(library, settings, removePhoto);
  library.addEventListener("list", () => {
    drawShelf();
    studio.listChanged();
  });
  library.addEventListener("photo", ({ detail: entry }) => {
    drawCard(entry);
    drawZip();
    studio.photoChanged(entry);
    if (entry.photo && entry === openWhenReady) {
      openWhenReady = null;
      location.hash = `#/p/${entry.photo.id}`;
    }
  });
  library.addEventListener("waits", ({ detail: entry }) => announce(`${entry.name}: ${waitsTexts(entry.waits).join("; ")}.`));
  library.addEventListener("failed", ({ detail: entry }) => announce(entry.failed));
  library.addEventListener("job", ({ detail }) => {
    studio.jobChanged(detail);
    if (detail.finished && detail.job.state === "done") announce(`${detail.entry.name} is ready.`);
  });
  $("zip-open").addEventListener("click", () => {
    const done = library.entries.map((entry) => entry.photo && latestDone(entry.photo)).filter(Boolean);
    openDownload({ jobs: done, photo: null, hasLocation: library.entries.some((entry) => entry.photo?.has_location), settings });
  });
  addEventListener("hashchange", route);
  const lost = await library.load();
  await resume();
  wireIncoming();
  if (lost) tell(lost === 1 ? "One photograph's time was over; it has been deleted." : `The time of ${lost} photographs was over; they have been deleted.`);
  route();
  document.body.dataset.ready = "yes";
}

begin().catch((error) => {
  tell(error.message, { wrong: true, act: () => location.reload(), label: "Try again" });
  throw error;
});

