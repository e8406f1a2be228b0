/** The list of mails: it follows the address bar, the settings and the events of the server. */

import { addActions } from "./actions.js";
import { api } from "./api.js";
import { Component } from "./component.js";
import { button, custom, fill, h } from "./dom.js";
import { countOf, formatCount } from "./format.js";
import { GroupList } from "./group_list.js";
import { buildCells, describeRow, keyOf } from "./list_row.js";
import { buildToolbar } from "./list_toolbar.js";
import { ListWindow, MAX_IDS } from "./list_window.js";
import { downloadMails, editTags, markRead, releaseMails, removeMails } from "./mail_actions.js";
import { openMail, openNeighbor, setListOrder } from "./open_mail.js";
import { paths, router } from "./router.js";
import { selection } from "./selection.js";
import { settings } from "./settings.js";
import { state } from "./state.js";
import { reportErrors, showToast } from "./toast.js";
import { canUndo, undo } from "./undo.js";
import { VirtualRows } from "./virtual_rows.js";

/** @typedef {import("./api.js").Summary} Summary */
/** @typedef {import("./list_window.js").MailList} MailList */

/** Pauses between two requests for the same reason. */
const LOAD_MILLISECONDS = 40;
const CHECK_MILLISECONDS = 100;
const REFRESH_MILLISECONDS = 200;
const PENDING_MILLISECONDS = 500;
const REPEAT_MILLISECONDS = 2000;
const AGE_MILLISECONDS = 30_000;
/** New mails that wait for the next frame; of more, only the number is kept. */
const MAX_ARRIVALS = 500;

