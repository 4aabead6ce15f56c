// @ts-check
// Which tabs of this browser have the page open, so that none takes up what another has on its way.
// Web Locks tell it at once, but exist only on https and on the server's own machine; elsewhere the tabs call each other.

const TAB = "unfade.tab";
const TAKEOVER_MS = 1000; // how long the page before a refresh may take to go
const ANSWER_MS = 300; // how long a call waits for the other tabs
/** @param {string} name */
const lockName = (name) => `${TAB}.${name}`;

const stored = () => {
  try {
    return sessionStorage.getItem(TAB);
  } catch {
    return null; // refused: then a refresh finds nothing of this tab's
  }
};

/** @param {string} name */
const store = (name) => {
  try {
    sessionStorage.setItem(TAB, name);
  } catch {
    // as above
  }
};

/** The tabs of this browser; `name` is this one's: the same after a refresh, and another's in a copy of the tab. */
export class Tabs {
  constructor() {
    const before = stored();
    /** @type {Set<string>} the names that other tabs answered with */
    this.heard = new Set();
    /** @type {BroadcastChannel | null} */
    this.channel = null;
    this.name = before || Math.random().toString(36).slice(2);
    if (!navigator.locks) this.listen();
  }

  /**
   * Make sure of the name.
   * @returns {Promise<(name: string) => boolean>} whether a tab of some name is open
   */
  async begin() {
    const others = await (navigator.locks ? this.lock() : this.call());
    store(this.name);
    return (/** @type {string} */ name) => name === this.name || others.has(name);
  }

  rename() {
    this.name = Math.random().toString(36).slice(2);
  }

  /** Hold the lock of the name for as long as the page lives. */
  async lock() {
    if (!(await hold(this.name))) {
      this.rename();
      await hold(this.name);
    }
    const { held = [] } = await navigator.locks.query();
    return new Set(held.map(({ name = "" }) => name.slice(lockName("").length)));
  }

  listen() {
    const channel = new BroadcastChannel(TAB);
    this.channel = channel;
    channel.onmessage = ({ data }) => {
      if (data.call) channel.postMessage({ here: this.name });
      else this.heard.add(data.here);
    };
  }

  /** Ask the other tabs for their names. One that sleeps and does not answer loses nothing: an upload that two tabs send is one to the server. */
  async call() {
    this.heard.clear();
    this.channel?.postMessage({ call: true });
    await new Promise((resolve) => setTimeout(resolve, ANSWER_MS));
    if (this.heard.has(this.name)) this.rename();
    return this.heard;
  }
}

/**
 * Hold a name's lock. False if another page holds it.
 * @param {string} name
 * @returns {Promise<boolean>}
 */
function hold(name) {
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(TAKEOVER_MS);
    navigator.locks.request(lockName(name), { signal }, () => {
      resolve(true);
      return new Promise(() => {});
    }).catch(() => resolve(false));
  });
}
