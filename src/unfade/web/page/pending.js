// Files that are chosen and not uploaded yet, kept in this browser until they are, so that a refresh loses none.
// Which they are lies in localStorage, written before anything else can happen; their bytes lie in IndexedDB, where the browser allows it.

import { recall, remember } from "./storage.js";

const LIST = "unfade.uploads";
const DATABASE = "unfade";
const FILES = "files";
const TAB = "unfade.tab";
const TAKEOVER_MS = 1000; // how long the page before a refresh may take to go

let opened = null;
function database() {
  opened ||= new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(FILES);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opened;
}

/** Run `act` on the store of files; null where the browser has none or refuses (a private window, a full disk). */
async function files(mode, act) {
  try {
    const transaction = (await database()).transaction(FILES, mode);
    const request = act(transaction.objectStore(FILES));
    await new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onerror = transaction.onabort = () => reject(transaction.error);
    });
    return request.result ?? null;
  } catch {
    return null;
  }
}

const noted = () => recall(LIST, []).filter((note) => typeof note?.key === "string");
const lockName = (tab) => `unfade.tab.${tab}`;

/** This tab's name: the same after a refresh, and another tab's in a copy of the tab. The lock says which tabs there are. */
async function nameTab() {
  let tab = null;
  try {
    tab = sessionStorage.getItem(TAB);
  } catch {
    // refused: then a refresh finds nothing of this tab's
  }
  if (tab && !(await hold(tab))) tab = null;
  if (!tab) {
    tab = Math.random().toString(36).slice(2);
    await hold(tab);
  }
  try {
    sessionStorage.setItem(TAB, tab);
  } catch {
    // as above
  }
  return tab;
}

/** Hold a tab's lock for as long as the page lives. False if another page holds it. */
function hold(tab) {
  if (!navigator.locks) return true; // only on https and on this machine itself
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(TAKEOVER_MS);
    navigator.locks.request(lockName(tab), { signal }, () => {
      resolve(true);
      return new Promise(() => {});
    }).catch(() => resolve(false));
  });
}

async function livingTabs() {
  const { held = [] } = (await navigator.locks?.query()) || {};
  return navigator.locks ? new Set(held.map(({ name }) => name)) : null;
}

export class Pending {
  /** What this tab, or one that is gone, had still to upload: [{ key, name, options, chosen: File|null }]. */
  async begin() {
    this.tab = await nameTab();
    const living = await livingTabs();
    const mine = noted().filter((note) => note.tab === this.tab || (living && !living.has(lockName(note.tab))));
    remember(LIST, noted().map((note) => (mine.some(({ key }) => key === note.key) ? { ...note, tab: this.tab } : note)));
    const kept = (await files("readonly", (store) => store.getAllKeys())) || [];
    const known = new Set(noted().map(({ key }) => key));
    for (const key of kept) if (!known.has(key)) this.drop(key);
    return Promise.all(mine.map(async ({ key, name, options }) => ({ key, name, options, chosen: await files("readonly", (store) => store.get(key)) })));
  }

  /** Note an upload, and keep its file. Resolves to whether a refresh would find it. */
  async keep({ key, name, options, chosen }) {
    remember(LIST, [...noted().filter((note) => note.key !== key), { key, name, options, tab: this.tab }]);
    return (await files("readwrite", (store) => store.put(chosen, key))) !== null;
  }

  drop(key) {
    remember(LIST, noted().filter((note) => note.key !== key));
    files("readwrite", (store) => store.delete(key));
  }
}
