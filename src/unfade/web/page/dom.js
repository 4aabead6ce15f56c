// @ts-check
// Elements of the page by their ids, as what they are.

/**
 * @template {HTMLElement} Kind
 * @param {string} id
 * @param {new () => Kind} kind
 * @returns {Kind}
 */
function found(id, kind) {
  const element = document.getElementById(id);
  if (!(element instanceof kind)) throw new Error(`The page has no ${kind.name} with the id ${id}.`);
  return element;
}

/** @param {string} id */
export const $ = (id) => found(id, HTMLElement);
/** @param {string} id */
export const input = (id) => found(id, HTMLInputElement);
/** @param {string} id */
export const button = (id) => found(id, HTMLButtonElement);
/** @param {string} id */
export const dialog = (id) => found(id, HTMLDialogElement);
/** @param {string} id */
export const canvas = (id) => found(id, HTMLCanvasElement);
/** @param {string} id */
export const link = (id) => found(id, HTMLAnchorElement);

/**
 * All elements that a selector finds.
 * @param {string} selector
 * @returns {HTMLElement[]}
 */
export const all = (selector) => [...document.querySelectorAll(selector)].filter((element) => element instanceof HTMLElement);

/**
 * A new element with its properties set.
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Partial<HTMLElementTagNameMap[Name]>} [properties]
 * @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[Name]}
 */
export function make(name, properties = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

/**
 * The 2-D context of a canvas.
 * @param {HTMLCanvasElement | OffscreenCanvas} surface
 * @param {CanvasRenderingContext2DSettings} [settings]
 * @returns {CanvasRenderingContext2D}
 */
export function pencil(surface, settings) {
  const context = surface.getContext("2d", settings);
  if (!context) throw new Error("This browser draws on no canvas.");
  return /** @type {CanvasRenderingContext2D} */ (context);
}

/**
 * The luma (ITU-R BT.601) of a pixel of a canvas, in [0, 255].
 * @param {Uint8ClampedArray} data
 * @param {number} at where its red is
 */
export function lumaOf(data, at) {
  return 0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2];
}
