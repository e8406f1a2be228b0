/** The mails of one list by their place: loaded in pages while they are shown, and stable while new mail arrives. */

import { api } from "./api.js";

/** @typedef {import("./api.js").Summary} Summary */
/** @typedef {{query: string, sort: string, order: string}} ListOptions */
/**
 * @typedef {object} Group
 * @property {string} Name
 * @property {string} Query
 * @property {number} Total
 * @property {number} Unread
 * @property {string} Latest
 */
/**
 * @typedef {object} Row A mail or the head of a group; empty while it is loaded.
 * @property {Summary} [mail]
 * @property {Group} [group] The group, or that of the mail.
 * @property {boolean} [isOpen]
 */
/** @typedef {ListWindow | import("./group_list.js").GroupList} MailList */

const PAGE_SIZE = 100;
/** Rows in memory; those far from what is shown are loaded again when they are needed. */
const MAX_LOADED_ROWS = 4000;
/** New mails that are put before the list without opening it again. */
const MAX_ADDED_ROWS = 1000;
export const MAX_IDS = 1000;

/** Dispatches `change` when rows or counts have changed. */
export class ListWindow extends EventTarget {
  count = 0;
  unread = 0;
  isEstimated = false;
  /** Mails that the list will have when it is opened again. */
  newer = 0;
  /** @type {(Summary | undefined)[]} */
  #rows = [];
  /** @type {Map<string, Summary>} */
  #byId = new Map();
  #cursor = "";
  /** How many rows at the top arrived after the position of the cursor. */
  #added = 0;
  /** Changes when the list is asked for, so an older answer is not used. */
  #generation = 0;
  /** The generation of the last request that opens the list. */
  #openGeneration = 0;
  /** Changes with the places below the added rows, so an answer with old places is not used. */
  #places = 0;
  /** @type {{added: Summary[], removed: Set<string>} | null} What happens while the list is asked for. */
  #meanwhile = null;
  /** @type {{from: number, to: number, abort: AbortController, done: Promise<void>} | null} */
  #request = null;
  #closed = new AbortController();

  /** @param {ListOptions} options */
  constructor(options) {
    super();
    this.options = options;
  }

  /** How many mails the list has. */
  get mails() {
    return this.count;
  }

  /** Whether new mails come first, and belong to the list without a search. */
  get isNewestFirst() {
    return !this.options.query && this.options.sort === "received" && this.options.order === "desc";
  }

  /** Whether all mails of the list are loaded. */
  get isComplete() {
    return this.#byId.size === this.count;
  }

  /**
   * Load the first page, with everything that has arrived.
   *
   * @returns {Promise<void>}
   */
  open() {
    this.#request?.abort.abort();
    const opened = this.#read(
      () => api.list({ ...this.options, limit: PAGE_SIZE }, this.#closed.signal),
      (page, { added, removed }) => {
        this.#cursor = page.cursors?.first ?? "";
        this.#added = 0;
        this.newer = 0;
        this.#byId.clear();
        this.#rows = [];
        this.#store(page, 0);
        const oldest = page.messages.at(-1)?.Created ?? ""; // an older one is below the first page
        return this.add(added.filter(({ ID, Created }) => !removed.has(ID) && Created >= oldest));
      },
    );
    this.#openGeneration = this.#generation;
    return opened;
  }

