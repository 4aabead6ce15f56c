// @ts-check
// Small pictures of the server, in about a second, and what the page blends from them while a slider moves, until the true one comes.

import * as api from "./api.js";
import { lumaOf, make, pencil } from "./dom.js";
import { meaning, optionsOf } from "./edit.js";
import { healOf, inPieces } from "./maskwork.js";

/**
 * @import { Edit, Options, Stroke } from "./types.js"
 * @import { Session } from "./session.js"
 * @typedef {{ canvas: HTMLCanvasElement, data: ImageData }} Small
 */

const SIDE_PX = 1024;
const FIRST_SIDE_PX = 384; // of the very first picture, which is wanted at once
// The server's curves of tone (steps/_dials.py): for the moment until its own picture comes.
const LIGHTNESS_SLOPE = 2;
const CONTRAST_SHARE = 0.5;
const WARMTH = [0.06, 0, -0.06 * 0.299 / 0.114];
const LEAST_SHARE = 0.15; // a fainter picture tells too little of a stronger one

/**
 * @param {Options} options
 * @param {Stroke[]} strokes
 */
const wantedOf = (options, strokes) => meaning(options) + (strokes.length ? JSON.stringify(strokes) : "");
/**
 * @param {Options} options
 * @param {Stroke[]} strokes
 */
const drawn = ({ heals }, strokes) => (strokes.length ? { fill: true, strokes: strokes.flatMap(inPieces), heals: [...heals, ...strokes.flatMap(healOf)] } : {});
/** @param {Options} options */
const withoutDials = (options) => meaning({ ...options, lightness: 0, contrast: 0, warmth: 0 });
/** @param {Options} options */
const withoutCleaning = (options) => meaning({ ...options, clean: 0 });
/** @param {Options} options */
const withoutTint = (options) => meaning({ ...options, strength: 1, saturation: 1 });

export class Previews {
  /** @param {Session} session */
  constructor(session) {
    this.session = session;
    /** @type {{ wanted: string, options: Options, picture: Small, isFirst?: boolean } | null} */
    this.last = null;
    /** @type {{ none?: { rest: string, picture: Small }, full?: { rest: string, picture: Small } }} the ends of the cleaning slider */
    this.ends = {};
    /** @type {AbortController | null} */
    this.asking = null;
    /** @type {AbortController | null} what is asked for beside that, and gives way to it */
    this.besides = null;
    session.signal.addEventListener("abort", () => {
      this.asking?.abort();
      this.besides?.abort();
    });
  }

  /** Whether none is on its way. */
  get isIdle() {
    return this.asking === null;
  }

  /**
   * Have the server make a small picture. Whether one came.
   * @param {Options} options
   * @param {Stroke[]} strokes brush work over the mask
   * @param {boolean} [isFirst] something smaller will do
   */
  async take(options, strokes, isFirst = false) {
    if (this.of(options, strokes) && (isFirst || !this.last?.isFirst)) return true;
    this.asking?.abort();
    this.besides?.abort();
    const asking = new AbortController();
    this.asking = asking;
    try {
      const picture = await load(await api.preview(this.session.photo.id, { ...options, ...drawn(options, strokes) }, isFirst ? FIRST_SIDE_PX : SIDE_PX, asking.signal));
      if (asking.signal.aborted) return false;
      this.last = { wanted: wantedOf(options, strokes), options, picture, isFirst };
      if (!isFirst && !strokes.length && (options.clean > 0.999 || options.clean === 0)) this.#keepEnd(options, picture);
      return true;
    } finally {
      if (this.asking === asking) this.asking = null;
    }
  }

  /**
   * A picture that nobody waits for: whatever else is asked for ends it.
   * @param {Options} options
   * @param {number} sidePx
   */
  async beside(options, sidePx) {
    this.besides = new AbortController();
    return api.preview(this.session.photo.id, options, sidePx, this.besides.signal);
  }

  /**
   * The picture of these options, if it is here.
   * @param {Options} options
   * @param {Stroke[]} strokes
   */
  of(options, strokes) {
    return this.last?.wanted === wantedOf(options, strokes) ? this.last.picture : null;
  }

  /** What is seen now, made small, is what the page blends from: no picture of the server's has to come first. */
  adopt() {
    const { edit, brushwork, job, stage, photo } = this.session;
    const options = optionsOf(edit);
    const wanted = wantedOf(options, []);
    const { after } = stage.viewer;
    if ((this.last?.wanted === wanted && !this.last.isFirst) || brushwork.strokes.length || job?.state !== "done" || !after || !stage.shows(job)) return;
    const scale = Math.min(1, SIDE_PX / Math.max(photo.width, photo.height));
    const surface = make("canvas", { width: Math.max(1, Math.round(photo.width * scale)), height: Math.max(1, Math.round(photo.height * scale)) });
    const context = pencil(surface, { willReadFrequently: true });
    context.setTransform(scale, 0, 0, scale, 0, 0);
    after.draw(context, scale, { x: 0, y: 0, width: photo.width, height: photo.height });
    this.last = { wanted, options, picture: { canvas: surface, data: context.getImageData(0, 0, surface.width, surface.height) } };
  }

  /**
   * Brush work is in a mask now: what was seen with it is what the mask gives.
   * @param {Edit} before
   * @param {Edit} after
   */
  rename(before, after) {
    const options = optionsOf(after);
    if (this.last?.wanted === wantedOf(optionsOf(before), before.strokes)) this.last = { ...this.last, wanted: wantedOf(options, after.strokes), options };
  }

