// @ts-check
// The server's token: taken from the address, or asked for until it is right.

import * as api from "./api.js";
import { make } from "./dom.js";
import { tell } from "./say.js";
import { t } from "./words.js";

/** @type {Promise<void> | null} */
let asking = null;

/**
 * Sign in, if this server wants it; and again whenever it does later. Gives the id of the shelf of all who know the token.
 * @returns {Promise<string | null>}
 */
export async function signIn() {
  const given = new URLSearchParams(location.hash.replace(/^#\/?/, "")).get("token");
  if (given) {
    history.replaceState(null, "", `${location.pathname}#/`);
    try {
      await api.signIn(given);
    } catch (refusal) {
      tell(/** @type {Error} */ (refusal).message, { wrong: true });
    }
  }
  const { token_needed: needed, signed_in: already, shelf } = await api.session();
  if (!needed) return null;
  if (!already) await askForToken();
  api.whenTokenIsNeeded(askForToken);
  return shelf || (await api.session()).shelf;
}

function askForToken() {
  asking ||= askOnce().finally(() => (asking = null));
  return asking;
}

async function askOnce() {
  const name = make("input", { className: "unseen", name: "username", autocomplete: "username", value: "unfade", tabIndex: -1, ariaHidden: "true", readOnly: true });
  const token = make("input", { type: "password", id: "token", autocomplete: "current-password", required: true, autofocus: true });
  token.setAttribute("aria-describedby", "token-wrong");
  const wrong = make("p", { className: "wrong-text", id: "token-wrong", role: "alert" });
  const form = make("form", {}, name,
    make("h2", { id: "sign-in-title", textContent: t("sign-in.title") }),
    make("p", { textContent: t("sign-in.text") }),
    make("label", { htmlFor: "token", textContent: t("sign-in.token") }), token, wrong,
    make("button", { type: "submit", className: "primary big wide", textContent: t("sign-in.open") }));
  const dialog = make("dialog", { id: "sign-in" }, form);
  dialog.setAttribute("aria-labelledby", "sign-in-title");
  document.body.append(dialog);
  let known = false;
  const stay = () => known || dialog.showModal(); // without the token there is nothing behind it
  dialog.oncancel = (event) => event.preventDefault();
  dialog.addEventListener("close", stay); // a second Escape closes it all the same
  dialog.showModal();
  await new Promise((resolve) => {
    form.onsubmit = async (event) => {
      event.preventDefault();
      try {
        await api.signIn(token.value);
        known = true;
        dialog.close();
        resolve(null);
      } catch (refusal) {
        wrong.textContent = /** @type {Error} */ (refusal).message;
        token.select();
      }
    };
  });
  dialog.removeEventListener("close", stay);
  dialog.remove();
}
