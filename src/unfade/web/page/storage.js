// What this browser keeps for the page, as JSON in localStorage.

export const recall = (key, otherwise) => {
  try {
    return JSON.parse(localStorage.getItem(key)) ?? otherwise;
  } catch {
    return otherwise; // private windows may refuse, and others may have written there
  }
};

export const remember = (key, value) => {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // Full or refused: the page works on, it only won't find its photographs again.
  }
};

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
