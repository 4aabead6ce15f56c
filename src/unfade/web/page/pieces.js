// @ts-check
// The list of a mask's pieces, each with a switch: repaired, or kept as it is.

import { $, button, make } from "./dom.js";
import { t } from "./words.js";

/**
 * @import { Piece } from "./types.js"
 * @import { Session } from "./session.js"
 * @import { Key } from "./words.js"
 */

const LISTED = 40;
const LISTED_MORE = 200;
/** @type {Record<string, Key>} */
const KINDS = { scratch: "piece.scratch", spot: "piece.spot", hole: "piece.hole" };

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
    $("objects-title").textContent = t("damage.each", { n: objects.length });
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
    const name = t(KINDS[piece.kind] || "piece.spot", { n: piece.size_px });
    const box = make("input", { type: "checkbox", checked: !session.mask.isKept(piece), disabled: dust !== null && piece.size_px > dust, ariaLabel: t("piece.repair", { name }) });
    box.dataset.object = String(piece.id);
    box.addEventListener("change", () => session.togglePiece(piece.id));
    const item = make("li", {}, make("label", { className: "switch row" }, make("span", { textContent: name }), box, make("span", { className: "track" })));
    item.addEventListener("pointerenter", () => session.glance(piece.id));
    box.addEventListener("focus", () => session.glance(piece.id));
    for (const away of ["pointerleave", "focusout"]) item.addEventListener(away, () => session.glance(null));
    return item;
  }
}
