/** The bar above the list: the counts, what can be done with the selected mails or with all, and the order. */

import { Component } from "./component.js";
import { button, custom, h } from "./dom.js";
import { countOf, formatCount } from "./format.js";
import { downloadMails, editTags, markAllRead, markRead, releaseMails, removeAll, removeMails } from "./mail_actions.js";
import { findListed } from "./open_mail.js";
import { paths, router } from "./router.js";
import { saveSearch } from "./saved_searches.js";
import { selection } from "./selection.js";
import { settings } from "./settings.js";
import { state } from "./state.js";

/** @type {Record<string, string>} */
const SORTS = {
  "received desc": "Newest first",
  "received asc": "Oldest first",
  "size desc": "Largest first",
  "size asc": "Smallest first",
  "from asc": "Sender A–Z",
  "from desc": "Sender Z–A",
  "to asc": "Recipient A–Z",
  "to desc": "Recipient Z–A",
  "subject asc": "Subject A–Z",
  "subject desc": "Subject Z–A",
};
/** @type {Record<string, string>} */
const GROUPS = { none: "Not grouped", recipient: "By recipient", mailbox: "By mailbox", tag: "By tag" };

/**
 * @typedef {object} ListStatus
 * @property {number} mails How many mails match.
 * @property {number} unread
 * @property {boolean} isEstimated
 * @property {boolean} [hasFailed] Nothing is known about the mails.
 */

/** Dispatches `select-all`. */
export class ListToolbar extends Component {
  /** @type {ListStatus} */
  #status = { mails: 0, unread: 0, isEstimated: false };
  #checkbox = h("input", { type: "checkbox", "aria-label": "Select all mails" });
  #text = h("p", { role: "status", class: "list-status" });
  #selected = h("div", { class: "row actions", role: "group", "aria-label": "Selected mails" });
  #all = h("div", { class: "row actions", role: "group", "aria-label": "All mails of the list" });
  #order = h("div", { class: "row order" });
  #saved = button("Save this search", () => saveSearch(router.route.query), { icon: "star", class: "plain" });
  #release = button("Release …", () => releaseMails([...selection.ids]), { icon: "send", class: "plain" });
  #compare = button("Compare the two mails", () => router.go(paths.diff(...this.#pair())), { icon: "compare", class: "plain" });

  mount() {
    const ids = () => [...selection.ids];
    const plain = { class: "plain" };
    this.#selected.replaceChildren(
      button("Mark as read", () => markRead(ids(), true), { icon: "read", ...plain }),
      button("Mark as unread", () => markRead(ids(), false), { icon: "unread", ...plain }),
      button("Tags …", () => editTags(ids()), { icon: "tag", ...plain }),
      this.#release,
      button("Download", () => downloadMails(ids()), { icon: "download", ...plain }),
      this.#compare,
      button("Delete", () => removeMails(ids()), { icon: "trash", ...plain }),
      button("Clear the selection", () => selection.clear(), { icon: "close", ...plain }),
    );
    this.#all.replaceChildren(
      this.#saved,
      button("Mark all as read", () => markAllRead(router.route.query), { icon: "read", ...plain }),
      button("Delete all", () => removeAll(router.route.query, this.#status.mails), { icon: "trash", text: true, ...plain }),
    );
    const sort = buildSelect("Order", SORTS, (value) => {
      const [by, order] = value.split(" ");
      settings.set({ sort: by, order });
    });
    const group = buildSelect("Groups", GROUPS, (value) => settings.set({ group: value }));
    this.#order.replaceChildren(group, sort);
    const followSettings = () => {
      sort.value = `${settings.values.sort} ${settings.values.order}`;
      group.value = settings.values.group;
      this.#update();
    };
    this.listen(settings, "change", followSettings);
    this.listen(this.#checkbox, "click", () => this.#toggleAll());
    this.listen(selection, "change", () => this.#update());
    this.listen(router, "change", () => this.#update());
    this.listen(state, "configuration", () => this.#update());
    this.replaceChildren(this.#checkbox, this.#text, this.#selected, this.#all, this.#order);
    followSettings();
  }

  /** @param {ListStatus} status */
  show(status) {
    this.#status = status;
    this.#update();
  }

  #update() {
    const { mails, unread, isEstimated, hasFailed } = this.#status;
    const { query } = router.route;
    const size = selection.size;
    const about = isEstimated ? "about " : "";
    const found = query ? " found" : "";
    const text = size ? `${formatCount(size)} selected` : `${about}${countOf(mails, "mail")}${found}${unread ? `, ${formatCount(unread)} unread` : ""}`;
    const shown = hasFailed ? "" : text;
    if (this.#text.textContent !== shown) this.#text.textContent = shown;
    this.#checkbox.checked = size > 0 && size >= mails;
    this.#checkbox.indeterminate = size > 0 && size < mails;
    this.#selected.hidden = !size;
    this.#all.hidden = size > 0;
    for (const element of [this.#checkbox, ...this.#all.children]) element.toggleAttribute("hidden", !mails);
    this.#order.hidden = !mails && !hasFailed;
    this.#saved.hidden = !query;
    const isSaved = settings.values.searches.some((search) => search.query === query);
    this.#saved.setAttribute("aria-pressed", `${isSaved}`);
    this.#release.hidden = !state.configuration?.MessageRelay.Enabled;
    this.#compare.hidden = size !== 2;
  }

  #toggleAll() {
    if (selection.size) selection.clear();
    else this.dispatchEvent(new Event("select-all"));
    this.#update();
  }

  /** @returns {[string, string]} The two selected mails, the older one first. */
  #pair() {
    const time = (/** @type {string} */ id) => findListed(id)?.Created.replace("Z", "") ?? "";
    const [first, second] = [...selection.ids].sort((one, other) => (time(one) < time(other) ? -1 : Number(time(one) > time(other))));
    return [first, second];
  }
}

customElements.define("list-toolbar", ListToolbar);

/** @returns {ListToolbar} */
export const buildToolbar = () => custom("list-toolbar");

/**
 * @param {string} label
 * @param {Record<string, string>} options The texts by their values.
 * @param {(value: string) => void} choose
 */
function buildSelect(label, options, choose) {
  const select = h("select", { "aria-label": label, title: label, onchange: () => choose(select.value) });
  select.append(...Object.entries(options).map(([value, text]) => h("option", { value }, text)));
  return select;
}
