// @ts-check
// What this browser keeps for the page, as JSON in localStorage.

/**
 * @template Kept
 * @param {string} key
 * @param {Kept} otherwise
 * @returns {Kept}
 */
export const recall = (key, otherwise) => {
  try {
    return JSON.parse(localStorage.getItem(key) ?? "null") ?? otherwise;
  } catch {
    return otherwise; // private windows may refuse, and others may have written there
  }
};

/**
 * @param {string} key
 * @param {unknown} value
 */
export const remember = (key, value) => {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // Full or refused: the page works on, it only won't find its photographs again.
  }
};

/** @param {string} key */
export const forget = (key) => {
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
