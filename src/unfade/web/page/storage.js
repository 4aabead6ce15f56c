// @ts-check
// What this browser keeps for the page, as JSON in localStorage.

/** @type {Map<string, string>} what the browser did not take: it is kept for as long as the page is open */
const refused = new Map();
const PROBE = "unfade.probe";
/** @type {(() => void) | null} */
let onRefusal = null;

/**
 * What lies under a key, as it is written.
 * @param {string} key
 */
export const textOf = (key) => {
  try {
    return refused.get(key) ?? localStorage.getItem(key);
  } catch {
    return null; // as below
  }
};

/**
 * @template Kept
 * @param {string} key
 * @param {Kept} otherwise
 * @returns {Kept}
 */
export const recall = (key, otherwise) => {
  try {
    return JSON.parse(textOf(key) ?? "null") ?? otherwise;
  } catch {
    return otherwise; // private windows may refuse, and others may have written there
  }
};

/**
 * @param {string} key
 * @param {unknown} value
 */
export const remember = (key, value) => {
  const text = JSON.stringify(value);
  try {
    localStorage.setItem(key, text);
    refused.delete(key);
  } catch {
    refused.set(key, text); // full or refused: the page works on, it only won't find its photographs again
    const act = onRefusal;
    onRefusal = null;
    act?.();
  }
};

/** @param {string} key */
export const forget = (key) => {
  refused.delete(key);
  try {
    localStorage.removeItem(key);
  } catch {
    // as above
  }
};

export const keys = () => {
  try {
    return Object.keys(localStorage);
  } catch {
    return []; // as above
  }
};

/**
 * Whether the browser keeps anything is tried at once.
 * @param {() => void} act the first time that it does not
 */
export const whenRefused = (act) => {
  onRefusal = act;
  remember(PROBE, true);
  forget(PROBE);
};
