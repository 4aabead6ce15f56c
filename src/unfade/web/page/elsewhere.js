// @ts-check
// Another tab that has the same photograph open: what is set there is taken up here, so that neither undoes what the other did.

/** @import { Session } from "./session.js" */

const GO_ON_AFTER_MS = 4000; // the other tab fills and makes what it changed; this one only what is left then

export class Elsewhere {
  /** @param {Session} session */
  constructor(session) {
    this.session = session;
    this.isDue = false;
    const { history, signal } = session;
    addEventListener("storage", ({ key }) => key === history.key && this.#takeUp(), { signal });
    document.addEventListener("visibilitychange", () => this.#takeUp(), { signal });
    signal.addEventListener("abort", () => clearTimeout(this.timer));
  }

  #takeUp() {
    const { session } = this;
    const { edit, history } = session;
    history.takeUp();
    if (history.isNews) {
      history.isNews = false;
      this.isDue = true;
      session.brushwork.moved(edit);
      session.refresh();
    }
    if (!this.isDue || document.hidden) return;
    session.pause();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#goOn(), GO_ON_AFTER_MS);
  }

  /** Learn what the other tab had made, and make the rest. */
  async #goOn() {
    const { session } = this;
    this.isDue = false;
    await session.library.load().catch(() => 0);
    if (!session.ended) session.later(0);
  }
}
