// @ts-check
// The list of a mask's pieces, each with a switch: repaired, or kept as it is.

import { $, button, make } from "./dom.js";

/**
 * @import { Piece } from "./types.js"
 * @import { Session } from "./session.js"
 */

const LISTED = 40;
const LISTED_MORE = 200;
/** @type {Record<string, string>} */
const KIND_NAMES = { scratch: "Scratch", spot: "Spot", hole: "Hole" };

export class Pieces {
  /** @param {Session} session */
  constructor(session) {
    this.session = session;
    this.listed = LISTED;
    /** @type {HTMLDetailsElement} */ ($("objects-details")).open = false;
    button("objects-more").addEventListener("click", () => {
      this.listed += LISTED_MORE;
      this.draw();
    }, { signal: session.signal });
  }

  draw() {
    const { objects } = this.session.mask;
    $("objects-details").hidden = !objects.length;
    $("objects-title").textContent = objects.length === 1 ? "The one place" : `Each of the ${objects.length} places`;
    const list = $("objects");
    const active = document.activeElement;
    const focused = active instanceof HTMLElement && active.closest("#objects") ? active.dataset.object : null;
    list.replaceChildren(...objects.slice(0, this.listed).map((piece) => this.#item(piece)));
    if (focused) /** @type {HTMLElement | null} */ (list.querySelector(`[data-object="${focused}"]`))?.focus({ preventScroll: true });
    $("objects-more").hidden = objects.length <= this.listed;
  }

  /** @param {Piece} piece */
  #item(piece) {
    const { session } = this;
    const { dust } = session.edit;
    const name = `${KIND_NAMES[piece.kind] || piece.kind}, ${piece.size_px} px`;
    const box = make("input", { type: "checkbox", checked: !session.mask.isKept(piece), disabled: dust !== null && piece.size_px > dust, ariaLabel: `Repair ${name}` });
    box.dataset.object = String(piece.id);
    box.addEventListener("change", () => session.togglePiece(piece.id));
    const item = make("li", {}, make("label", { className: "switch row" }, make("span", { textContent: name }), box, make("span", { className: "track" })));
    item.addEventListener("pointerenter", () => session.glance(piece.id));
    box.addEventListener("focus", () => session.glance(piece.id));
    for (const away of ["pointerleave", "focusout"]) item.addEventListener(away, () => session.glance(null));
    return item;
  }
}