  /**
   * @param {Options} options
   * @param {Small} picture
   */
  #keepEnd(options, picture) {
    this.ends[options.clean ? "full" : "none"] = { rest: withoutCleaning(options), picture };
  }

  /**
   * The ends of the cleaning slider, fetched when a hand goes there.
   * @param {Edit} edit
   */
  async fetchEnds(edit) {
    await this.#fetchEnd(edit, 0);
    if (!(this.last && this.last.options.clean > 0.2)) await this.#fetchEnd(edit, 1);
  }

  /**
   * @param {Edit} edit
   * @param {0 | 1} clean
   */
  async #fetchEnd(edit, clean) {
    const options = { ...optionsOf(edit), clean };
    if (this.ends[clean ? "full" : "none"]?.rest === withoutCleaning(options) || this.session.ended || !this.isIdle) return;
    try {
      this.#keepEnd(options, await load(await this.beside(options, SIDE_PX)));
    } catch {
      // Only a convenience: without it the picture waits for the true preview.
    }
  }

  /**
   * Nearly what the edit gives, from what is here; null where nothing is of use.
   * @param {string} slider
   * @param {Edit} edit
   */
  blend(slider, edit) {
    const options = optionsOf(edit);
    if (slider === "clean") {
      const { none, full } = this.ends;
      const rest = withoutCleaning(options);
      if (none?.rest !== rest) return null;
      if (full?.rest === rest) return between(none.picture, full.picture, options.clean);
      const { last } = this;
      const isOfUse = last && last.options.clean > 0.2 && withoutCleaning(last.options) === rest;
      return isOfUse ? between(none.picture, last.picture, options.clean / last.options.clean) : null;
    }
    if (!this.last || withoutTint(this.last.options) !== withoutTint(options)) return null;
    const share = this.last.options.strength * this.last.options.saturation;
    return share > LEAST_SHARE ? tinted(this.last.picture, (options.strength * options.saturation) / share) : null;
  }

  /**
   * Nearly what the dials of tone give, from what is here; null where nothing is of use.
   * @param {Edit} edit
   */
  dialed(edit) {
    const options = optionsOf(edit);
    const { last } = this;
    if (!last || withoutDials(last.options) !== withoutDials(options)) return null;
    const turn = (/** @type {"lightness" | "contrast" | "warmth"} */ dial) => options[dial] - last.options[dial];
    return toned(last.picture, turn("lightness"), turn("contrast"), turn("warmth"));
  }
}

/**
 * @param {Blob} blob
 * @returns {Promise<Small>}
 */
export async function load(blob) {
  const picture = await createImageBitmap(blob);
  const surface = make("canvas", { width: picture.width, height: picture.height });
  const context = pencil(surface, { willReadFrequently: true });
  context.drawImage(picture, 0, 0);
  return { canvas: surface, data: context.getImageData(0, 0, surface.width, surface.height) };
}

/**
 * a + share · (b − a): what the strength of cleaning does, in sRGB numbers.
 * @param {Small} a
 * @param {Small} b
 * @param {number} share
 */
function between(a, b, share) {
  const out = new ImageData(b.data.width, b.data.height);
  const [from, to, into] = [a.data.data, b.data.data, out.data];
  for (let at = 0; at < into.length; at += 1) into[at] = from[at] + share * (to[at] - from[at]);
  return put(out);
}

/**
 * Chroma around its own gray, `factor` times as strong: nearly what color strength and saturation do.
 * @param {Small} a
 * @param {number} factor
 */
function tinted(a, factor) {
  const out = new ImageData(a.data.width, a.data.height);
  const [from, into] = [a.data.data, out.data];
  for (let at = 0; at < into.length; at += 4) {
    const gray = lumaOf(from, at);
    into[at] = gray + factor * (from[at] - gray);
    into[at + 1] = gray + factor * (from[at + 1] - gray);
    into[at + 2] = gray + factor * (from[at + 2] - gray);
    into[at + 3] = 255;
  }
  return put(out);
}

/**
 * The dials of tone turned by so much, channel by channel, as the server turns them.
 * @param {Small} a
 * @param {number} lightness
 * @param {number} contrast
 * @param {number} warmth
 */
function toned(a, lightness, contrast, warmth) {
  const white = LIGHTNESS_SLOPE ** -lightness;
  const tables = WARMTH.map((weight) => Uint8ClampedArray.from({ length: 256 }, (_, level) => {
    let value = level / 255;
    value /= value + white * (1 - value);
    value += 2 * CONTRAST_SHARE * contrast * value * (1 - value) * (value - 0.5);
    return 255 * (value + 4 * value * (1 - value) * warmth * weight);
  }));
  const out = new ImageData(a.data.width, a.data.height);
  const [from, into] = [a.data.data, out.data];
  for (let at = 0; at < into.length; at += 4) {
    for (let channel = 0; channel < 3; channel += 1) into[at + channel] = tables[channel][from[at + channel]];
    into[at + 3] = 255;
  }
  return put(out);
}

/** @param {ImageData} data */
function put(data) {
  const surface = make("canvas", { width: data.width, height: data.height });
  pencil(surface).putImageData(data, 0, 0);
  return surface;
}
