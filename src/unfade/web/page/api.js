// The server's API, and nothing else. Every failure becomes an Error whose message is the server's one clear sentence.

const ROOT = "/api/v1";

async function ask(path, options = {}) {
  let answer;
  try {
    answer = await fetch(ROOT + path, options);
  } catch {
    throw new Error("The server cannot be reached. Is it still running?");
  }
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({}));
  const error = new Error(problem.detail || `The server answered ${answer.status}.`);
  error.code = problem.code;
  error.status = answer.status;
  throw error;
}

const sent = (method, body) => ({ method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
const json = async (path, options) => (await ask(path, options)).json();

export const settings = () => json("/settings");
export const session = () => json("/session");
export const signIn = (token) => ask("/session", sent("POST", { token }));
export const photos = async (ids) => (await json("/photos/query", sent("POST", { ids }))).photos;
export const photo = (id) => json(`/photos/${id}`);
export const remove = (id) => ask(`/photos/${id}`, { method: "DELETE" });
export const start = (id, options) => json(`/photos/${id}/jobs`, sent("POST", options));
export const mask = (id, png, scale) => json(`/photos/${id}/masks${scale ? "?scale=true" : ""}`, { method: "POST", headers: { "Content-Type": "image/png" }, body: png });
export const without = (id, maskId, ids) => json(`/photos/${id}/masks/${maskId}/edits`, sent("POST", { remove: ids, largest_dust_px: null }));
export const objectAt = async (id, maskId, x, y, radius) =>
  (await json(`/photos/${id}/masks/${maskId}/at?x=${x.toFixed(1)}&y=${y.toFixed(1)}&radius_px=${radius}`)).object;
export const preview = async (id, options) => (await ask(`/photos/${id}/preview`, sent("POST", options))).blob();

export function upload(file) {
  const form = new FormData();
  form.append("file", file);
  return json("/photos", { method: "POST", body: form });
}

export const imageOf = (kind, id, side = 2048) => `${ROOT}/${kind}/${id}/image?side_px=${side}`;
export const overlayOf = (id, maskId, side = 2048) => `${ROOT}/photos/${id}/masks/${maskId}?side_px=${side}&overlay=ff3b30`;
export const resultOf = (job, format) => `${ROOT}/jobs/${job}/result?format=${format}`;
export const recordOf = (job) => `${ROOT}/jobs/${job}/record`;
export const maskOf = (job) => `${ROOT}/jobs/${job}/mask`;
export const zipOf = (jobs, format) => `${ROOT}/zip?jobs=${jobs.join(",")}&format=${format}`;

// Calls `changed(job)` until all the jobs are over.
export function follow(jobs, changed) {
  const source = new EventSource(`${ROOT}/events?jobs=${jobs.join(",")}`);
  source.addEventListener("job", (event) => changed(JSON.parse(event.data)));
  source.addEventListener("end", () => source.close());
  return source;
}
