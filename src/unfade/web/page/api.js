// The server's HTTP API, version 1: one function for each thing the page asks of it.

const ROOT = "/api/v1";

/** What the server refused, in its own sentence. */
export class Refusal extends Error {
  constructor(status, code, detail, retryAfterS) {
    super(detail);
    this.status = status;
    this.code = code;
    this.retryAfterS = retryAfterS;
  }
}

const unreachable = () => new Refusal(0, "unreachable", "The server cannot be reached. Your photographs are still there; try again in a moment.", 0);

let askForToken = null; // resolves once the person has signed in

/** What to do when the server wants its token in the middle of things (its cookie has run out); what was asked is then asked again. */
export const whenTokenIsNeeded = (act) => (askForToken = act);

async function refusalOf(response) {
  let problem = {};
  try {
    problem = await response.json();
  } catch {
    // Not every proxy answers in JSON; the status then has to say it.
  }
  const detail = problem.detail || `The server answered ${response.status}. Try again in a moment.`;
  return new Refusal(response.status, problem.code || "", detail, Number(response.headers.get("Retry-After")) || 0);
}

async function ask(method, path, { json, body, type, signal } = {}) {
  const headers = {};
  if (json !== undefined) headers["Content-Type"] = "application/json";
  if (type) headers["Content-Type"] = type;
  let response;
  try {
    response = await fetch(ROOT + path, { method, headers, body: json === undefined ? body : JSON.stringify(json), signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw unreachable();
  }
  if (response.status === 401 && askForToken && path !== "/session") {
    await askForToken();
    return ask(method, path, { json, body, type, signal });
  }
  if (!response.ok) throw await refusalOf(response);
  return response;
}

const answer = async (...request) => (await ask(...request)).json();

export const session = () => answer("GET", "/session");
export const signIn = (token) => ask("POST", "/session", { json: { token } });
export const settings = () => answer("GET", "/settings");

export const photos = async (ids) => (await answer("POST", "/photos/query", { json: { ids } })).photos;
export const deletePhoto = (id) => ask("DELETE", `/photos/${id}`);
export const startJob = (photoId, options) => answer("POST", `/photos/${photoId}/jobs`, { json: options });
export const deleteJob = (id) => ask("DELETE", `/jobs/${id}`);

export const preview = async (photoId, options, sidePx, signal) =>
  (await ask("POST", `/photos/${photoId}/preview`, { json: { ...options, side_px: sidePx }, signal })).blob();

const maskPath = (photoId, maskId) => `/photos/${photoId}/masks/${maskId}`;
export const maskOverlay = async (photoId, maskId, color, sidePx) =>
  (await ask("GET", `${maskPath(photoId, maskId)}?overlay=${color}&side_px=${sidePx}`)).blob();
export const maskObjects = (photoId, maskId) => answer("GET", `${maskPath(photoId, maskId)}/objects?limit=2000`);
export const maskAt = (photoId, maskId, x, y, radiusPx) =>
  answer("GET", `${maskPath(photoId, maskId)}/at?x=${x.toFixed(2)}&y=${y.toFixed(2)}&radius_px=${radiusPx.toFixed(2)}`);
export const editMask = (photoId, maskId, edit) => answer("POST", `${maskPath(photoId, maskId)}/edits`, { json: edit });
export const drawMask = (photoId, drawing) => answer("POST", `/photos/${photoId}/masks/edits`, { json: drawing });
export const uploadMask = (photoId, chosen) =>
  answer("POST", `/photos/${photoId}/masks?scale=true`, { body: chosen, type: chosen.type || "application/octet-stream" });

export const imageUrl = (thing, sidePx) => `${ROOT}/${thing}/image?side_px=${sidePx}`;
export const tileUrl = (thing, level, column, row) => `${ROOT}/${thing}/tiles/${level}/${column}/${row}`;
export const resultUrl = (jobId, query) => `${ROOT}/jobs/${jobId}/result?${new URLSearchParams(query)}`;
export const recordUrl = (jobId) => `${ROOT}/jobs/${jobId}/record`;
export const jobMaskUrl = (jobId) => `${ROOT}/jobs/${jobId}/mask`;
export const originalUrl = (photoId) => `${ROOT}/photos/${photoId}/original`;
export const zipUrl = (jobIds, query) => `${ROOT}/zip?${new URLSearchParams({ jobs: jobIds.join(","), ...query })}`;
export const events = (jobIds) => new EventSource(`${ROOT}/events?jobs=${jobIds.join(",")}`);

/** A file as the server gives it: its bytes, its name, and the sentences on what the format could not hold. */
export async function file(url) {
  let response;
  try {
    response = await fetch(url);
  } catch {
    throw unreachable();
  }
  if (response.status === 401 && askForToken) {
    await askForToken();
    return file(url);
  }
  if (!response.ok) throw await refusalOf(response);
  const disposition = response.headers.get("Content-Disposition") || "";
  const wide = /filename\*=utf-8''([^;]+)/i.exec(disposition);
  const plain = /filename="([^"]*)"/.exec(disposition);
  const losses = (response.headers.get("X-Unfade-Losses") || "").split(" | ").filter(Boolean);
  return { blob: await response.blob(), name: wide ? decodeURIComponent(wide[1]) : plain ? plain[1] : "photograph", losses };
}

/** A word for one upload that no other has; the photograph's id, too, so nobody may guess it. */
export const newKey = () =>
  btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(24)))).replaceAll("+", "-").replaceAll("/", "_");

/** Upload one photograph; `onSent` gets 0…1. Sent again with the same `key`, it is still one photograph. */
export async function uploadPhoto(chosen, key, onSent) {
  try {
    return await sendPhoto(chosen, key, onSent);
  } catch (refusal) {
    if (refusal.status !== 401 || !askForToken) throw refusal;
    await askForToken();
    return sendPhoto(chosen, key, onSent);
  }
}

/** XMLHttpRequest, because fetch tells nothing of how far an upload is. */
function sendPhoto(chosen, key, onSent) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const form = new FormData();
    form.append("file", chosen, chosen.name || "pasted.png");
    request.open("POST", `${ROOT}/photos`);
    request.setRequestHeader("Idempotency-Key", key);
    request.upload.onprogress = (event) => event.lengthComputable && onSent(event.loaded / event.total);
    request.onerror = () => reject(new Refusal(0, "unreachable", "The server could not be reached.", 0));
    request.onload = () => {
      let body = {};
      try {
        body = JSON.parse(request.responseText);
      } catch {
        // The status says it then.
      }
      if (request.status === 201) resolve(body);
      else reject(new Refusal(request.status, body.code || "", body.detail || `The server answered ${request.status}.`, Number(request.getResponseHeader("Retry-After")) || 0));
    };
    request.send(form);
  });
}
