// @ts-check
// The line to the server while it is broken: what failed for want of it is asked again, after pauses that grow, and at once when the browser is online.

const FIRST_MS = 1000;
const MOST_MS = 30_000;

/**
 * Wait until it is worth asking again. Whether it is: not once `signal` has ended what asks.
 * @param {number} tries how often it was asked in vain before
 * @param {AbortSignal} [signal]
 * @returns {Promise<boolean>}
 */
export function worthAgain(tries, signal) {
  return new Promise((resolve) => {
    const over = new AbortController();
    const end = () => {
      clearTimeout(timer);
      over.abort();
      resolve(!signal?.aborted);
    };
    const timer = setTimeout(end, Math.min(MOST_MS, FIRST_MS * 2 ** tries));
    addEventListener("online", end, { signal: over.signal });
    signal?.addEventListener("abort", end, { signal: over.signal });
  });
}

/**
 * Load a picture, however often it takes.
 * @param {HTMLImageElement} image
 * @param {string} url
 * @param {() => boolean} isWanted
 * @param {AbortSignal} [signal]
 */
export function loadPatiently(image, url, isWanted, signal) {
  let tries = 0;
  image.addEventListener("error", async () => {
    if (!(await worthAgain(tries, signal)) || !isWanted()) return;
    tries += 1;
    image.src = url; // set anew, it is asked for anew
  }, { signal });
  image.src = url;
}
