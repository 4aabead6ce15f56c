// @ts-check
// The dialog that gives results away: one as a file, several as a zip.

import * as api from "./api.js";
import { $, button, dialog as dialogOf, input, make } from "./dom.js";
import { tell } from "./say.js";
import { t } from "./words.js";

/** @import { Job, Photo, Settings } from "./types.js" */

/** @type {Record<string, string>} */
const FORMAT_NAMES = { jpeg: "JPEG", png: "PNG", tiff: "TIFF", webp: "WebP", heif: "HEIF", avif: "AVIF", bmp: "BMP", gif: "GIF" };

/**
 * @param {string} href
 * @param {string} name
 */
function save(href, name) {
  const link = make("a", { href, download: name });
  document.body.append(link);
  link.click();
  link.remove();
}

/** @param {{ blob: Blob, name: string }} file */
export function saveBlob({ blob, name }) {
  const href = URL.createObjectURL(blob);
  save(href, name);
  setTimeout(() => URL.revokeObjectURL(href), 60_000);
}

/** @param {string} url */
async function saveFile(url) {
  try {
    const { blob, name, losses } = await api.file(url);
    saveBlob({ blob, name });
    for (const loss of losses) tell(loss);
  } catch (refusal) {
    tell(/** @type {Error} */ (refusal).message, { wrong: true });
  }
}

/**
 * @param {Job[]} jobs
 * @param {Record<string, string>} query
 */
async function saveZip(jobs, { quality, ...query }) {
  const how = { format: query.format, ...query, ...(quality ? { quality: Number(quality) } : {}) };
  try {
    const { url, left_out: left } = await api.orderZip(jobs.map((job) => job.id), how);
    save(url, "unfade.zip"); // streamed: may be larger than memory
    const counts = { gone: 0, unfit: 0, undone: 0 };
    for (const { code } of left) counts[code === "not-found" ? "gone" : code === "unwritable" ? "unfit" : "undone"] += 1;
    const format = FORMAT_NAMES[how.format] || how.format;
    if (counts.gone) tell(t("download.gone", { n: counts.gone }), { wrong: true });
    if (counts.unfit) tell(t("download.unfit", { n: counts.unfit, format }), { wrong: true });
    if (counts.undone) tell(t("download.undone", { n: counts.undone }), { wrong: true });
  } catch (refusal) {
    tell(/** @type {Error} */ (refusal).message, { wrong: true });
  }
}

/** @returns {string} the format that is chosen */
const chosenFormat = () => String(new FormData(/** @type {HTMLFormElement} */ ($("download-form"))).get("format"));

/**
 * @param {object} what
 * @param {Job[]} what.jobs done ones
 * @param {Photo | null} what.photo of the only one, or null for a zip
 * @param {boolean} what.hasLocation
 * @param {Settings} what.settings
 */
export function openDownload({ jobs, photo, hasLocation, settings }) {
  const dialog = dialogOf("download");
  const form = $("download-form");
  $("download-title").textContent = photo ? t("download.title") : t("download.many", { n: jobs.length });
  $("same-help").textContent = photo
    ? t("download.same-one", { format: FORMAT_NAMES[photo.format] || photo.format, bits: photo.bits })
    : t("download.same-many");
  $("download-go").textContent = t(photo ? "download.title" : "download.zip");
  $("download-more").hidden = !photo;
  $("location-field").hidden = !hasLocation;
  input("drop-location").checked = settings.drop_location;
  const quality = input("quality");
  const redraw = () => {
    $("quality-field").hidden = chosenFormat() !== "jpeg";
    $("quality-out").textContent = quality.value;
  };
  form.onchange = form.oninput = redraw;
  redraw();
  button("record").onclick = () => saveFile(api.recordUrl(jobs[0].id));
  button("original").onclick = () => photo && saveFile(api.originalUrl(photo.id));
  dialog.onclose = () => {
    if (dialog.returnValue !== "go") return;
    const format = chosenFormat();
    /** @type {Record<string, string>} */
    const query = { format };
    if (format === "jpeg") query.quality = quality.value;
    if (hasLocation) query.location = input("drop-location").checked ? "drop" : "keep";
    if (photo) saveFile(api.resultUrl(jobs[0].id, query));
    else saveZip(jobs, query);
  };
  dialog.returnValue = "";
  dialog.showModal();
}
