/** The mail that the route names: its head, and the tabs under it. */

import { addActions } from "./actions.js";
import { api, ApiError } from "./api.js";
import { chooseOtherMail } from "./compare_dialog.js";
import { Component } from "./component.js";
import { openCopyMenu } from "./copy_menu.js";
import { custom, fill, h } from "./dom.js";
import { formatCount } from "./format.js";
import { downloadMails, editTags, markRead, release, removeMails, sendBack } from "./mail_actions.js";
import { MailDetails } from "./mail_details.js";
import { buildHead } from "./message_head.js";
import { openNeighbor } from "./open_mail.js";
import { paths, router, TABS } from "./router.js";
import { selection } from "./selection.js";
import { settings } from "./settings.js";
import { state } from "./state.js";
import { reportErrors } from "./toast.js";
import "./tabs/attachments_tab.js";
import "./tabs/checks_tab.js";
import "./tabs/envelope_tab.js";
import "./tabs/headers_tab.js";
import "./tabs/html_tab.js";
import { MailTab } from "./tabs/mail_tab.js";
import "./tabs/preview_tab.js";
import "./tabs/source_tab.js";
import "./tabs/text_tab.js";
import "./tabs/wire_tab.js";

/** @type {Record<string, string>} */
const LABELS = {
  preview: "Preview",
  text: "Text",
  html: "HTML source",
  headers: "Headers",
  source: "Source",
  wire: "Wire",
  envelope: "Envelope",
  checks: "Checks",
  attachments: "Attachments",
};

const MAX_TITLE_LETTERS = 200;
/** How long the head waits for codes and links, so that it does not grow when they come. */
const HEAD_MILLISECONDS = 150;

/** @param {number} milliseconds */
const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

class MessageView extends Component {
  /** The ID in the route: also "latest". */
  #shown = "";
  /** @type {MailDetails | null} */
  #mail = null;
  #isRead = true;
  #loading = new AbortController();
  #head = h("header", { class: "mail-head" });
  #tabs = h("div", { class: "mail-tabs", role: "tablist", "aria-label": "Views of the mail" });
  #panel = h("section", { class: "mail-panel", role: "tabpanel", id: "mail-panel", tabindex: "0" });

