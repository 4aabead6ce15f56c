// @ts-check
// What is dropped on the page: files, and folders, which are opened with all that lies in them.

const ENDINGS = /\.(jpe?g|png|tiff?|webp|heic|heif|avif|bmp|gif)$/i; // not every system knows the types of all of these
const byName = new Intl.Collator(undefined, { numeric: true });

/** @param {File} file */
const isPhotograph = ({ name, type }) => !name.startsWith(".") && (ENDINGS.test(name) || (type.startsWith("image/") && type !== "image/svg+xml"));

/**
 * Whether an entry is a folder. Not by its class, which Chromium knows by another name.
 * @param {FileSystemEntry | null | undefined} entry
 * @returns {entry is FileSystemDirectoryEntry}
 */
const isFolder = (entry) => entry?.isDirectory === true;

/**
 * What a drop brought: `files` that were dropped themselves, and `folders`. To be called while the event is handled: afterwards the browser has
 * forgotten them.
 * @param {DataTransfer} transfer
 */
export function dropped(transfer) {
  const entries = [...transfer.items].filter(({ kind }) => kind === "file").map((item) => item.webkitGetAsEntry?.());
  const folders = entries.filter(isFolder);
  if (!folders.length) return { files: [...transfer.files], folders };
  // A folder comes as a file, too, in the same place.
  return { files: [...transfer.files].filter((_, at) => !entries[at]?.isDirectory), folders };
}

/**
 * The photographs in a folder and in those that lie in it, in the order of their names, and how many other files there are.
 * @param {FileSystemDirectoryEntry} folder
 * @returns {Promise<{ photographs: File[], others: number }>}
 */
export async function photographsIn(folder) {
  /** @type {File[]} */
  const photographs = [];
  let others = 0;
  for (const entry of (await entriesOf(folder)).sort((a, b) => byName.compare(a.name, b.name))) {
    if (isFolder(entry)) {
      const inner = await photographsIn(entry);
      photographs.push(...inner.photographs);
      others += inner.others;
      continue;
    }
    /** @type {File} */
    const file = await new Promise((resolve, reject) => /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject));
    if (isPhotograph(file)) photographs.push(file);
    else if (!file.name.startsWith(".")) others += 1; // what a system keeps there for itself is not missed
  }
  return { photographs, others };
}

/**
 * Browsers give a folder a hundred at a time; none means that was all.
 * @param {FileSystemDirectoryEntry} folder
 */
async function entriesOf(folder) {
  const reader = folder.createReader();
  /** @type {FileSystemEntry[]} */
  const all = [];
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return all;
    all.push(...some);
  }
}
