// @ts-check
// The damage mask on the page: what the server found or was given, brush work over it, and its objects.

import * as api from "./api.js";
import { make, pencil } from "./dom.js";

/**
 * @import { Edit, Heal, Photo, Piece, Point, Stroke } from "./types.js"
 * @typedef {{ from: Edit, strokes: Stroke[], mask: string }} Baked what a mask was made of
 */

const COLOR = "ff3b30";
const SHOWN_SIDE_PX = 2048;
const MAX_POINTS = 20_000; // of one stroke, as the server takes it
const MAX_POINTS_ALL = 50_000; // of one request

/**
 * Draw strokes, oldest first.
 * @param {CanvasRenderingContext2D} context
 * @param {Stroke[]} strokes
 * @param {number} scale canvas pixels for one of the photograph
 */
function stroke(context, strokes, scale) {
  for (const { kind, radius, points } of strokes) {
    context.save();
    context.globalCompositeOperation = kind === "eraser" ? "destination-out" : "source-over";
    context.strokeStyle = context.fillStyle = `#${COLOR}`;
    context.lineWidth = 2 * radius * scale;
    context.lineCap = context.lineJoin = "round";
    context.beginPath();
    context.moveTo(points[0][0] * scale, points[0][1] * scale);
    // A dot is a line of no length; some browsers draw those only when they end elsewhere.
    if (points.length === 1) context.lineTo(points[0][0] * scale + 0.01, points[0][1] * scale);
    for (const [x, y] of points.slice(1)) context.lineTo(x * scale, y * scale);
    if (kind === "area") context.fill("evenodd"); // as the server does
    else context.stroke();
    context.restore();
  }
}

/**
 * A stroke as the server takes it; a very long one in pieces that meet.
 * @param {Stroke} stroke
 * @returns {{ kind: string, radius_px: number, points: [number, number][] }[]}
 */
export function inPieces({ kind, radius, points }) {
  if (kind === "area") return [{ kind, radius_px: 0, points: thinned(points, MAX_POINTS) }];
  const pieces = [];
  for (let at = 0; at < points.length; at += MAX_POINTS - 1) pieces.push({ kind, radius_px: radius, points: points.slice(at, at + MAX_POINTS) });
  return pieces;
}

/**
 * What a stroke asks to be healed from elsewhere, if anything.
 * @param {Stroke} stroke
 * @returns {Heal[]}
 */
export const healOf = (stroke) => (stroke.from ? healsOf([stroke], stroke.from) : []);

/**
 * @param {Stroke[]} strokes
 * @param {Point} from how far away what is under them is taken from
 * @returns {Heal[]}
 */
export const healsOf = (strokes, from) => strokes.filter(({ kind }) => kind !== "eraser")
  .flatMap(inPieces).map(({ points, radius_px }) => ({ points, radius_px, dx: Math.round(from.x), dy: Math.round(from.y) }));

/**
 * @param {[number, number][]} points
 * @param {number} most
 */
const thinned = (points, most) => (points.length <= most ? points : points.filter((_, at) => at % Math.ceil(points.length / most) === 0));

/**
 * Make the brush work of an edit, or as much of it as one request may hold, into a mask of the server, which draws it at the photograph's own size.
 * @param {string} photoId
 * @param {Edit} from
 * @returns {Promise<Baked>}
 */
export async function bake(photoId, from) {
  const strokes = portion(from.strokes);
  const drawn = strokes.flatMap(inPieces);
  const { id } = await (from.fill && from.mask
    ? api.editMask(photoId, from.mask, { remove: from.keep, largest_dust_px: from.dust, strokes: drawn })
    : api.drawMask(photoId, { strokes: drawn }));
  return { from, strokes, mask: id };
}

/** @param {Stroke[]} strokes */
function portion(strokes) {
  let points = 0;
  const end = strokes.findIndex((stroke, at) => (points += stroke.points.length) > MAX_POINTS_ALL && at > 0);
  return end < 0 ? strokes : strokes.slice(0, end);
}

/** @param {Piece} piece */
const pathOf = ({ outline }) => {
  const path = new Path2D();
  outline.forEach(([x, y], index) => (index ? path.lineTo(x, y) : path.moveTo(x, y)));
  path.closePath();
  return path;
};

export class MaskView {
  /**
   * @param {Photo} photo
   * @param {() => void} changed called when there is something new to draw
   */
  constructor(photo, changed) {
    this.photo = photo;
    this.changed = changed;
    this.scale = Math.min(1, SHOWN_SIDE_PX / Math.max(photo.width, photo.height));
    this.shown = make("canvas", { width: Math.max(1, Math.round(photo.width * this.scale)), height: Math.max(1, Math.round(photo.height * this.scale)) });
    /** @type {ImageBitmap | null} */
    this.base = null;
    /** @type {string | null} */
    this.maskId = null;
    /** @type {Piece[]} */
    this.objects = [];
    this.total = 0;
    /** @type {number | null} */
    this.highlighted = null;
    /** @type {Map<string, { base: ImageBitmap, objects: Piece[], total: number }>} */
    this.known = new Map();
    /** @type {Map<number, Path2D>} */
    this.paths = new Map();
    /** @type {HTMLCanvasElement | null} */
    this.layer = null;
    /** @type {{ maskId: string, picture: ImageBitmap } | null} */
    this.depth = null;
    /** @type {Pick<Edit, "keep" | "dust">} */
    this.edit = { keep: [], dust: null };
    /** @type {Stroke[]} */
    this.strokes = [];
  }