  mount() {
    this.#shown = "";
    this.setAttribute("role", "region");
    this.setAttribute("aria-label", "Mail");
    this.listen(router, "change", () => this.#follow());
    this.listen(state, "configuration", () => this.#mail && this.#showAll());
    this.listen(settings, "change", () => this.#showHead());
    this.listen(state, "update", ({ detail }) => this.#applyUpdate(detail));
    this.listen(state, "delete", ({ detail }) => detail.ID === this.#mail?.id && this.#showGone());
    this.listen(state, "resync", () => this.#check());
    this.listen(this.#tabs, "keydown", (event) => this.#moveInTabs(event));
    this.signal.addEventListener("abort", () => this.#loading.abort());
    addActions(this.signal, this.#listActions());
    this.#follow();
  }

  #follow() {
    const { page, id } = router.route;
    if (page !== "inbox" || id === this.#shown) {
      if (page === "inbox" && this.#mail) this.#showTab();
      return;
    }
    this.#shown = id;
    this.#mail = null;
    if (id) return void this.#load(id);
    this.#loading.abort();
    fill(this);
  }

  /** @param {string} id */
  async #load(id) {
    this.#loading.abort();
    this.#loading = new AbortController();
    const { signal } = this.#loading;
    try {
      const message = await api.message(id, signal);
      if (id !== message.ID) return router.go(paths.mail(message.ID, router.route.tab, router.route.query), { replace: true });
      const mail = new MailDetails(message, signal);
      const parts = Promise.allSettled([mail.envelope(), mail.get("codes"), mail.get("links")]);
      await Promise.race([parts, sleep(HEAD_MILLISECONDS)]);
      if (signal.aborted) return;
      this.#mail = mail;
      this.#isRead = true; // the request has marked it as read
      this.#showAll();
      this.#panel.scrollTop = 0;
      if (document.activeElement === document.body) this.#head.querySelector("h1")?.focus({ preventScroll: true });
    } catch (error) {
      this.#showError(error, signal);
    }
  }

  /** Find out whether the mail is still there, and has the same tags: events were missed. */
  async #check() {
    const { signal } = this.#loading;
    const mail = this.#mail;
    if (!mail) return this.#shown ? this.#load(this.#shown) : undefined;
    try {
      // A request for the mail itself would mark it as read.
      if (this.#isRead) this.#applyUpdate({ ID: mail.id, Tags: (await api.message(mail.id, signal)).Tags });
      else await api.detail(mail.id, "envelope", signal);
    } catch (error) {
      this.#showError(error, signal);
    }
  }

  /** @param {unknown} error @param {AbortSignal} signal */
  #showError(error, signal) {
    if (signal.aborted) return;
    if (error instanceof ApiError && error.status === 404) this.#showGone();
    else if (this.#mail) return; // a check that failed says nothing about the mail that is shown
    else fill(this, this.#buildNotice("The mail cannot be shown", error instanceof Error ? error.message : String(error)));
  }

  #showGone() {
    this.#mail = null;
    fill(this, this.#buildNotice("There is no such mail", "It was deleted, or the link has an unknown ID."));
  }

  /** @param {string} title @param {string} text */
  #buildNotice(title, text) {
    return h("div", { class: "empty", role: "status" }, h("h1", {}, title), h("p", {}, text), h("p", {}, h("a", { href: paths.inbox(router.route.query) }, "Back to the list")));
  }

  #showAll() {
    this.#showHead();
    fill(this, this.#head, this.#tabs, this.#panel);
    this.#panel.dataset.tab = "";
    this.#showTab();
  }

  #showHead() {
    const mail = this.#mail;
    if (!mail) return;
    const focused = this.#head.contains(document.activeElement) ? document.activeElement?.getAttribute("data-command") : null;
    fill(this.#head, buildHead(mail, this.#isRead, this.#commands));
    const again = focused && this.#head.querySelector(`[data-command="${focused}"]`);
    if (again instanceof HTMLElement) again.focus();
  }

  #tabNames() {
    return TABS.filter((tab) => tab !== "wire" || state.hasFullAccess);
  }

  #currentTab() {
    const wanted = router.route.tab || settings.values.tab;
    return this.#tabNames().includes(wanted) ? wanted : "preview";
  }

  #showTab() {
    const mail = /** @type {MailDetails} */ (this.#mail);
    document.title = `${mail.message.Subject.slice(0, MAX_TITLE_LETTERS) || "(no subject)"} · ${state.configuration?.Label || "smtptest"}`;
    const current = this.#currentTab();
    const hadFocus = this.#tabs.contains(document.activeElement);
    const files = mail.message.Attachments.length + mail.message.Inline.length;
    const links = this.#tabNames().map((tab) =>
      h(
        "a",
        {
          role: "tab",
          id: `tab-${tab}`,
          href: paths.mail(mail.id, tab, router.route.query),
          "aria-selected": `${tab === current}`,
          "aria-controls": "mail-panel",
          tabindex: tab === current ? "0" : "-1",
          title: `Key ${TABS.indexOf(tab) + 1}`,
        },
        h("span", { class: "label", dataset: { label: LABELS[tab] } }, LABELS[tab]),
        tab === "attachments" && files ? h("span", { class: "count" }, formatCount(files)) : null,
      ),
    );
    fill(this.#tabs, links);
    const selected = links.find((link) => link.tabIndex === 0);
    if (hadFocus) selected?.focus();
    selected?.scrollIntoView({ block: "nearest", inline: "nearest" });
    this.#panel.setAttribute("aria-labelledby", `tab-${current}`);
    if (this.#panel.dataset.tab === current && this.#panel.dataset.hash === location.hash) return;
    this.#panel.dataset.tab = current;
    this.#panel.dataset.hash = location.hash;
    const tab = custom(`${current}-tab`, { mail: mail.id });
    if (tab instanceof MailTab) tab.mail = mail;
    fill(this.#panel, tab);
  }

  /** @param {KeyboardEvent} event */
  #moveInTabs(event) {
    const tabs = /** @type {HTMLElement[]} */ ([...this.#tabs.children]);
    const index = tabs.findIndex((tab) => tab === document.activeElement);
    const next = { ArrowLeft: index - 1, ArrowRight: index + 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    tabs[(next + tabs.length) % tabs.length].click();
  }

  /** @param {{ID: string, Read?: boolean, Tags?: string[]}} update */
  #applyUpdate({ ID: id, Read: read, Tags: tags }) {
    if (!this.#mail || id !== this.#mail.id) return;
    const { message } = this.#mail;
    if ((read ?? this.#isRead) === this.#isRead && `${tags ?? message.Tags}` === `${message.Tags}`) return;
    this.#isRead = read ?? this.#isRead;
    message.Tags = tags ?? message.Tags;
    this.#showHead();
  }

  /** What the buttons of the head do. @type {import("./message_head.js").Commands} */
  #commands = {
    previous: () => reportErrors(() => openNeighbor(-1)),
    next: () => reportErrors(() => openNeighbor(1)),
    toggleRead: () => this.#run((mail) => markRead([mail.id], !this.#isRead)),
    editTags: () => this.#run((mail) => editTags([mail.id])),
    release: () => this.#run((mail) => release(mail.id)),
    remove: () => this.#run((mail) => removeMails([mail.id])),
    download: () => this.#run((mail) => downloadMails([mail.id])),
    copyAs: () => this.#run(openCopyMenu),
    compare: () => this.#run((mail) => chooseOtherMail(mail.message)),
    sendBack: () => this.#run((mail) => sendBack(mail.id)),
  };

  /** @param {(mail: MailDetails) => unknown} run */
  #run = (run) => reportErrors(async () => this.#mail && run(this.#mail));

  /** @returns {import("./actions.js").Action[]} */
  #listActions() {
    const available = () => this.#mail !== null;
    const tabs = TABS.map((tab, index) => ({
      label: `Show the tab ${LABELS[tab]}`,
      keys: [`${index + 1}`],
      group: "Mail",
      available: () => this.#mail !== null && this.#tabNames().includes(tab),
      run: () => router.go(paths.mail(this.#shown, tab, router.route.query)),
    }));
    return [
      ...tabs,
      { label: "Mark as read or unread", keys: ["r"], group: "Mail", available: () => available() && !selection.size, run: this.#commands.toggleRead },
      { label: "Copy as …", keys: ["c"], group: "Mail", available, run: this.#commands.copyAs },
      { label: "Compare with another mail", keys: ["d"], group: "Mail", available, run: this.#commands.compare },
      { label: "Send back a bounce, a complaint or a reply", keys: [], group: "Mail", available: () => available() && state.hasFullAccess, run: this.#commands.sendBack },
    ];
  }
}

customElements.define("message-view", MessageView);
