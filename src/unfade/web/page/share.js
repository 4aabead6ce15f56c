// @ts-check
// Before and after, to be sent to others: as one picture, as a short sweep, or the result alone.

import * as api from "./api.js";
import { $, button, dialog as dialogOf } from "./dom.js";
import { saveBlob } from "./download.js";
import { tell } from "./say.js";
import { t } from "./words.js";

/** @import { Session } from "./session.js" */

/** @param {Session} session */
export function openShare(session) {
  const { job } = session;
  if (job?.state !== "done") return void tell(t("share.later"));
  const dialog = dialogOf("share");
  const send = button("share-send");
  const save = button("share-save");
  send.hidden = !canSend();
  save.className = send.hidden ? "primary" : "quiet";
  const make = async (/** @type {(made: { blob: Blob, name: string }) => unknown} */ act) => {
    send.disabled = save.disabled = true;
    try {
      await act(await api.file(addressOf(job.id)));
      dialog.close();
    } catch (error) {
      const { name, message } = /** @type {Error} */ (error);
      if (name !== "AbortError") tell(message, { wrong: true }); // the person closed the phone's sheet
    } finally {
      send.disabled = save.disabled = false;
    }
  };
  save.onclick = () => make(saveBlob);
  send.onclick = () => make(({ blob, name }) => navigator.share({ files: [new File([blob], name, { type: blob.type })] }));
  dialog.showModal();
}

/** Whether this browser has a share sheet that takes pictures. */
function canSend() {
  const sample = new File([""], "a.jpg", { type: "image/jpeg" });
  return Boolean(navigator.canShare?.({ files: [sample] }));
}

/** @param {string} jobId */
function addressOf(jobId) {
  const kind = String(new FormData(/** @type {HTMLFormElement} */ ($("share-form"))).get("kind"));
  return kind === "result" ? api.resultUrl(jobId, { format: "jpeg", location: "drop" }) : api.shareUrl(jobId, kind);
}