  /**
   * Show the mask of an edit, and brush work over it.
   * @param {Edit} edit
   * @param {Stroke[]} strokes
   */
  async show(edit, strokes) {
    this.edit = edit;
    this.strokes = strokes;
    const maskId = edit.mask;
    if (maskId !== this.maskId) {
      this.maskId = maskId;
      this.base = null;
      this.objects = [];
      this.paths = new Map();
      this.total = 0;
      this.redraw();
      if (maskId) {
        if (!this.known.has(maskId)) {
          const [picture, found] = await Promise.all([
            api.maskLayer(this.photo.id, maskId, SHOWN_SIDE_PX, COLOR),
            api.maskObjects(this.photo.id, maskId),
          ]).catch((refusal) => {
            if (this.maskId === maskId) this.maskId = null; // shown again, it is asked for again
            throw refusal;
          });
          const [oldest] = this.known.keys();
          if (this.known.size > 8) this.known.delete(oldest);
          this.known.set(maskId, { base: picture, objects: found.objects, total: found.total });
        }
        if (this.maskId !== maskId) return;
        Object.assign(this, this.known.get(maskId));
        this.paths = new Map(this.objects.map((object) => [object.id, pathOf(object)]));
      }
    }
    this.redraw();
  }

  /** @param {Piece} object */
  isKept(object) {
    return this.edit.keep.includes(object.id) || (this.edit.dust !== null && object.size_px > this.edit.dust);
  }

  redraw() {
    const context = pencil(this.shown);
    context.clearRect(0, 0, this.shown.width, this.shown.height);
    if (this.base) context.drawImage(this.base, 0, 0, this.shown.width, this.shown.height);
    context.save();
    context.scale(this.scale, this.scale);
    context.globalCompositeOperation = "destination-out";
    context.lineWidth = 3 / this.scale;
    for (const object of this.objects) {
      const path = this.paths.get(object.id);
      if (!path || !this.isKept(object)) continue;
      context.fill(path);
      context.stroke(path);
    }
    context.restore();
    stroke(context, this.strokes, this.scale);
    this.changed();
  }

  /** Fetch the layer that says how far each repaired place is from anything known. */
  async measureDepth() {
    const { maskId } = this;
    if (!maskId || this.depth?.maskId === maskId) return;
    const picture = await api.maskLayer(this.photo.id, maskId, SHOWN_SIDE_PX);
    this.depth = { maskId, picture };
    this.changed();
  }

  /** @param {CanvasRenderingContext2D} context in photo pixels */
  drawDepth(context) {
    if (!this.depth || this.depth.maskId !== this.maskId) return;
    context.imageSmoothingEnabled = false;
    context.drawImage(this.depth.picture, 0, 0, this.photo.width, this.photo.height);
    context.imageSmoothingEnabled = true;
  }

  /**
   * Draw strokes alone, as the mask is drawn.
   * @param {CanvasRenderingContext2D} context in photo pixels
   * @param {Stroke[]} strokes
   */
  drawStrokes(context, strokes) {
    if (!strokes.length) return;
    this.layer ||= make("canvas", { width: this.shown.width, height: this.shown.height });
    const layer = pencil(this.layer);
    layer.clearRect(0, 0, this.layer.width, this.layer.height);
    stroke(layer, strokes, this.scale);
    context.globalAlpha = 0.5;
    context.drawImage(this.layer, 0, 0, this.photo.width, this.photo.height);
    context.globalAlpha = 1;
  }

  /**
   * @param {CanvasRenderingContext2D} context in photo pixels
   * @param {number} viewScale
   * @param {{ outlines: boolean }} how
   */
  draw(context, viewScale, { outlines }) {
    const { width, height } = this.photo;
    context.globalAlpha = 0.5;
    context.drawImage(this.shown, 0, 0, width, height);
    context.globalAlpha = 1;
    if (!outlines) return;
    context.lineJoin = "round";
    for (const object of this.objects) {
      const path = this.paths.get(object.id);
      if (!path) continue;
      const kept = this.isKept(object);
      const hot = object.id === this.highlighted;
      context.setLineDash(kept ? [5 / viewScale, 4 / viewScale] : []);
      context.strokeStyle = "rgba(0,0,0,.55)";
      context.lineWidth = (hot ? 5 : 3) / viewScale;
      context.stroke(path);
      context.strokeStyle = kept ? "#fff" : "#ffb3ab";
      context.lineWidth = (hot ? 3 : 1.25) / viewScale;
      context.stroke(path);
    }
    context.setLineDash([]);
  }

  /**
   * The smallest piece whose box is near a photo point, for the pointer's highlight; the server says it exactly on a click.
   * @param {Point} point
   * @param {number} radius
   * @returns {Piece | null}
   */
  near(point, radius) {
    /** @type {Piece | null} */
    let best = null;
    for (const object of this.objects) {
      const dx = Math.max(object.x - point.x, 0, point.x - object.x - object.width);
      const dy = Math.max(object.y - point.y, 0, point.y - object.y - object.height);
      if (Math.hypot(dx, dy) <= radius && (!best || object.area_px < best.area_px)) best = object;
    }
    return best;
  }
}
