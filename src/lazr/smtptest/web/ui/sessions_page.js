/** The page of all sessions, also those that brought no mail; and of one of them. */

import { addActions } from "./actions.js";
import { ApiError, api } from "./api.js";
import { Component } from "./component.js";
import { button, custom, fill, h, icon } from "./dom.js";
import { checkbox, field } from "./form.js";
import { countOf, formatAge, formatCount, formatTime } from "./format.js";
import { buildWithFullAccess } from "./page_access.js";
import { paths, router } from "./router.js";
import { describeEnd, followSession, hasEndedWell } from "./session_view.js";
import { reportErrors } from "./toast.js";
import { formatSeconds } from "./transcript_view.js";

/** @typedef {import("./session_view.js").Session} Session */
/** @typedef {{start: number, total: number, counts: Record<string, number>, sessions: Session[]}} Answer */

const REFRESH_MILLISECONDS = 2000;
const PAGE_SIZE = 50;
/** How many of the latest mails of a session are tried, of which some may be deleted. */
const MAX_TRIED_MAILS = 3;

/** @type {[string, string, string][]} The class, the heading, and whether it is there on narrow screens. */
const COLUMNS = [
  ["number", "Session", ""],
  ["started", "Started", ""],
  ["peer", "Client", ""],
  ["tls", "TLS", "wide-only"],
  ["user", "Login", "wide-only"],
  ["mail-count", "Mails", ""],
  ["refusals", "Refusals", ""],
  ["ended", "Ended", "wide-only"],
];

/** @type {[string, string, string][]} The key of each count, and its text for one and for more. */
const COUNTS = [
  ["connections", "session", "sessions"],
  ["live", "open", "open"],
  ["mails", "mail", "mails"],
  ["refusals", "refusal", "refusals"],
  ["TLS", "with TLS", "with TLS"],
  ["AUTH", "with login", "with login"],
];

class SessionsPage extends Component {
  mount() {
    buildWithFullAccess(this, "The sessions of the server", () => {
      let shown = "";
      const show = () => {
        const { page, id } = router.route;
        if (page !== "sessions" || (shown === id && this.firstChild)) return;
        shown = id;
        fill(this, id ? custom("session-page", { number: id }) : custom("session-list"));
      };
      this.listen(router, "change", show);
      show();
    });
  }
}

customElements.define("sessions-page", SessionsPage);

class SessionList extends Component {
  #start = 0;
  #filter = readFilter();
  #counts = h("p", { class: "tiles" });
  #rows = h("tbody");
  #newer = button("Newer", () => this.#turn(this.#start - PAGE_SIZE));
  #older = button("Older", () => this.#turn(this.#start + PAGE_SIZE));
  #range = h("span", { class: "muted" });
  #pager = h("nav", { class: "row", "aria-label": "Pages of the list" }, this.#newer, this.#range, this.#older);
  #status = h("p", { role: "status", class: "muted" });
  /** @type {AbortController | null} The request that is under way. */
  #load = null;
  /** @type {Map<string, {row: HTMLTableRowElement, data: string}>} */
  #known = new Map();

