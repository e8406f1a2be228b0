/** What all parts of the page share: the configuration, the counts, and the live events of the server. */

import { api } from "./api.js";

/** @typedef {import("./api.js").Summary} Summary */
/** @typedef {import("./api.js").Configuration} Configuration */
/** @typedef {"connecting" | "live" | "offline"} Connection */

/**
 * Events that `state` dispatches:
 *
 * - `configuration`: `configuration` is known or has changed.
 * - `totals`: `total` or `unread` has changed.
 * - `connection`: `connection` has changed; `resync` follows when it is live again.
 * - `new` (detail: `Summary`), `update` (detail: `{ID, Read?, Tags?}`), `delete` (detail: `{ID}`): one mail.
 * - `resync`: mails may have changed in other ways; read them again.
 * - `rules`: `rules` has changed.
 */
class State extends EventTarget {
  /** @type {Configuration | null} */
  configuration = null;
  /** @type {(value?: undefined) => void} */
  #endFirstLoad = () => {};
  /**
   * Settles when the server has answered the first request for the configuration, or has not answered it.
   *
   * @type {Promise<undefined>}
   */
  firstLoad = new Promise((resolve) => (this.#endFirstLoad = resolve));
  total = 0;
  unread = 0;
  /** @type {Connection} */
  connection = "connecting";
  /** Rules of the server: how many are active, and how often all of them acted. */
  rules = { active: 0, calls: 0 };

  /** The token of a mailbox sees neither rules nor sessions. */
  get hasFullAccess() {
    return this.configuration !== null && !this.configuration.Mailbox;
  }

  /**
   * Return the command that installs an extra of the server; "" if it is installed. The configuration of a page that has
   * just been opened is awaited.
   *
   * @param {string} name such as "thumbnails"
   */
  async findMissingExtra(name) {
    await this.firstLoad;
    const extra = this.configuration?.Extras.find(({ Name }) => Name === name);
    return extra && !extra.Installed ? extra.InstallCommand : "";
  }

  async loadConfiguration() {
    try {
      const configuration = await api.configuration();
      if (JSON.stringify(configuration) !== JSON.stringify(this.configuration)) {
        this.configuration = configuration;
        this.emit("configuration");
      }
    } finally {
      this.#endFirstLoad();
    }
    if (this.hasFullAccess) await this.loadRules();
  }

  async loadRules() {
    /** @type {{Enabled: boolean, Exhausted: boolean, Count: number}[]} */
    const rules = await api.rules();
    this.setRules(rules.filter((rule) => rule.Enabled && !rule.Exhausted).length, rules.reduce((sum, rule) => sum + rule.Count, 0));
  }

  /** @param {number} active @param {number} calls */
  setRules(active, calls) {
    this.rules = { active, calls };
    this.emit("rules");
  }

  /** @param {number} total @param {number} unread */
  setTotals(total, unread) {
    if (total === this.total && unread === this.unread) return;
    this.total = total;
    this.unread = unread;
    this.emit("totals");
  }

  /** @param {Connection} connection */
  setConnection(connection) {
    if (connection === this.connection) return;
    this.connection = connection;
    this.emit("connection");
  }

  /** @param {string} type @param {unknown} [detail] */
  emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

export const state = new State();
