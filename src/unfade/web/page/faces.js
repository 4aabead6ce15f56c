// @ts-check
// The faces that a step changed, before and after: a person looks at each, and goes to it in the photograph.

import { $, dialog as dialogOf, make, pencil } from "./dom.js";
import { Pyramid } from "./pyramid.js";
import { t } from "./words.js";

/**
 * @import { Area, Job } from "./types.js"
 * @import { Session } from "./session.js"
 */

const MARGIN = 0.35; // of a face's longer side: hair and neck tell whose it is

/**
 * Where a step of a job changed faces, the largest first.
 * @param {Job} job a done one
 * @param {string} name
 * @returns {Area[]}
 */
export function changedFaces(job, name) {
  const steps = job.result?.steps || [];
  const found = steps.find(({ facts }) => facts.faces)?.facts;
  const facts = steps.find((step) => step.name === name)?.facts;
  if (!found || !facts) return [];
  return Array.from({ length: found.faces }, (_, at) => at + 1).filter((number) => facts[`${number}.changed`]).map((number) => {
    const [left, top, right, bottom] = ["left", "top", "right", "bottom"].map((side) => found[`${number}.${side}`]);
    return { x: left, y: top, width: right - left, height: bottom - top };
  });
}

/**
 * Show them.
 * @param {Session} session
 * @param {Job} job whose result is shown after
 * @param {Area[]} faces
 */
export function openFaces(session, job, faces) {
  const { photo, stage } = session;
  const dialog = dialogOf("faces");
  const closed = new AbortController();
  /** @type {Map<Element, () => void>} how each face is drawn */
  const drawings = new Map();
  /** @type {Set<Element>} those that are in view: of others no tile is asked for */
  const seen = new Set();
  let frame = 0;
  const changed = () => (frame ||= requestAnimationFrame(() => {
    frame = 0;
    for (const item of seen) drawings.get(item)?.();
  }));
  const pictures = [`photos/${photo.id}`, `jobs/${job.id}`].map((thing) => new Pyramid(thing, photo.width, photo.height, changed, { signal: closed.signal }));
  const watch = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) seen[isIntersecting ? "add" : "delete"](target);
    changed();
  });
  $("faces-title").textContent = t("faces.title", { n: faces.length });
  $("faces-list").replaceChildren(...faces.map((face, at) => {
    const surfaces = pictures.map(() => make("canvas"));
    const say = t("faces.one", { n: at + 1 });
    const go = make("button", { type: "button", className: "face", ariaLabel: say, title: say }, ...surfaces);
    go.addEventListener("click", () => {
      dialog.close();
      stage.viewer.lookAt(face);
    });
    const item = make("li", {}, go);
    drawings.set(item, () => surfaces.forEach((surface, side) => paint(surface, pictures[side], around(face))));
    watch.observe(item);
    return item;
  }));
  dialog.addEventListener("close", () => {
    closed.abort();
    watch.disconnect();
    cancelAnimationFrame(frame);
  }, { once: true });
  addEventListener("resize", changed, { signal: closed.signal });
  session.signal.addEventListener("abort", () => dialog.close(), { signal: closed.signal });
  dialog.showModal();
}

/**
 * A square with the face in its middle.
 * @param {Area} face
 * @returns {Area}
 */
function around({ x, y, width, height }) {
  const side = Math.max(width, height) * (1 + 2 * MARGIN);
  return { x: x + (width - side) / 2, y: y + (height - side) / 2, width: side, height: side };
}

/**
 * @param {HTMLCanvasElement} surface
 * @param {Pyramid} picture
 * @param {Area} area of the photograph
 */
function paint(surface, picture, area) {
  const side = Math.round(surface.clientWidth * devicePixelRatio);
  if (!side) return;
  if (surface.width !== side) Object.assign(surface, { width: side, height: side });
  const context = pencil(surface);
  const scale = side / area.width;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, side, side);
  context.setTransform(scale, 0, 0, scale, -area.x * scale, -area.y * scale);
  picture.draw(context, scale, area);
}
