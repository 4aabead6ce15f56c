// @ts-check
// Pictures that the viewer draws: one of the server, in tiles, or a small one in a photograph's place.

import * as api from "./api.js";
import { loadPatiently } from "./line.js";

/** @import { Area } from "./types.js" */

const BASE_SIDE_PX = 1024;
const TILE_PX = 512;
const MAX_TILES = 160;

/** One picture of the server: a small whole one at once, and sharper tiles of what is in view. */
export class Pyramid {
  /**
   * @param {string} thing its path in the API
   * @param {number} width
   * @param {number} height
   * @param {() => void} changed called when more of it can be drawn
   * @param {{ made?: string, signal?: AbortSignal }} [more] `made`: which of the pictures that were made under this name; `signal`: nothing is asked for again
   */
  constructor(thing, width, height, changed, { made = "", signal } = {}) {
    this.thing = thing;
    this.signal = signal;
    this.made = made;
    this.width = width;
    this.height = height;
    this.changed = changed;
    /** @type {Map<string, HTMLImageElement>} */
    this.tiles = new Map();
    this.base = new Image();
    this.base.decoding = "async";
    /** @type {Promise<void>} the small whole one has come */
    this.ready = new Promise((resolve) => {
      this.base.onload = () => {
        resolve();
        changed();
      };
    });
    loadPatiently(this.base, api.imageUrl(thing, BASE_SIDE_PX, made), () => true, signal);
    this.maxLevel = Math.ceil(Math.log2(Math.max(width, height)));
    this.minLevel = Math.min(this.maxLevel, Math.log2(TILE_PX));
  }

  /**
   * Draw in photo pixels.
   * @param {CanvasRenderingContext2D} context
   * @param {number} scale device pixels for one of the photograph
   * @param {Area} area what is in view, in photo pixels
   */
  draw(context, scale, area) {
    if (this.base.complete && this.base.naturalWidth) context.drawImage(this.base, 0, 0, this.width, this.height);
    const have = this.base.naturalWidth / this.width || 0;
    if (!have || have >= Math.min(1, scale * 0.95)) return;
    const level = Math.max(this.minLevel, Math.min(this.maxLevel, this.maxLevel + Math.ceil(Math.log2(scale))));
    const spanPx = TILE_PX * 2 ** (this.maxLevel - level);
    const right = Math.min(this.width, area.x + area.width);
    const bottom = Math.min(this.height, area.y + area.height);
    for (let row = Math.max(0, Math.floor(area.y / spanPx)); row * spanPx < bottom; row += 1) {
      for (let column = Math.max(0, Math.floor(area.x / spanPx)); column * spanPx < right; column += 1) {
        const tile = this.#tile(level, column, row);
        if (!tile.complete || !tile.naturalWidth) continue;
        const width = Math.min(spanPx, this.width - column * spanPx);
        const height = Math.min(spanPx, this.height - row * spanPx);
        // A hair wider, so that no seam shows between tiles; at whole zooms there is none, and pixels are to be seen as they are.
        const hair = Number.isInteger(scale) ? 0 : 0.5 / scale;
        context.drawImage(tile, column * spanPx, row * spanPx, width + hair, height + hair);
      }
    }
  }

  /**
   * @param {number} level
   * @param {number} column
   * @param {number} row
   */
  #tile(level, column, row) {
    const key = `${level}/${column}/${row}`;
    let tile = this.tiles.get(key);
    if (tile) {
      this.tiles.delete(key); // to the end: the oldest goes first
    } else {
      const fresh = new Image();
      fresh.decoding = "async";
      fresh.onload = this.changed;
      loadPatiently(fresh, api.tileUrl(this.thing, level, column, row, this.made), () => this.tiles.get(key) === fresh, this.signal);
      tile = fresh;
      const [oldest] = this.tiles.keys();
      if (this.tiles.size >= MAX_TILES && oldest) this.tiles.delete(oldest);
    }
    this.tiles.set(key, tile);
    return tile;
  }
}

/** A canvas or bitmap in a picture's place (a preview, which is smaller than the photograph). */
export class Flat {
  /**
   * @param {HTMLCanvasElement} picture
   * @param {number} width of the photograph
   * @param {number} height
   */
  constructor(picture, width, height) {
    this.picture = picture;
    this.width = width;
    this.height = height;
    this.sidePx = Math.max(picture.width, picture.height);
  }

  /** @param {CanvasRenderingContext2D} context */
  draw(context) {
    context.drawImage(this.picture, 0, 0, this.width, this.height);
  }
}
