/** What the user has chosen, kept in this browser (localStorage). */

const KEY = "smtptest.settings";

/**
 * @typedef {object} Settings
 * @property {"auto" | "light" | "dark"} theme
 * @property {"comfortable" | "compact"} density
 * @property {"local" | "UTC"} timeZone
 * @property {string} tab The tab that a mail opens with.
 * @property {boolean} notifications Show a desktop notification for new mail.
 * @property {boolean} followNewest Open the newest mail as soon as it arrives.
 * @property {string} group "none", "recipient", "mailbox" or "tag".
 * @property {string} sort "received", "size", "from", "to" or "subject".
 * @property {string} order "desc" or "asc".
 * @property {{name: string, query: string}[]} searches The saved searches.
 */

/** @type {Settings} */
const DEFAULTS = {
  theme: "auto",
  density: "comfortable",
  timeZone: "local",
  tab: "preview",
  notifications: false,
  followNewest: false,
  group: "none",
  sort: "received",
  order: "desc",
  searches: [],
};

/** Dispatches `change` after each `set`, in all windows of this browser. */
export const settings = new (class extends EventTarget {
  /** @type {Settings} */
  values = load();

  constructor() {
    super();
    window.addEventListener("storage", (event) => event.key === KEY && this.#update(load()));
  }

  /** @param {Partial<Settings>} changes */
  set(changes) {
    const values = { ...this.values, ...changes };
    try {
      localStorage.setItem(KEY, JSON.stringify(values));
    } catch {
      // Storage is full or switched off: the settings last as long as the page.
    }
    this.#update(values);
  }

  /** @param {Settings} values */
  #update(values) {
    this.values = values;
    this.dispatchEvent(new Event("change"));
  }
})();

/** @returns {Settings} */
function load() {
  try {
    const stored = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    const known = Object.entries(stored).filter(([key, value]) => typeof value === typeof DEFAULTS[/** @type {keyof Settings} */ (key)]);
    return { ...DEFAULTS, ...Object.fromEntries(known) };
  } catch {
    return DEFAULTS; // storage is switched off, or not ours
  }
}