  /**
   * Load again what is shown: mails may be gone, or be back.
   *
   * @param {number} from
   */
  refresh(from) {
    if (this.#meanwhile && this.#openGeneration === this.#generation) return this.open(); // its answer would be dropped
    const start = Math.max(0, Math.min(from, this.count - PAGE_SIZE) - this.#added);
    const { signal } = this.#closed;
    return this.#read(
      () =>
        Promise.all([
          api.list({ ...this.options, cursor: this.#cursor, start, limit: PAGE_SIZE }, signal),
          api.list({ ...this.options, limit: 1 }, signal),
        ]),
      ([page, latest], { added: late }) => {
        const added = this.#rows.slice(0, this.#added);
        const newer = this.#countNewer(latest, page.messages_count + added.length);
        if (!page.messages.length || newer < -late.length) return this.open();
        this.newer = Math.max(0, newer);
        this.#rows = added;
        this.#byId = new Map(added.map((mail) => [mail?.ID ?? "", /** @type {Summary} */ (mail)]));
        this.#store(page, added.length + start);
      },
    );
  }

  /**
   * Ask for the list, and use the answer unless it was asked for again; what is removed meanwhile is also removed from it.
   *
   * @template Answer
   * @param {() => Promise<Answer>} ask
   * @param {(answer: Answer, meanwhile: {added: Summary[], removed: Set<string>}) => Promise<void> | void} use
   */
  async #read(ask, use) {
    const generation = ++this.#generation;
    const meanwhile = { added: [], removed: /** @type {Set<string>} */ (new Set()) };
    this.#meanwhile = meanwhile;
    try {
      const answer = await ask();
      if (generation !== this.#generation) return;
      this.#meanwhile = null;
      this.#places += 1;
      await use(answer, meanwhile);
      this.remove(meanwhile.removed);
    } finally {
      if (this.#meanwhile === meanwhile) this.#meanwhile = null;
    }
  }

  /** Count what has arrived since the list was opened. */
  async countNewer() {
    const generation = this.#generation;
    const latest = await api.list({ ...this.options, limit: 1 }, this.#closed.signal);
    if (generation !== this.#generation) return 0;
    this.newer = Math.max(0, this.#countNewer(latest, this.count));
    this.#changed();
    return latest.pending;
  }

  /**
   * Return what a place has; empty while it is not loaded.
   *
   * @param {number} index
   * @returns {Row}
   */
  rowAt(index) {
    return { mail: this.#rows[index] };
  }

  /** @param {string} id @param {...number} _preferred of groups, which have a mail more than once. */
  indexOf(id, ..._preferred) {
    return this.#byId.has(id) ? this.#rows.findIndex((mail) => mail?.ID === id) : -1;
  }

  /** @param {string} id */
  find(id) {
    return this.#byId.get(id);
  }

  /**
   * Load the rows of a range that are missing; an older request for another range is given up.
   *
   * @param {number} from
   * @param {number} to
   */
  async load(from, to) {
    let first = Math.max(0, from);
    let last = Math.min(to, this.count);
    while (first < last && this.#rows[first]) first += 1;
    while (last > first && this.#rows[last - 1]) last -= 1;
    if (first === last) return;
    if (this.#request && this.#request.from <= first && this.#request.to >= last) return this.#request.done;
    const margin = Math.max(0, PAGE_SIZE - (last - first)) >> 1;
    first = Math.max(this.#added, first - margin);
    last = Math.min(this.count, Math.max(last + margin, first + PAGE_SIZE), first + MAX_IDS);
    this.#request?.abort.abort();
    const abort = new AbortController();
    const request = { from: first, to: last, abort, done: this.#loadRange(first - this.#added, last - first, abort.signal) };
    this.#request = request;
    try {
      await request.done;
    } finally {
      if (this.#request === request) this.#request = null;
    }
  }

  /**
   * @param {number} start The place below the added rows.
   * @param {number} limit
   * @param {AbortSignal} signal
   */
  async #loadRange(start, limit, signal) {
    const places = this.#places;
    const page = await api.list({ ...this.options, cursor: this.#cursor, start, limit }, AbortSignal.any([signal, this.#closed.signal]));
    if (places === this.#places) this.#store(page, start + this.#added);
    else if (!signal.aborted) this.#changed(); // the view asks again, with the new places
  }

  /**
   * Return the IDs of a range, at most `MAX_IDS` of them; unlike `load`, it ends with all of them.
   *
   * @param {number} from
   * @param {number} to
   */
  async idsBetween(from, to) {
    const last = Math.min(to, this.count, from + MAX_IDS);
    const known = this.#rows.slice(from, last);
    if (!known.includes(undefined)) return known.flatMap((mail) => mail?.ID ?? []);
    const added = this.#rows.slice(from, Math.min(last, this.#added));
    const start = Math.max(0, from - this.#added);
    const query = { ...this.options, cursor: this.#cursor, start, limit: last - from - added.length };
    const { messages } = await api.list(query, this.#closed.signal);
    return [...added, ...messages].flatMap((mail) => mail?.ID ?? []);
  }

  allIds() {
    return this.idsBetween(0, this.count);
  }

  /**
   * Put new mails before the list, the latest first; those that it has already are ignored.
   *
   * @param {Summary[]} mails
   * @returns {Promise<void> | undefined} Ends when the list is open again, if it has to be.
   */
  add(mails) {
    this.#meanwhile?.added.unshift(...mails);
    const fresh = mails.filter(({ ID }) => !this.#byId.has(ID));
    if (!fresh.length) return;
    if (this.#added + fresh.length > MAX_ADDED_ROWS) return this.#meanwhile ? undefined : this.open();
    for (const mail of fresh) this.#byId.set(mail.ID, mail);
    this.#rows.unshift(...fresh);
    this.#added += fresh.length;
    this.count += fresh.length;
    this.unread += fresh.filter(({ Read }) => !Read).length;
    this.#changed();
  }

  /** @param {{ID: string, Read?: boolean, Tags?: string[]}} update */
  update({ ID: id, Read: read, Tags: tags }) {
    const mail = this.#byId.get(id);
    if (!mail) return;
    if (read !== undefined && read !== mail.Read) {
      mail.Read = read;
      this.unread += read ? -1 : 1;
    }
    if (tags) mail.Tags = tags;
    this.#changed();
  }

  /**
   * Remove mails, and return whether all of them were loaded; if not, the places of the others are unknown.
   *
   * @param {Set<string>} ids
   */
  remove(ids) {
    const known = [...ids].filter((id) => this.#byId.has(id));
    for (const id of ids) this.#meanwhile?.removed.add(id);
    if (known.length) {
      this.#places += 1;
      for (let index = this.#rows.length - 1; index >= 0; index--) {
        const mail = this.#rows[index];
        if (!mail || !ids.has(mail.ID)) continue;
        this.#rows.splice(index, 1);
        this.#byId.delete(mail.ID);
        this.count -= 1;
        if (!mail.Read) this.unread -= 1;
        if (index < this.#added) this.#added -= 1;
      }
      this.#changed();
    }
    return known.length === ids.size;
  }

  close() {
    this.#closed.abort();
  }

  /**
   * Return how many mails are new; of an estimate, only whether the first mail is another one is known.
   *
   * @param {import("./api.js").Page} latest The first mail of the list as it is now.
   * @param {number} count The mails of the list without new ones.
   */
  #countNewer(latest, count) {
    if (!latest.estimated) return latest.messages_count - count;
    const [first] = latest.messages;
    return first && this.options.sort === "received" && this.options.order === "desc" && !this.find(first.ID) ? 1 : 0;
  }

  /**
   * @param {import("./api.js").Page} page
   * @param {number} start
   */
  #store(page, start) {
    this.count = Math.max(page.messages_count + this.#added, start + page.messages.length);
    const added = this.#rows.slice(0, this.#added);
    this.unread = page.messages_unread + added.filter((mail) => mail && !mail.Read).length;
    this.isEstimated = page.estimated;
    if (page.messages.length === 0) this.count = Math.min(this.count, start); // fewer than estimated
    this.#rows.length = this.count;
    page.messages.forEach((mail, index) => {
      this.#rows[start + index] = mail;
      this.#byId.set(mail.ID, mail);
    });
    this.#forgetFarRows(start);
    this.#changed();
  }

  /** @param {number} center */
  #forgetFarRows(center) {
    if (this.#byId.size <= MAX_LOADED_ROWS) return;
    this.#byId.clear();
    for (let index = this.#added; index < this.#rows.length; index++) {
      if (Math.abs(index - center) > MAX_LOADED_ROWS / 4) delete this.#rows[index];
    }
    for (const mail of this.#rows) if (mail) this.#byId.set(mail.ID, mail);
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}
