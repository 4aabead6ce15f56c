// @ts-check
// A line that follows a scratch between two places: the cheapest way over the picture, where what stands out from both of its sides costs little.
// After Mortensen and Barrett, Intelligent Scissors (SIGGRAPH 1995), with ridges in the place of edges.

import { lumaOf, make, pencil } from "./dom.js";

/** @import { Picture, Point } from "./types.js" */

const MOST_PX = 640; // of the copy on which the way is sought
const AROUND = 0.2; // of the distance: how far the way may stray to the sides
const LEAST_AROUND_PX = 16; // on the copy
const STRAY_COST = 0.06; // of a step where nothing stands out at most: the rest is what does not look like a scratch
const SIDES_PX = [2, 4]; // how far beside a scratch its surroundings are looked at

/**
 * The way from one place to another, in photo pixels.
 * @param {Picture} picture
 * @param {Point} from
 * @param {Point} to
 * @param {number} seen device pixels for one of the photograph: what is seen no larger is not looked at more closely
 * @returns {Point[]}
 */
export function follow(picture, from, to, seen) {
  const distance = Math.hypot(to.x - from.x, to.y - from.y);
  const around = AROUND * distance + LEAST_AROUND_PX / seen;
  const left = Math.max(0, Math.min(from.x, to.x) - around);
  const top = Math.max(0, Math.min(from.y, to.y) - around);
  const right = Math.min(picture.width, Math.max(from.x, to.x) + around);
  const bottom = Math.min(picture.height, Math.max(from.y, to.y) + around);
  const scale = Math.min(1, seen, MOST_PX / Math.max(right - left, bottom - top, 1));
  const width = Math.max(1, Math.round((right - left) * scale));
  const height = Math.max(1, Math.round((bottom - top) * scale));
  const context = pencil(make("canvas", { width, height }), { willReadFrequently: true });
  context.setTransform(scale, 0, 0, scale, -left * scale, -top * scale);
  picture.draw(context, scale, { x: left, y: top, width: right - left, height: bottom - top });
  const cost = costs(context.getImageData(0, 0, width, height));
  const at = (/** @type {Point} */ { x, y }) => {
    const column = Math.max(0, Math.min(width - 1, Math.floor((x - left) * scale)));
    return Math.max(0, Math.min(height - 1, Math.floor((y - top) * scale))) * width + column;
  };
  const way = cheapest(cost, width, height, at(from), at(to));
  const points = way.map((place) => ({ x: left + ((place % width) + 0.5) / scale, y: top + (Math.floor(place / width) + 0.5) / scale }));
  return [from, ...points.slice(1, -1), to];
}

/**
 * What a step on each pixel costs, in [STRAY_COST, 1].
 * @param {ImageData} image
 */
function costs({ data, width, height }) {
  const luma = new Float32Array(width * height);
  for (let at = 0; at < luma.length; at += 1) luma[at] = lumaOf(data, 4 * at);
  const ridge = new Float32Array(luma.length);
  const clamp = (/** @type {number} */ value, /** @type {number} */ most) => Math.max(0, Math.min(most, value));
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const here = luma[y * width + x];
      let most = 0;
      for (const apart of SIDES_PX) {
        for (const [dx, dy] of [[apart, 0], [0, apart], [apart, apart], [apart, -apart]]) {
          const one = here - luma[clamp(y + dy, height - 1) * width + clamp(x + dx, width - 1)];
          const other = here - luma[clamp(y - dy, height - 1) * width + clamp(x - dx, width - 1)];
          if (one * other > 0) most = Math.max(most, Math.min(Math.abs(one), Math.abs(other))); // lighter, or darker, than both sides
        }
      }
      ridge[y * width + x] = most;
    }
  }
  const sorted = Float32Array.from(ridge).sort();
  const strong = Math.max(6, sorted[Math.floor(0.97 * sorted.length)]);
  return ridge.map((value) => STRAY_COST + (1 - STRAY_COST) * (1 - Math.min(1, value / strong)) ** 2);
}

/**
 * Dijkstra's way over pixels, eight neighbors each; the places in their order.
 * @param {Float32Array} cost
 * @param {number} width
 * @param {number} height
 * @param {number} from
 * @param {number} to
 * @returns {number[]}
 */
function cheapest(cost, width, height, from, to) {
  const total = new Float64Array(cost.length).fill(Infinity); // as exact as the sums that are compared with it, or ties never end
  const before = new Int32Array(cost.length).fill(-1);
  const open = new Heap();
  total[from] = 0;
  open.push(from, 0);
  for (let place = open.pop(); place !== undefined && place !== to; place = open.pop()) {
    const [x, y] = [place % width, Math.floor(place / width)];
    for (let dy = -1; dy <= 1; dy += 1) {
      for (let dx = -1; dx <= 1; dx += 1) {
        if ((!dx && !dy) || x + dx < 0 || y + dy < 0 || x + dx >= width || y + dy >= height) continue;
        const next = place + dy * width + dx;
        const sum = total[place] + cost[next] * (dx && dy ? Math.SQRT2 : 1);
        if (sum >= total[next]) continue;
        total[next] = sum;
        before[next] = place;
        open.push(next, sum);
      }
    }
  }
  const way = [to];
  while (way[way.length - 1] !== from && before[way[way.length - 1]] >= 0) way.push(before[way[way.length - 1]]);
  return way.reverse();
}

/** A binary heap of places by their cost; one that is pushed again cheaper comes out twice, which does no harm. */
class Heap {
  constructor() {
    /** @type {number[]} */
    this.places = [];
    /** @type {number[]} */
    this.sums = [];
  }

  /**
   * @param {number} place
   * @param {number} sum
   */
  push(place, sum) {
    let at = this.places.push(place) - 1;
    this.sums.push(sum);
    while (at && this.sums[(at - 1) >> 1] > this.sums[at]) {
      this.#swap(at, (at - 1) >> 1);
      at = (at - 1) >> 1;
    }
  }

  /** @returns {number | undefined} */
  pop() {
    const [first] = this.places;
    const last = this.places.length - 1;
    if (last < 0) return undefined;
    this.#swap(0, last);
    this.places.pop();
    this.sums.pop();
    for (let at = 0; ;) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2]) if (child < last && this.sums[child] < this.sums[least]) least = child;
      if (least === at) return first;
      this.#swap(at, least);
      at = least;
    }
  }

  /**
   * @param {number} a
   * @param {number} b
   */
  #swap(a, b) {
    [this.places[a], this.places[b]] = [this.places[b], this.places[a]];
    [this.sums[a], this.sums[b]] = [this.sums[b], this.sums[a]];
  }
}
