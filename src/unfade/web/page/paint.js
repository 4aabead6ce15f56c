// @ts-check
// The shapes of painting: a brush, an eraser, a lasso, and a line that follows a scratch between two taps.

import { follow } from "./follow.js";
import { announce } from "./say.js";
import { t } from "./words.js";

/**
 * @import { Point, Stroke, Tool } from "./types.js"
 * @import { Tools } from "./tools.js"
 */

const CLOSE_PX = 14; // of the screen: a corner this near the first closes the lasso
const DRAG_PX = 6; // of the screen: a hand that moves further is drawing, not tapping

/**
 * To half a pixel: what is finer only makes requests long.
 * @param {number} value
 */
const toHalf = (value) => Math.round(value * 2) / 2;
/**
 * @param {Point} point
 * @returns {[number, number]}
 */
const pair = ({ x, y }) => [toHalf(x), toHalf(y)];

/**
 * @param {Tools} tools
 * @param {"brush" | "eraser"} kind
 * @param {(stroke: Stroke) => void} [done] what becomes of a stroke
 * @returns {Tool}
 */
export function brushTool(tools, kind, done = (stroke) => tools.session.brushwork.add(stroke)) {
  const { session } = tools;
  /** @type {Stroke | null} */
  let live = null;
  return {
    cursor: "none",
    hover: (point) => tools.point(point),
    leave: () => tools.point(null),
    overlay: (context) => live && session.mask.drawStrokes(context, [live]),
    down: (point) => {
      live = { kind, radius: Number(tools.radius().toFixed(1)), points: [pair(point)] };
      tools.point(point);
    },
    move: (point) => {
      tools.point(point);
      if (!live) return;
      const [x, y] = live.points[live.points.length - 1];
      if (Math.hypot(point.x - x, point.y - y) >= Math.max(0.5, live.radius / 8)) live.points.push(pair(point));
    },
    up: () => {
      if (live) done(live);
      live = null;
    },
    cancel: () => {
      live = null;
      session.stage.changed();
    },
  };
}

/**
 * A brush that takes what it paints from another place. The first tap says from where; so does one with the Alt key held.
 * @param {Tools} tools
 * @returns {Tool}
 */
export function healTool(tools) {
  const { session, source } = tools;
  /** @type {Stroke | null} */
  let live = null;
  /** @type {Point | null} */
  let here = null;
  const away = (/** @type {Point} */ { x, y }) => source.away || (source.at && { x: source.at.x - x, y: source.at.y - y });
  const brush = brushTool(tools, "brush", (stroke) => {
    const from = away({ x: stroke.points[0][0], y: stroke.points[0][1] });
    if (!from) return;
    source.away = { x: Math.round(from.x), y: Math.round(from.y) };
    session.brushwork.add({ ...stroke, from: source.away });
  });
  return {
    ...brush,
    hover: (point) => {
      here = point;
      brush.hover?.(point);
    },
    overlay: (context, scale) => {
      brush.overlay?.(context, scale);
      const from = here && away(here);
      const at = from && here ? { x: here.x + from.x, y: here.y + from.y } : source.at;
      if (at) drawCross(context, scale, at);
    },
    down: (point, alt) => {
      here = point;
      live = null;
      if (alt || !source.at) return tools.takeFrom(point);
      live = { kind: "brush", radius: 0, points: [pair(point)] };
      source.away = away(point);
      brush.down(point);
    },
    move: (point) => {
      here = point;
      if (live) brush.move?.(point);
    },
    up: () => {
      if (live) brush.up?.();
      live = null;
    },
    cancel: () => {
      live = null;
      brush.cancel?.();
    },
  };
}

/**
 * Drawn in one go and closed where the hand lets go; or corner by corner, each a tap, closed by a tap on the first or twice on one place.
 * @param {Tools} tools
 * @returns {Tool}
 */
