// @ts-check
// How photographs come in: chosen, dropped, pasted; and what is done to new ones.

import { $, button, input } from "./dom.js";
import { dropped, photographsIn } from "./dropped.js";
import { announce, tell } from "./say.js";
import { recall, remember } from "./storage.js";
import { t } from "./words.js";

/**
 * @import { Entry, Options, Settings } from "./types.js"
 * @import { Library } from "./library.js"
 */

const PLAN = "unfade.plan";
const VEIL_MS = 1000; // while files are held over the page, browsers say so at least every 350 ms
const STEPS = /** @type {const} */ (["fill", "clean", "color"]);

/** @param {Event & { dataTransfer?: DataTransfer | null }} event */
const carriesFiles = (event) => [...(event.dataTransfer?.types || [])].includes("Files");

export class Incoming {
  /**
   * @param {Library} library
   * @param {Settings} settings
   * @param {(entry: Entry) => void} openLater called with a photograph that is to be opened once it is there
   */
  constructor(library, settings, openLater) {
    this.library = library;
    this.settings = settings;
    this.openLater = openLater;
    this.#wirePlan();
  }

  #wirePlan() {
    const { defaults, models } = this.settings;
    /** @type {Record<string, boolean>} */
    const plan = { fill: defaults.fill, clean: defaults.clean > 0, color: true, ...recall(PLAN, {}) };
    const has = { fill: models.fill, clean: models.clean, color: models.colorize };
    for (const step of STEPS) {
      const box = input(`plan-${step}`);
      box.checked = plan[step];
      box.disabled = !has[step];
      box.addEventListener("change", () => remember(PLAN, { ...recall(PLAN, {}), [step]: box.checked }));
    }
  }

  /** @returns {Options} of new photographs; color is for those that have none */
  get planned() {
    const { defaults } = this.settings;
    return {
      ...defaults,
      fill: input("plan-fill").checked,
      clean: input("plan-clean").checked ? defaults.clean || 1 : 0,
      colorize: input("plan-color").checked,
    };
  }

  /** @param {Iterable<File>} files */
  take(files) {
    const most = this.settings.max_upload_bytes;
    const pictures = [...files].filter(({ name, size }) => {
      if (size <= most) return true;
      tell(t("upload.large", { name, size: Math.round(size / 1e6), most: Math.round(most / 1e6) }), { wrong: true });
      return false;
    });
    if (!pictures.length) return;
    const added = this.library.add(pictures, this.planned);
    announce(added.length === 1 ? t("upload.began", { name: added[0].name }) : t("upload.began-many", { n: added.length }));
    if (location.hash.startsWith("#/p/")) location.hash = "#/";
    if (added.length === 1 && this.library.entries.length === 1) this.openLater(added[0]);
  }

  /** @param {ReturnType<typeof dropped>} drop */
  async #takeDrop({ files, folders }) {
    const found = [...files];
    for (const folder of folders) {
      try {
        const { photographs, others } = await photographsIn(folder);
        found.push(...photographs);
        if (!photographs.length) tell(t("folder.empty", { name: folder.name }), { wrong: true });
        else if (others) tell(t("folder.others", { n: others, name: folder.name }));
      } catch {
        tell(t("folder.unreadable", { name: folder.name }), { wrong: true });
      }
    }
    if (found.length) this.take(found);
  }

  /** From now on photographs are taken. */
  begin() {
    const chooser = input("chooser");
    for (const id of ["choose", "add-more"]) button(id).addEventListener("click", () => chooser.click());
    chooser.addEventListener("change", () => {
      this.take(chooser.files || []);
      chooser.value = "";
    });
    this.#wireDrops();
    addEventListener("paste", (event) => {
      const files = [...(event.clipboardData?.files || [])];
      if (!files.length) return;
      event.preventDefault();
      this.take(files);
    });
    addEventListener("beforeunload", (event) => {
      if (this.library.atRisk) event.preventDefault();
    });
  }

  #wireDrops() {
    const veil = $("veil");
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let lifting;
    const lift = () => {
      clearTimeout(lifting);
      veil.hidden = true;
    };
    for (const name of /** @type {const} */ (["dragenter", "dragover"])) {
      addEventListener(name, (event) => {
        if (!carriesFiles(event)) return;
        event.preventDefault();
        veil.hidden = false;
        clearTimeout(lifting);
        lifting = setTimeout(lift, VEIL_MS); // not every way to let go of a drag is told
      });
    }
    addEventListener("dragleave", (event) => event.relatedTarget || lift()); // none: out of the window
    addEventListener("drop", (event) => {
      lift();
      if (!event.dataTransfer || !carriesFiles(event)) return;
      event.preventDefault();
      this.#takeDrop(dropped(event.dataTransfer));
    });
  }
}
