// @ts-check
// Files that are chosen and not uploaded yet, kept in this browser until they are, so that a refresh loses none.
// Which they are lies in localStorage, written before anything else can happen; their bytes lie in IndexedDB, where the browser allows it.

import { recall, remember } from "./storage.js";
import { Tabs } from "./tabs.js";

/**
 * @import { Options } from "./types.js"
 * @typedef {{ key: string, name: string, options?: Options, tab?: string, sent?: boolean }} Note
 */

const LIST = "unfade.uploads";
const DATABASE = "unfade";
const FILES = "files";

/** @type {Promise<IDBDatabase> | null} */
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

/**
 * Run `act` on the store of files; null where the browser has none or refuses (a private window, a full disk).
 * @template Got
 * @param {IDBTransactionMode} mode
 * @param {(store: IDBObjectStore) => IDBRequest<Got>} act
 * @returns {Promise<Got | null>}
 */
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

const noted = () => recall(LIST, /** @type {Note[]} */ ([])).filter((note) => /^[\w-]{32}$/.test(note?.key));
/**
 * @param {string} key
 * @param {Partial<Note>} change
 */
const note = (key, change) => remember(LIST, noted().map((other) => (other.key === key ? { ...other, ...change } : other)));
/** @param {string} key */
const removeFile = (key) => files("readwrite", (store) => store.delete(key));

export class Pending {
  constructor() {
    this.tabs = new Tabs();
    this.begun = this.tabs.begin();
  }

  /**
   * What this tab, or one that is gone, had still to do.
   * @returns {Promise<{ key: string, name: string, options?: Options, sent: boolean, chosen: File | null }[]>} `sent`: its upload was answered
   */
  async begin() {
    const isOpen = await this.begun;
    const mine = noted().filter(({ tab }) => tab === this.tabs.name || !isOpen(tab || ""));
    for (const { key } of mine) note(key, { tab: this.tabs.name });
    const kept = (await files("readonly", (store) => store.getAllKeys())) || [];
    const known = new Set(noted().map(({ key }) => key));
    for (const key of kept.map(String)) if (!known.has(key)) removeFile(key);
    return Promise.all(mine.map(async ({ key, name, options, sent = false }) => (
      { key, name, options, sent, chosen: await files("readonly", (store) => store.get(key)) }
    )));
  }

  /**
   * Note an upload, and keep its file. Whether a refresh would find it.
   * @param {{ key: string, name: string, options?: Options, chosen: File | null }} upload
   */
  async keep({ key, name, options, chosen }) {
    remember(LIST, [...noted().filter((other) => other.key !== key), { key, name, options, tab: this.tabs.name }]);
    return (await files("readwrite", (store) => store.put(chosen, key))) !== null;
  }

  /**
   * The server has the file; what is left to do is to start its job.
   * @param {string} key
   */
  sent(key) {
    note(key, { sent: true });
    removeFile(key);
  }

  /**
   * Nothing is left to do.
   * @param {string} key
   */
  drop(key) {
    remember(LIST, noted().filter((other) => other.key !== key));
    removeFile(key);
  }
}
