// Files that are chosen and not uploaded yet, kept in this browser until they are, so that a refresh loses none.
// Which they are lies in localStorage, written before anything else can happen; their bytes lie in IndexedDB, where the browser allows it.

import { recall, remember } from "./storage.js";
import { Tabs } from "./tabs.js";

const LIST = "unfade.uploads";
const DATABASE = "unfade";
const FILES = "files";

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

const noted = () => recall(LIST, []).filter((note) => /^[\w-]{32}$/.test(note?.key));
const note = (key, change) => remember(LIST, noted().map((other) => (other.key === key ? { ...other, ...change } : other)));
const removeFile = (key) => files("readwrite", (store) => store.delete(key));

export class Pending {
  constructor() {
    this.tabs = new Tabs();
    this.begun = this.tabs.begin();
  }

  /** What this tab, or one that is gone, had still to do: [{ key, name, options, sent: whether its upload was answered, chosen: File|null }]. */
  async begin() {
    const isOpen = await this.begun;
    const mine = noted().filter(({ tab }) => tab === this.tabs.name || !isOpen(tab));
    for (const { key } of mine) note(key, { tab: this.tabs.name });
    const kept = (await files("readonly", (store) => store.getAllKeys())) || [];
    const known = new Set(noted().map(({ key }) => key));
    for (const key of kept) if (!known.has(key)) removeFile(key);
    return Promise.all(mine.map(async ({ key, name, options, sent = false }) => (
      { key, name, options, sent, chosen: await files("readonly", (store) => store.get(key)) }
    )));
  }

  /** Note an upload, and keep its file. Resolves to whether a refresh would find it. */
  async keep({ key, name, options, chosen }) {
    remember(LIST, [...noted().filter((other) => other.key !== key), { key, name, options, tab: this.tabs.name }]);
    return (await files("readwrite", (store) => store.put(chosen, key))) !== null;
  }

  /** The server has the file; what is left to do is to start its job. */
  sent(key) {
    note(key, { sent: true });
    removeFile(key);
  }

  /** Nothing is left to do. */
  drop(key) {
    remember(LIST, noted().filter((other) => other.key !== key));
    removeFile(key);
  }
}
