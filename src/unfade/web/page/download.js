// The dialog that gives results away: one as a file, several as a zip.

import * as api from "./api.js";
import { tell } from "./say.js";

const $ = (id) => document.getElementById(id);
const FORMAT_NAMES = { jpeg: "JPEG", png: "PNG", tiff: "TIFF", webp: "WebP", heif: "HEIF", avif: "AVIF", bmp: "BMP", gif: "GIF" };

function save(href, name) {
  const link = document.createElement("a");
  link.href = href;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
}

async function saveFile(url) {
  try {
    const { blob, name, losses } = await api.file(url);
    const href = URL.createObjectURL(blob);
    save(href, name);
    setTimeout(() => URL.revokeObjectURL(href), 60_000);
    for (const loss of losses) tell(loss);
  } catch (refusal) {
    tell(refusal.message, { wrong: true });
  }
}

/** `jobs`: done ones; `photo`: of the only one, or null for a zip. */
export function openDownload({ jobs, photo, hasLocation, settings }) {
  const dialog = $("download");
  const form = $("download-form");
  const single = photo !== null;
  $("download-title").textContent = single ? "Download" : `Download ${jobs.length} photographs`;
  $("same-help").textContent = single ? `${FORMAT_NAMES[photo.format] || photo.format}, ${photo.bits} bits, with its metadata` : "Each in its own format, with its metadata";
  $("download-go").textContent = single ? "Download" : "Download as zip";
  $("download-more").hidden = !single;
  $("location-field").hidden = !hasLocation;
  $("drop-location").checked = settings.drop_location;
  const quality = $("quality");
  const redraw = () => {
    $("quality-field").hidden = form.elements.format.value !== "jpeg";
    $("quality-out").textContent = quality.value;
  };
  form.onchange = form.oninput = redraw;
  redraw();
  $("record").onclick = () => saveFile(api.recordUrl(jobs[0].id));
  $("original").onclick = () => saveFile(api.originalUrl(photo.id));
  dialog.onclose = () => {
    if (dialog.returnValue !== "go") return;
    const format = form.elements.format.value;
    const query = { format };
    if (format === "jpeg") query.quality = quality.value;
    if (hasLocation) query.location = $("drop-location").checked ? "drop" : "keep";
    if (single) saveFile(api.resultUrl(jobs[0].id, query));
    else save(api.zipUrl(jobs.map((job) => job.id), query), "unfade.zip"); // streamed: may be larger than memory
  };
  dialog.returnValue = "";
  dialog.showModal();
}