  mount() {
    const heads = COLUMNS.map(([name, text, width]) => h("th", { scope: "col", class: `${name} ${width}` }, text));
    const table = h("table", { class: "sessions" }, h("caption", { class: "visually-hidden" }, "Sessions, the latest first"), h("thead", {}, h("tr", {}, ...heads)), this.#rows);
    fill(this, h("div", { class: "page" }, h("h1", {}, "Sessions"), this.#counts, this.#buildFilter(), this.#status, table, this.#pager));
    this.listen(router, "change", () => this.#followAddress());
    this.every(REFRESH_MILLISECONDS, () => (this.#load ? undefined : this.#refresh()));
    const step = (/** @type {number} */ by) => () => this.#moveFocus(by);
    addActions(this.signal, [
      { label: "Next session", keys: ["j"], group: "Sessions", run: step(1) },
      { label: "Previous session", keys: ["k"], group: "Sessions", run: step(-1) },
    ]);
  }

  #buildFilter() {
    const { refused, without_mail } = this.#filter;
    const peer = h("input", { type: "search", placeholder: "127.0.0.1", value: this.#filter.peer, oninput: () => this.#setFilter({ peer: peer.value.trim() }) });
    return h(
      "form",
      { class: "row filter", role: "search", "aria-label": "Sessions", onsubmit: (/** @type {Event} */ event) => event.preventDefault() },
      field("Client address", peer),
      checkbox("With refusals", refused, (isChecked) => this.#setFilter({ refused: isChecked })),
      checkbox("Without a mail", without_mail, (isChecked) => this.#setFilter({ without_mail: isChecked })),
    );
  }

  /** @param {Partial<ReturnType<typeof readFilter>>} change */
  #setFilter(change) {
    this.#filter = { ...this.#filter, ...change };
    this.#start = 0;
    router.go(paths.sessions("", buildQuery(this.#filter)), { replace: true });
    return this.#refresh();
  }

  /** Show the filter of the address, such as that of a link. */
  #followAddress() {
    const filter = readFilter();
    if (router.route.page !== "sessions" || router.route.id || JSON.stringify(filter) === JSON.stringify(this.#filter)) return;
    this.#filter = filter;
    this.#start = 0;
    this.querySelector("form")?.replaceWith(this.#buildFilter());
    this.#refresh();
  }

  async #refresh() {
    this.#load?.abort(); // an older answer must not replace a newer one
    const load = (this.#load = new AbortController());
    const query = { start: this.#start, limit: PAGE_SIZE, ...buildQuery(this.#filter) };
    const signal = AbortSignal.any([load.signal, this.signal]);
    await reportErrors(async () => this.#show(await api.sessions(query, signal)), { isRepeated: true });
    if (this.#load === load) this.#load = null;
  }

  /** @param {Answer} answer */
  #show({ start, total, counts, sessions }) {
    if (start && !sessions.length) return void this.#turn(0);
    fill(this.#counts, ...COUNTS.map(([key, one, more]) => h("span", { class: "tile" }, h("strong", {}, formatCount(counts[key] ?? 0)), ` ${counts[key] === 1 ? one : more}`)));
    const isFiltered = Object.values(this.#filter).some(Boolean);
    const text = isFiltered ? `${countOf(total, "session")} ${total === 1 ? "matches" : "match"}.` : total ? "" : "No client has connected yet. Sessions appear here by themselves.";
    if (this.#status.textContent !== text) this.#status.textContent = text;
    this.#showRows(sessions);
    this.#pager.hidden = total <= PAGE_SIZE;
    this.#newer.disabled = start === 0;
    this.#older.disabled = start + PAGE_SIZE >= total;
    this.#range.textContent = `${start + 1}–${start + sessions.length} of ${formatCount(total)} that the server remembers`;
  }

  /** Update the rows in place, so that focus and selected text stay. @param {Session[]} sessions */
  #showRows(sessions) {
    const known = this.#known;
    this.#known = new Map();
    /** @type {ChildNode | null} */
    let place = this.#rows.firstChild;
    for (const session of sessions) {
      const key = `${session.ID} ${session.Started}`;
      const data = JSON.stringify([session, formatAge(session.Started)]);
      const row = known.get(key)?.row ?? buildRow(session);
      if (known.get(key)?.data !== data) fillRow(row, session);
      this.#known.set(key, { row, data });
      known.delete(key);
      if (row === place) place = row.nextSibling;
      else this.#rows.insertBefore(row, place);
    }
    for (const { row } of known.values()) row.remove();
  }

  /** @param {number} start */
  async #turn(start) {
    this.#start = Math.max(0, start);
    await this.#refresh();
    this.#rows.querySelector("a")?.focus();
  }

  /** @param {number} by */
  #moveFocus(by) {
    const links = [...this.#rows.querySelectorAll("a")];
    const current = links.indexOf(/** @type {HTMLAnchorElement} */ (document.activeElement));
    links[Math.min(Math.max(current + by, 0), links.length - 1)]?.focus();
  }
}

customElements.define("session-list", SessionList);

/** Return the filter that the address has. */
function readFilter() {
  const query = new URLSearchParams(location.search);
  return { peer: query.get("peer") ?? "", refused: query.get("refused") === "true", without_mail: query.get("without_mail") === "true" };
}

/** @param {ReturnType<typeof readFilter>} filter */
function buildQuery({ peer, refused, without_mail }) {
  return { peer, refused: refused ? "true" : "", without_mail: without_mail ? "true" : "" };
}

/** @param {string} time */
const describeAge = (time) => formatAge(time).replace(/(min|h|d)$/, "$1 ago");

/** @param {Session} session */
function buildRow({ ID: number }) {
  const open = (/** @type {MouseEvent} */ event) => {
    const isText = getSelection()?.isCollapsed === false;
    if (!isText && !(event.target instanceof Element && event.target.closest("a"))) router.go(paths.sessions(number));
  };
  const row = h("tr", { onclick: open });
  for (const [name, , width] of COLUMNS) row.append(h("td", { class: `${name} ${width}` }));
  row.cells[0].append(h("a", { href: paths.sessions(number) }, `${number}`));
  return row;
}

/** @param {HTMLTableRowElement} row @param {Session} session */
function fillRow(row, session) {
  const { Helo, LastRefusal, Peer, Protocol, Refusals, Seconds, Started, TLS: tls, TLSFailure, User } = session;
  const [, started, peer, security, user, mails, refusals, ended] = row.cells;
  fill(started, h("time", { datetime: Started, title: formatTime(Started) }, describeAge(Started)), h("small", { class: "muted" }, `${formatSeconds(Seconds)} s`));
  fill(peer, h("span", { class: "mono" }, Peer), h("small", { class: "muted" }, Protocol === "smtp" ? Helo : [Protocol.toUpperCase(), Helo].filter(Boolean).join(", ")));
  fill(security, TLSFailure ? h("span", { class: "bad" }, "failed") : (tls?.Version ?? h("span", { class: "muted" }, "–")));
  fill(user, User || h("span", { class: "muted" }, "–"));
  fill(mails, `${session.Mails}`);
  fill(refusals, Refusals ? h("strong", { class: "bad" }, `${Refusals}`) : "0", LastRefusal && h("small", { class: "bad mono" }, LastRefusal));
  fill(ended, h("span", { class: session.Ended ? (hasEndedWell(session) ? "" : "warning") : "good" }, describeEnd(session)));
}

/** `<session-page number="7">` */
class SessionPage extends Component {
  mount() {
    const number = this.getAttribute("number") ?? "";
    const view = custom("session-view");
    const heading = h("h1", {}, `Session ${number}`);
    const back = h("a", { href: paths.sessions(), class: "button" }, icon("back"), "Sessions");
    const failure = h("p", { role: "status" });
    fill(this, h("div", { class: "page" }, h("div", { class: "row" }, back, heading), failure, view));
    addActions(this.signal, [{ label: "Back to the sessions", keys: ["u", "Escape"], group: "Sessions", run: () => router.go(paths.sessions()) }]);
    /** @type {import("./session_view.js").Mail[]} */
    let mails = [];
    let known = "";
    followSession(this, async () => {
      try {
        const session = await api.session(number, "", this.signal);
        const lines = await api.session(number, "/transcript", this.signal);
        if (known !== (known = session.Messages.join())) mails = await loadMails(session, this.signal);
        view.update(session, lines, { messages: mails });
        return session;
      } catch (error) {
        if (!(error instanceof ApiError) || error.status === 0) throw error;
        failure.textContent = `The session cannot be shown: ${error.message}.`;
        return null;
      }
    });
  }
}

customElements.define("session-page", SessionPage);

/** Return the mails of a session with their subjects, which only the session of a mail has. @param {Session} session @param {AbortSignal} signal */
async function loadMails({ Messages: ids }, signal) {
  for (const id of ids.slice(-MAX_TRIED_MAILS).reverse()) {
    try {
      return (await api.detail(id, "session", signal)).Messages;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error; // the mail was deleted in the meantime
    }
  }
  return ids.slice(0, -MAX_TRIED_MAILS).map((id) => ({ ID: id, Subject: "" }));
}
