// What the page says: aloud to screen readers, and in a slip at the foot for everyone.

const live = document.getElementById("live");
const slips = document.getElementById("slips");

/** Tell screen readers, politely. */
export function announce(sentence) {
  live.textContent = "";
  // A changed text is read; the same text set twice is not, unless it was empty between.
  requestAnimationFrame(() => (live.textContent = sentence));
}

/** Show a sentence for a while; `wrong` ones stay longer and interrupt. */
export function tell(sentence, { wrong = false, act = null, label = "" } = {}) {
  const slip = document.createElement("div");
  slip.className = wrong ? "slip wrong" : "slip";
  slip.setAttribute("role", wrong ? "alert" : "status");
  const text = document.createElement("span");
  text.textContent = sentence;
  slip.append(text);
  const away = () => slip.remove();
  if (act) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "link";
    button.textContent = label;
    button.addEventListener("click", () => {
      away();
      act();
    });
    slip.append(button);
  }
  const close = document.createElement("button");
  close.type = "button";
  close.className = "icon small";
  close.setAttribute("aria-label", "Dismiss");
  close.append(icon("close"));
  close.addEventListener("click", away);
  slip.append(close);
  slips.append(slip);
  while (slips.children.length > 3) slips.firstChild.remove();
  setTimeout(away, wrong ? 15000 : 6000);
}

/** What is said while the server is waited for, and until when; `full`: for a place in its queue; `left`: seconds. */
export const waitsTexts = ({ full, left }) => [full ? "The queue is full" : "The server is busy", `next try in ${left} s`];

/** A refusal as one sentence that names the file it is about. */
export function naming(name, sentence) {
  const named = sentence.replace(/\b(the|this) (file|photograph|upload|mask)\b/i, () => name);
  return named === sentence ? `${name} was not taken: ${sentence[0].toLowerCase()}${sentence.slice(1)}` : named;
}

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("aria-hidden", "true");
  svg.classList.add("glyph");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

/** Ask before something that cannot be undone; resolves to true or false. */
export function confirmed(question, detail, action) {
  const dialog = document.getElementById("confirm");
  dialog.querySelector("h2").textContent = question;
  dialog.querySelector("p").textContent = detail;
  dialog.querySelector("[value=yes]").textContent = action;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }));
}