export function lassoTool(tools) {
  const { session } = tools;
  /** @type {Point[]} */
  let corners = [];
  /** @type {Point[]} */
  let drag = [];
  const far = (/** @type {Point} */ a, /** @type {Point} */ b) => Math.hypot(a.x - b.x, a.y - b.y) * tools.viewer.scale;
  const close = (/** @type {Point[]} */ outline) => {
    corners = [];
    if (outline.length > 2) session.brushwork.add({ kind: "area", radius: 0, points: outline.map(pair) });
    else session.stage.changed();
  };
  return {
    cursor: "crosshair",
    overlay: (context, scale) => drawOutline(context, scale, [...corners, ...drag]),
    down: (point) => void (drag = [point]),
    move: (point) => {
      if (drag.length) drag.push(point);
      session.stage.changed();
    },
    up: () => {
      const outline = drag;
      drag = [];
      if (!outline.length) return;
      if (outline.some((point) => far(point, outline[0]) > DRAG_PX)) return close([...corners, ...outline]);
      const [corner] = outline;
      const last = corners.at(-1);
      if (last && corners.length > 2 && (far(corner, corners[0]) < CLOSE_PX || far(corner, last) < 2)) return close(corners);
      corners.push(corner);
      session.stage.changed();
    },
    cancel: () => {
      drag = [];
      session.stage.changed();
    },
  };
}

/**
 * Two taps, and the line between them follows the scratch.
 * @param {Tools} tools
 * @returns {Tool}
 */
export function lineTool(tools) {
  const { session } = tools;
  /** @type {Point | null} */
  let start = null;
  /** @type {Point | null} where the hand came down */
  let down = null;
  /** @type {Point | null} */
  let end = null;
  const finish = (/** @type {Point} */ from, /** @type {Point} */ to) => {
    start = null;
    const { before } = tools.viewer;
    const points = before ? follow(before, from, to, tools.viewer.scale * tools.viewer.ratio) : [from, to];
    session.brushwork.add({ kind: "brush", radius: Number(tools.radius().toFixed(1)), points: points.map(pair) });
  };
  return {
    cursor: "crosshair",
    hover: (point) => {
      end = point;
      tools.point(point);
    },
    leave: () => tools.point(null),
    overlay: (context, scale) => start && drawOutline(context, scale, end ? [start, end] : [start]),
    down: (point) => void (down = point),
    move: (point) => {
      end = point;
      if (down && !start && Math.hypot(point.x - down.x, point.y - down.y) * tools.viewer.scale > DRAG_PX) start = down; // dragged from end to end
      tools.point(point);
    },
    up: () => {
      const here = down && end && start === down ? end : down;
      const dragged = start === down;
      down = null;
      if (!here) return;
      if (start && (dragged || Math.hypot(here.x - start.x, here.y - start.y) * tools.viewer.scale > DRAG_PX)) return finish(start, here);
      start = here;
      announce(t("tool.line-end"));
      tools.help("tool.line-end");
      session.stage.changed();
    },
    cancel: () => {
      if (start === down) start = null; // the first end stays where it was tapped
      down = null;
      session.stage.changed();
    },
  };
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {number} scale
 * @param {Point[]} points
 */
function drawOutline(context, scale, points) {
  if (!points.length) return;
  for (const [color, width] of /** @type {[string, number][]} */ ([["rgba(0,0,0,.6)", 4], ["#fff", 1.75]])) {
    context.strokeStyle = context.fillStyle = color;
    context.lineWidth = width / scale;
    context.lineJoin = context.lineCap = "round";
    context.beginPath();
    context.moveTo(points[0].x, points[0].y);
    for (const { x, y } of points.slice(1)) context.lineTo(x, y);
    context.stroke();
    context.beginPath();
    context.arc(points[0].x, points[0].y, (2 + width) / scale, 0, 2 * Math.PI);
    context.fill();
  }
}

/**
 * Where a brush takes its picture from.
 * @param {CanvasRenderingContext2D} context
 * @param {number} scale
 * @param {Point} at
 */
function drawCross(context, scale, { x, y }) {
  const [reach, gap] = [11 / scale, 3 / scale];
  for (const [color, width] of /** @type {[string, number][]} */ ([["rgba(0,0,0,.65)", 4], ["#fff", 1.75]])) {
    context.strokeStyle = color;
    context.lineWidth = width / scale;
    context.beginPath();
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      context.moveTo(x + dx * gap, y + dy * gap);
      context.lineTo(x + dx * reach, y + dy * reach);
    }
    context.stroke();
  }
}
