/** The mails of one list under heads, such as one for each recipient; a group that is open has its mails below its head. */

import { api } from "./api.js";
import { ListWindow, MAX_IDS } from "./list_window.js";

/** @typedef {import("./list_window.js").Group} Group */
/** @typedef {import("./list_window.js").Row} Row */
/** @typedef {Group & {mails: ListWindow | null}} OpenGroup */

/** Has the interface of `ListWindow`, so the view does not care which of them it shows. Dispatches `change`. */
export class GroupList extends EventTarget {
  count = 0;
  mails = 0;
  unread = 0;
  isEstimated = false;
  newer = 0;
  isNewestFirst = false;
  /** @type {OpenGroup[]} */
  groups = [];
  #closed = new AbortController();
  #generation = 0;

  /**
   * @param {import("./list_window.js").ListOptions} options
   * @param {string} by "recipient", "tag" or "mailbox".
   */
  constructor(options, by) {
    super();
    this.options = options;
    this.by = by;
  }

  /** Whether nothing of the list is unknown. */
  get isComplete() {
    return this.mails === 0;
  }

  async open() {
    const generation = ++this.#generation;
    const { query } = this.options;
    const signal = this.#closed.signal;
    const [{ groups }, page] = await Promise.all([api.groups(this.by, query, signal), api.list({ query, limit: 1 }, signal)]);
    if (generation !== this.#generation) return;
    this.mails = page.messages_count;
    this.unread = page.messages_unread;
    this.isEstimated = page.estimated;
    const open = new Map(this.groups.map((group) => [group.Name, group]));
    this.groups = groups.map((/** @type {Group} */ group) => ({ ...group, mails: open.get(group.Name)?.mails ?? null }));
    for (const [name, { mails }] of open) if (mails && !this.groups.some(({ Name }) => Name === name)) mails.close();
    this.newer = 0;
    this.#changed();
    await Promise.all(this.groups.map(({ mails }) => mails?.open()));
  }

  refresh() {
    return this.open();
  }

  async countNewer() {
    const page = await api.list({ query: this.options.query, limit: 1 }, this.#closed.signal);
    this.newer = Math.max(0, page.messages_count - this.mails);
    this.#changed();
    return page.pending;
  }

  /**
   * Show the mails of a group, or hide them.
   *
   * @param {string} name
   */
  async toggle(name) {
    const group = this.groups.find(({ Name }) => Name === name);
    if (!group) return;
    if (group.mails) {
      group.mails.close();
      group.mails = null;
      return this.#changed();
    }
    if (!group.Query) throw new Error("This group cannot be opened: no search can find its name. Do not group the mails to see them.");
    const mails = new ListWindow({ ...this.options, query: `${this.options.query} ${group.Query}`.trim() });
    group.mails = mails;
    mails.addEventListener("change", () => group.mails === mails && this.#changed());
    await mails.open();
  }

  /** @param {number} index @returns {Row} */
  rowAt(index) {
    const { group, inside } = this.#locate(index);
    if (!group) return {};
    return inside < 0 ? { group, isOpen: group.mails !== null } : { group, ...group.mails?.rowAt(inside) };
  }

  /**
   * Return where a mail is; it can be in several groups.
   *
   * @param {string} id
   * @param {...number} preferred Places that are returned if they have the mail.
   */
  indexOf(id, ...preferred) {
    const place = preferred.find((index) => this.rowAt(index).mail?.ID === id);
    if (place !== undefined) return place;
    let offset = 1;
    for (const { mails } of this.groups) {
      const index = mails?.indexOf(id) ?? -1;
      if (index >= 0) return offset + index;
      offset += 1 + (mails?.count ?? 0);
    }
    return -1;
  }

  /** @param {string} name */
  indexOfGroup(name) {
    let index = 0;
    for (const { Name, mails } of this.groups) {
      if (Name === name) return index;
      index += 1 + (mails?.count ?? 0);
    }
    return -1;
  }

  /** @param {string} id */
  find(id) {
    for (const { mails } of this.groups) {
      const mail = mails?.find(id);
      if (mail) return mail;
    }
    return undefined;
  }

  /** @param {number} from @param {number} to */
  async load(from, to) {
    let offset = 1;
    const loads = this.groups.map(({ mails }) => {
      const start = offset;
      offset += 1 + (mails?.count ?? 0);
      return mails && start < to && start + mails.count > from ? mails.load(from - start, to - start) : null;
    });
    await Promise.all(loads);
  }

  /** @param {number} from @param {number} to */
  async idsBetween(from, to) {
    const last = Math.min(to, this.count, from + MAX_IDS);
    let offset = 1;
    const parts = this.groups.map(({ mails }) => {
      const start = offset;
      offset += 1 + (mails?.count ?? 0);
      return mails && start < last && start + mails.count > from ? mails.idsBetween(Math.max(0, from - start), last - start) : [];
    });
    return (await Promise.all(parts)).flat();
  }

  /** Return the IDs of all mails, also in closed groups and in none; at most `MAX_IDS`. */
  async allIds() {
    const { messages } = await api.list({ ...this.options, limit: MAX_IDS }, this.#closed.signal);
    return messages.map(({ ID }) => ID);
  }

  /** @returns {undefined} */
  add() {}

  /** @param {{ID: string, Read?: boolean, Tags?: string[]}} update */
  update(update) {
    const step = update.Read ? -1 : 1;
    let isCounted = false;
    for (const group of this.groups) {
      const before = group.mails?.find(update.ID)?.Read;
      group.mails?.update(update);
      if (before === undefined || update.Read === undefined || before === update.Read) continue;
      group.Unread += step;
      if (!isCounted) this.unread += step;
      isCounted = true;
    }
    this.#changed();
  }

  /** @param {Set<string>} ids */
  remove(ids) {
    for (const { mails } of this.groups) mails?.remove(ids);
    return false; // the counts of closed groups are unknown
  }

  close() {
    this.#closed.abort();
    for (const { mails } of this.groups) mails?.close();
  }

  /** @param {number} index */
  #locate(index) {
    let inside = index - 1;
    for (const group of this.groups) {
      const size = group.mails?.count ?? 0;
      if (inside < size) return { group, inside };
      inside -= size + 1;
    }
    return { group: undefined, inside };
  }

  #changed() {
    this.count = this.groups.reduce((sum, { mails }) => sum + 1 + (mails?.count ?? 0), 0);
    this.dispatchEvent(new Event("change"));
  }
}