class MessageList extends Component {
  /** @type {MailList} */
  #list = new ListWindow({ query: "", sort: "received", order: "desc" });
  #listKey = "";
  #isLoaded = false;
  /** The row of the roving tabindex: what it is, and where. */
  #focus = { key: "", index: 0 };
  /** The ID of the mail where a range of the selection starts. */
  #anchor = "";
  /** @type {Summary[]} */
  #arrivals = [];
  /** @type {Set<string>} */
  #removals = new Set();
  #frame = 0;
  #isDirty = false;
  /** @type {Map<string, ReturnType<typeof setTimeout>>} */
  #timers = new Map();
  #openedId = "";
  #noticeReason = "";
  /** How often mails have come, gone or changed; an answer that was asked for before the last time may be outdated. */
  #heard = 0;
  #isRefreshing = false;
  /** New mails that the list may have, by their IDs. @type {Set<string>} */
  #unchecked = new Set();
  /** The place that the last neighbor was found at. */
  #neighborIndex = -1;
  /** The open mail if the list has not shown yet where it is. */
  #unrevealedId = "";
  #hadMails = false;
  #hasFailed = false;
  toolbar = buildToolbar();
  pill = button("", () => this.#showNewer(), { text: true, class: "pill primary", hidden: true });
  grid = h("div", { role: "grid", class: "mails", "aria-label": "Mails", "aria-multiselectable": "true" });
  notice = h("div", { class: "notice", hidden: true });
  rows = new VirtualRows(this.grid, {
    count: () => this.#list.count,
    keyAt: (index) => keyOf(this.#list.rowAt(index), index),
    describe: (index) => describeRow(this.#list.rowAt(index)),
    build: (index, element) => fill(element, ...buildCells(this.#list.rowAt(index), this.#list.options.query)),
    decorate: (index, element) => this.#decorate(index, element),
  });

  mount() {
    fill(this, h("h1", { class: "visually-hidden" }, "Mails"), this.toolbar, h("div", { class: "list-body" }, this.pill, this.grid, this.notice));
    setListOrder(this.signal, { findNeighbor: (id, step) => this.#findNeighbor(id, step), findListed: (id) => this.#list.find(id) });
    this.#listenToUser();
    this.#listenToServer();
    addActions(this.signal, this.#listActions());
    this.signal.addEventListener("abort", () => (this.#list.close(), selection.clear()));
    this.#follow();
  }

  #listenToUser() {
    const follow = () => this.#follow();
    this.listen(router, "change", follow);
    this.listen(settings, "change", () => (this.rows.invalidate(), this.#measure(), follow()));
    this.listen(selection, "change", () => this.#schedule());
    this.listen(this.toolbar, "select-all", () => this.#selectAll());
    this.listen(this.grid, "scroll", () => this.#schedule(true));
    this.listen(this.grid, "click", (event) => this.#click(event));
    this.listen(this.grid, "mousedown", (event) => event.shiftKey && event.preventDefault()); // a range is no text selection
    this.listen(this.grid, "keydown", (event) => this.#keydown(event));
    this.listen(this.grid, "focusin", (event) => {
      const index = this.rows.indexOf(event.target);
      if (index >= 0) this.#setFocus(index, false);
    });
    const observer = new ResizeObserver(() => this.#measure());
    observer.observe(this.grid);
    this.signal.addEventListener("abort", () => observer.disconnect());
    this.every(AGE_MILLISECONDS, () => this.#schedule());
  }

  #listenToServer() {
    const refresh = () => this.#later("refresh", REFRESH_MILLISECONDS, () => this.#refresh());
    this.listen(state, "new", ({ detail }) => {
      this.#heard += 1;
      if (this.#arrivals.length < MAX_ARRIVALS) this.#arrivals.push(detail);
      this.#later("arrivals", 0, () => this.#takeArrivals());
    });
    this.listen(state, "update", ({ detail }) => {
      this.#list.update(detail);
      if (this.#list instanceof GroupList) refresh(); // other groups, or other counts
    });
    this.listen(state, "delete", ({ detail }) => {
      this.#heard += 1;
      this.#removals.add(detail.ID);
      this.#later("removals", 0, () => this.#takeRemovals());
    });
    this.listen(state, "resync", () => ((this.#heard += 1), refresh()));
    this.listen(state, "connection", () => {
      if (state.connection !== "live") return;
      this.#heard += 1; // a mail between the first answer and the first connection has no event
      if (this.#hasFailed) this.#retry();
      else refresh();
    });
  }

  /** Show the list that the address bar and the settings ask for. */
  #follow() {
    const { query, id } = router.route;
    const { group, sort, order } = settings.values;
    const key = JSON.stringify([query, group, sort, order]);
    if (id && id !== this.#openedId) this.#revealOpened(id);
    this.#openedId = id;
    if (key === this.#listKey) return this.#schedule();
    this.#listKey = key;
    this.#open(group === "none" ? new ListWindow({ query, sort, order }) : new GroupList({ query, sort, order }, group));
  }

  /**
   * Show another list as soon as its first page is there.
   *
   * @param {MailList} list
   */
  async #open(list) {
    const key = this.#listKey;
    const heard = this.#heard;
    this.grid.setAttribute("aria-busy", "true");
    selection.clear();
    try {
      await list.open();
    } catch (error) {
      if (key === this.#listKey) this.#showError(error);
      return list.close();
    }
    if (key !== this.#listKey) return list.close();
    this.#list.close();
    this.#list = list;
    list.addEventListener("change", () => list === this.#list && this.#schedule());
    this.#isLoaded = true;
    this.#hasFailed = false;
    this.#arrivals = [];
    this.#focus = { key: "", index: 0 };
    this.rows.scrollToTop();
    this.rows.invalidate();
    this.grid.setAttribute("aria-busy", "false");
    this.#schedule();
    if (router.route.id) this.#revealOpened(router.route.id);
    if (heard !== this.#heard) this.#later("refresh", 0, () => this.#refresh());
  }

  /** @param {unknown} error */
  #showError(error) {
    this.grid.setAttribute("aria-busy", "false");
    this.#noticeReason = "error";
    this.#hasFailed = true;
    this.#list.close(); // nothing can be done with mails that are not shown
    this.#list = new ListWindow({ query: "", sort: "received", order: "desc" });
    this.#isLoaded = false;
    this.#focus = { key: "", index: 0 };
    this.grid.hidden = true;
    this.notice.hidden = false;
    this.toolbar.show({ mails: 0, unread: 0, isEstimated: false, hasFailed: true });
    fill(
      this.notice,
      h("p", { role: "alert" }, error instanceof Error ? error.message : String(error)),
      h("div", { class: "row" }, button("Try again", () => this.#retry()), router.route.query && h("a", { class: "button", href: paths.inbox() }, "Clear the search")),
    );
  }

  #retry() {
    this.#listKey = "";
    this.#follow();
  }

  /**
   * Render at the next frame.
   *
   * @param {boolean} [onlyScrolled] Nothing but the place of the list has changed.
   */
  #schedule(onlyScrolled = false) {
    this.#isDirty ||= !onlyScrolled;
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      if (this.isConnected) this.#render();
    });
  }

  #render() {
    if (this.#isDirty) this.#renderChanges();
    else this.rows.render(this.#focus.index, true);
    const { first, last } = this.rows.range;
    for (let index = first; index < last; index++) {
      const row = this.#list.rowAt(index);
      if (row.mail || row.isOpen !== undefined) continue;
      this.#later("load", LOAD_MILLISECONDS, () => this.#load());
      break;
    }
  }

  #renderChanges() {
    this.#isDirty = false;
    const { rows, grid, pill, toolbar } = this;
    const list = this.#list;
    this.#restoreFocus();
    const isEmpty = this.#isLoaded && list.count === 0;
    this.#hadMails ||= list.mails > 0;
    const reason = list.mails ? `ungrouped ${list.mails}` : `empty ${list.options.query}`;
    if (!this.#hasFailed) this.#showNotice(isEmpty ? reason : "");
    grid.setAttribute("role", list instanceof GroupList ? "treegrid" : "grid");
    grid.setAttribute("aria-rowcount", `${list.count}`);
    const hadFocus = grid.contains(document.activeElement);
    rows.render(this.#focus.index);
    if (hadFocus && !grid.contains(document.activeElement)) rows.elementAt(this.#focus.index)?.focus({ preventScroll: true });
    pill.hidden = !list.newer;
    const text = `${formatCount(list.newer)} new`;
    if (pill.textContent !== text) fill(pill, text);
    if (this.#isLoaded) toolbar.show({ mails: list.mails, unread: list.unread, isEstimated: list.isEstimated });
  }

  /**
   * Show a text in the place of the list, or the list.
   *
   * @param {string} reason What the text is about; it stays as it is while the reason is the same.
   */
  #showNotice(reason) {
    if (reason === this.#noticeReason) return;
    this.#noticeReason = reason;
    const { grid, notice } = this;
    const { query } = this.#list.options;
    grid.hidden = reason !== "";
    notice.hidden = reason === "";
    if (!reason) return notice.replaceChildren();
    if (this.#list.mails) {
      const ungroup = button("Do not group", () => settings.set({ group: "none" }));
      const text = `The list has ${countOf(this.#list.mails, "mail")} without a group.`;
      return fill(notice, [h("h2", {}, "No mail is in a group"), h("p", {}, text), h("div", { class: "row" }, ungroup)]);
    }
    if (!query) {
      reportErrors(() => import("./empty_state.js"));
      return fill(notice, custom("empty-state", { emptied: this.#hadMails }));
    }
    const clear = h("a", { class: "button", href: paths.inbox() }, "Clear the search");
    const nothing = [h("h2", {}, "No mail matches this search"), h("p", {}, h("code", {}, query)), h("div", { class: "row" }, clear)];
    fill(notice, nothing);
  }

  #load() {
    const { first, last } = this.rows.range;
    return reportErrors(() => this.#list.load(first, last));
  }

  /** @returns {Promise<void>} */
  async #refresh() {
    const list = this.#list;
    if (!this.#isLoaded) return;
    if (this.#isRefreshing) return this.#later("refresh", REFRESH_MILLISECONDS, () => this.#refresh());
    const heard = this.#heard;
    this.#isRefreshing = true;
    await reportErrors(() => (this.#canShowNewer() ? list.open() : list.refresh(this.rows.range.first)));
    this.#isRefreshing = false;
    if (heard !== this.#heard) this.#later("refresh again", REPEAT_MILLISECONDS, () => this.#refresh());
    if (list !== this.#list) return;
    if (list.isComplete && selection.size) selection.set([...selection.ids].filter((id) => !list.find(id)), false);
    if (this.#unrevealedId && this.#unrevealedId === router.route.id) this.#revealOpened(router.route.id);
    this.#unrevealedId = "";
  }

  /** Whether new mail may appear by itself: nothing that is being read moves. */
  #canShowNewer() {
    return this.rows.isAtTop && !router.route.id && !selection.size;
  }

  #takeArrivals() {
    const mails = this.#arrivals.splice(0).reverse();
    if (!this.#isLoaded || !mails.length) return;
    const list = this.#list;
    const followed = settings.values.followNewest;
    if (!(list instanceof ListWindow && list.isNewestFirst)) {
      if (followed && !list.options.query) this.#openNewest(mails[0].ID);
      else if (followed) for (const { ID } of mails) this.#unchecked.add(ID);
      return this.#later("check", CHECK_MILLISECONDS, () => this.#check());
    }
    if (mails.length === MAX_ARRIVALS) return this.#later("refresh", REFRESH_MILLISECONDS, () => this.#refresh());
    if (followed || this.#canShowNewer()) reportErrors(async () => list.add(mails));
    else list.newer += mails.filter(({ ID }) => !list.find(ID)).length;
    if (followed) this.#openNewest(mails[0].ID);
    this.#schedule();
  }

  /** Ask whether new mails belong to a list that the page cannot decide about, such as a search. */
  async #check() {
    const list = this.#list;
    const followed = settings.values.followNewest;
    const { query } = list.options;
    const pending = await reportErrors(async () => {
      const waiting = await list.countNewer();
      if (list.newer && (followed || this.#canShowNewer())) await list.open();
      if (followed && this.#unchecked.size) {
        const [newest] = (await api.list({ query, limit: 1 })).messages;
        if (newest && this.#unchecked.delete(newest.ID)) this.#openNewest(newest.ID);
      }
      if (!waiting) this.#unchecked.clear();
      return waiting;
    });
    if (pending) this.#later("check", PENDING_MILLISECONDS, () => this.#check()); // their texts are not indexed yet
  }

  /** @param {string} id */
  #openNewest(id) {
    const { activeElement } = document;
    const isBusy = document.querySelector("dialog[open]") || activeElement instanceof HTMLInputElement || selection.size;
    if (router.route.page === "inbox" && !isBusy) openMail(id, { replace: router.route.id !== "" });
  }

  #takeRemovals() {
    const ids = new Set(this.#removals);
    this.#removals.clear();
    selection.set(ids, false);
    if (!this.#list.remove(ids)) this.#later("refresh", REFRESH_MILLISECONDS, () => this.#refresh());
    this.#schedule();
  }

  #showNewer() {
    return reportErrors(async () => {
      await this.#list.open();
      this.rows.scrollToTop();
      this.#setFocus(0, true);
    });
  }

  /**
   * Run something once after a pause; calls meanwhile are the same call.
   *
   * @param {string} name
   * @param {number} milliseconds
   * @param {() => unknown} run
   */
  #later(name, milliseconds, run) {
    if (this.#timers.has(name)) return;
    const timer = setTimeout(() => {
      this.#timers.delete(name);
      if (this.isConnected) run();
    }, milliseconds);
    this.#timers.set(name, timer);
  }

  #measure() {
    this.rows.measure(this.#focus.index);
    this.#schedule();
  }

  /**
   * Scroll to the mail that was opened from elsewhere, if the list has it.
   *
   * @param {string} id
   */
  #revealOpened(id) {
    const index = this.#list.indexOf(id, this.#focus.index, this.#neighborIndex);
    this.#unrevealedId = index < 0 ? id : "";
    if (index < 0) return;
    this.#setFocus(index, this.grid.contains(document.activeElement));
    requestAnimationFrame(() => this.rows.reveal(this.#focus.index));
  }

  /**
   * @param {number} index
   * @param {HTMLElement} element
   */
  #decorate(index, element) {
    const { mail, group, isOpen } = this.#list.rowAt(index);
    const isHead = isOpen !== undefined;
    const isSelected = mail !== undefined && selection.has(mail.ID);
    const isCurrent = mail !== undefined && mail.ID === router.route.id;
    const kind = mail ? (mail.Read ? "read" : "unread") : isHead ? "head" : "waiting";
    const name = `mail-row ${kind}${isSelected ? " selected" : ""}${isCurrent ? " current" : ""}${group && !isHead ? " inside" : ""}`;
    if (element.className !== name) element.className = name;
    element.tabIndex = index === this.#focus.index ? 0 : -1;
    setAttribute(element, "aria-selected", isHead ? null : `${isSelected}`);
    setAttribute(element, "aria-current", isCurrent ? "true" : null);
    setAttribute(element, "aria-expanded", isHead ? `${isOpen}` : null);
    setAttribute(element, "aria-level", group ? (isHead ? "1" : "2") : null);
    const checkbox = element.querySelector("input");
    if (checkbox) checkbox.checked = isSelected;
  }

  /** @param {MouseEvent} event */
  #click(event) {
    const index = this.rows.indexOf(event.target);
    const { mail, group, isOpen } = index < 0 ? {} : this.#list.rowAt(index);
    if (index < 0) return;
    this.#setFocus(index, false);
    if (isOpen !== undefined && group) return this.#toggleGroup(group.Name);
    if (!mail) return;
    const isCheckbox = event.target instanceof HTMLInputElement || (event.target instanceof Element && event.target.closest(".select"));
    if (event.shiftKey) this.#selectTo(index);
    else if (isCheckbox || event.ctrlKey || event.metaKey) this.#toggle(mail.ID);
    else openMail(mail.ID);
    this.rows.elementAt(index)?.focus({ preventScroll: true }); // not the checkbox or the link in it
    if (!(event.target instanceof HTMLInputElement)) event.preventDefault();
    else this.#schedule();
  }

  /** @param {KeyboardEvent} event */
  #keydown(event) {
    if (event.altKey || (event.target instanceof HTMLElement && event.target.getAttribute("role") !== "row")) return;
    const { index } = this.#focus;
    const { mail, group, isOpen } = this.#list.rowAt(index);
    const page = this.rows.pageRows;
    /** @type {Record<string, number>} */
    const moves = { ArrowDown: index + 1, ArrowUp: index - 1, PageDown: index + page, PageUp: index - page, Home: 0, End: this.#list.count - 1 };
    const target = moves[event.key];
    const isHead = isOpen !== undefined;
    const step = event.shiftKey ? undefined : { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && mail && mail.ID === router.route.id && this.#list instanceof ListWindow && !event.ctrlKey) {
      this.#move(step); // as j and k do
    } else if (target !== undefined && !event.ctrlKey) {
      this.#setFocus(target, true);
      if (event.shiftKey) this.#selectTo(this.#focus.index);
    } else if (event.key === "Enter" && !event.ctrlKey) {
      if (isHead && group) this.#toggleGroup(group.Name);
      else if (mail) openMail(mail.ID);
    } else if (event.key === " ") {
      if (isHead && group) this.#toggleGroup(group.Name);
      else if (mail) this.#toggle(mail.ID);
    } else if (event.key === "ArrowRight" && isOpen === false && group) this.#toggleGroup(group.Name);
    else if (event.key === "ArrowLeft" && group) this.#closeGroup(group.Name, isOpen);
    else if (event.key.toLowerCase() === "a" && (event.ctrlKey || event.metaKey)) this.#selectAll();
    else return;
    event.preventDefault();
  }

  /** @param {string} name */
  #toggleGroup(name) {
    const list = this.#list;
    if (list instanceof GroupList) reportErrors(() => Promise.resolve(list.toggle(name)));
  }

  /**
   * Close a group, or go from a mail to the head of its group.
   *
   * @param {string} name
   * @param {boolean | undefined} isOpen
   */
  #closeGroup(name, isOpen) {
    if (isOpen) return this.#toggleGroup(name);
    if (isOpen === false) return;
    let index = this.#focus.index;
    while (index > 0 && this.#list.rowAt(index).isOpen === undefined) index -= 1;
    this.#setFocus(index, true);
  }

  /** @param {string} id */
  #toggle(id) {
    this.#anchor = id;
    selection.toggle(id);
  }

  /**
   * Select everything from where the range starts.
   *
   * @param {number} index
   */
  #selectTo(index) {
    const start = this.#anchor ? this.#list.indexOf(this.#anchor) : -1;
    const from = start < 0 ? index : Math.min(start, index);
    const to = (start < 0 ? index : Math.max(start, index)) + 1;
    if (start < 0) this.#anchor = this.#list.rowAt(index).mail?.ID ?? "";
    reportErrors(async () => selection.set(await this.#list.idsBetween(from, to), true));
  }

  #selectAll() {
    const list = this.#list;
    return reportErrors(async () => {
      selection.set(await list.allIds(), true);
      const first = `The first ${countOf(MAX_IDS, "mail")} are selected.`;
      if (list.mails > MAX_IDS) showToast(`${first} To delete all, clear the selection and press “Delete all”.`);
    });
  }

  /**
   * Move the roving tabindex.
   *
   * @param {number} target
   * @param {boolean} withFocus Whether the row also gets the focus, and is scrolled to.
   */
  #setFocus(target, withFocus) {
    const { rows } = this;
    const index = Math.max(0, Math.min(target, this.#list.count - 1));
    this.#focus = { key: keyOf(this.#list.rowAt(index), index), index };
    if (withFocus) {
      rows.reveal(index);
      rows.render(index);
      rows.elementAt(index)?.focus({ preventScroll: true });
    }
    this.#schedule();
  }

  /** Keep the focus with its mail when the list has moved; with its place when the mail is gone. */
  #restoreFocus() {
    const { key, index } = this.#focus;
    const list = this.#list;
    if (!key || (index < list.count && keyOf(list.rowAt(index), index) === key)) return;
    const [kind, group, id] = key.split("\n");
    let found = -1;
    if (kind === "mail") found = list.indexOf(id);
    else if (kind === "group" && list instanceof GroupList) found = list.indexOfGroup(group);
    const place = found < 0 ? Math.max(0, Math.min(index, list.count - 1)) : found;
    this.#focus = { key: keyOf(list.rowAt(place), place), index: place };
  }

  /** @param {number} step */
  async #move(step) {
    if (router.route.id) return reportErrors(() => openNeighbor(step > 0 ? 1 : -1));
    const isNew = !this.grid.contains(document.activeElement) && !this.#focus.key;
    this.#setFocus(isNew ? 0 : this.#focus.index + step, true);
  }

  /**
   * @param {string} id
   * @param {1 | -1} step
   */
  async #findNeighbor(id, step) {
    const list = this.#list;
    let index = list.indexOf(id, this.#focus.index);
    if (index < 0) return "";
    for (index += step; index >= 0 && index < list.count; index += step) {
      const [neighbor] = await list.idsBetween(index, index + 1);
      if (!neighbor && list.rowAt(index).isOpen === undefined) return "";
      if (!neighbor || neighbor === id) continue;
      this.#neighborIndex = index;
      return neighbor;
    }
    return "";
  }

  /** The ID of the open mail; "" without one, and until that of the latest mail is known. */
  #openId() {
    return router.route.id === "latest" ? "" : router.route.id;
  }

  /** The mails that an action is about: the selected ones, the open one, or the one that has the focus. */
  #targets() {
    if (selection.size) return [...selection.ids];
    if (router.route.id) return this.#openId() ? [this.#openId()] : [];
    const id = this.#focus.key && this.#list.rowAt(this.#focus.index).mail?.ID;
    return id ? [id] : [];
  }

  /** @returns {import("./actions.js").Action[]} */
  #listActions() {
    const hasTargets = () => this.#targets().length > 0;
    /** @param {(ids: string[]) => void} run */
    const each = (run) => () => run(this.#targets());
    const toggleRead = () => {
      const ids = this.#targets();
      markRead(ids, ids.some((id) => this.#list.find(id)?.Read === false));
    };
    const canToggleRead = () => hasTargets() && (selection.size > 0 || !router.route.id);
    const selectFocused = () => {
      const id = this.#openId() || this.#list.rowAt(this.#focus.index).mail?.ID;
      if (id) this.#toggle(id);
    };
    const openFocused = () => {
      const id = this.#list.rowAt(this.#focus.index).mail?.ID;
      if (id) openMail(id);
    };
    const isInList = () => !router.route.id && [document.body, this.closest("main")].includes(/** @type {HTMLElement} */ (document.activeElement));
    const canRelease = () => Boolean(state.configuration?.MessageRelay.Enabled) && hasTargets();
    return [
      { label: "Next mail", keys: ["j"], group: "List", run: () => this.#move(1) },
      { label: "Previous mail", keys: ["k"], group: "List", run: () => this.#move(-1) },
      { label: "Open the mail", keys: ["Enter"], group: "List", run: openFocused, available: isInList },
      { label: "Select the mail", keys: ["x"], group: "List", run: selectFocused },
      { label: "Select all mails", keys: ["* a"], group: "List", run: () => this.#selectAll() },
      { label: "Clear the selection", keys: ["Escape"], group: "List", run: () => selection.clear(), available: () => selection.size > 0 },
      { label: "Show new mails", keys: ["."], group: "List", run: () => this.#showNewer(), available: () => this.#list.newer > 0 },
      { label: "Mark as read or unread", keys: ["r"], group: "Mail", run: toggleRead, available: canToggleRead },
      { label: "Change the tags", keys: ["t"], group: "Mail", run: each(editTags), available: hasTargets },
      { label: "Delete", keys: ["#", "Delete"], group: "Mail", run: each(removeMails), available: hasTargets },
      { label: "Undo the deletion", keys: ["z"], group: "Mail", run: () => undo(), available: canUndo },
      { label: "Download", keys: [], group: "Mail", run: each(downloadMails), available: hasTargets },
      { label: "Release to real recipients", keys: [], group: "Mail", run: each(releaseMails), available: canRelease },
      ...["none", "recipient", "mailbox", "tag"].map((group) => ({
        label: group === "none" ? "Do not group the mails" : `Group the mails by ${group}`,
        keys: [],
        run: () => settings.set({ group }),
      })),
    ];
  }
}

/**
 * @param {HTMLElement} element
 * @param {string} name
 * @param {string | null} value
 */
function setAttribute(element, name, value) {
  if (value === null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

customElements.define("message-list", MessageList);
