// @ts-check
// The server's token: taken from the address, or asked for until it is right.

import * as api from "./api.js";
import { $, dialog as dialogOf, input } from "./dom.js";
import { tell } from "./say.js";

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
  const dialog = dialogOf("sign-in");
  let known = false;
  const stay = () => known || dialog.showModal(); // without the token there is nothing behind it
  dialog.oncancel = (event) => event.preventDefault();
  dialog.addEventListener("close", stay); // a second Escape closes it all the same
  input("token").value = $("token-wrong").textContent = "";
  dialog.showModal();
  await new Promise((resolve) => {
    $("sign-in-form").onsubmit = async (event) => {
      event.preventDefault();
      try {
        await api.signIn(input("token").value);
        known = true;
        dialog.close();
        resolve(null);
      } catch (refusal) {
        $("token-wrong").textContent = /** @type {Error} */ (refusal).message;
        input("token").select();
      }
    };
  });
  dialog.removeEventListener("close", stay);
}
