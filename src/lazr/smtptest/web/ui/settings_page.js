/** The settings of this browser. */

import { Component } from "./component.js";
import { button, fill, h } from "./dom.js";
import { checkbox, field, select } from "./form.js";
import { paths, TABS } from "./router.js";
import { settings } from "./settings.js";
import { showToast } from "./toast.js";

/** @type {Record<string, string>} Names of tabs that are not the key with a capital. */
const TAB_NAMES = { html: "HTML source" };

class SettingsPage extends Component {
  mount() {
    const show = () => {
      const focused = document.activeElement instanceof HTMLElement && this.contains(document.activeElement) ? document.activeElement.id : "";
      fill(this, h("div", { class: "page settings" }, h("h1", {}, "Settings"), h("p", { class: "muted" }, "They are kept in this browser, and apply at once."), ...this.#buildGroups()));
      if (focused) document.getElementById(focused)?.focus();
    };
    this.listen(settings, "change", show);
    show();
  }

  #buildGroups() {
    const { values } = settings;
    const choice = (/** @type {keyof typeof values} */ name, /** @type {string} */ label, /** @type {Record<string, string>} */ options, /** @type {string} */ hint = "") => {
      const control = select(options, `${values[name]}`, (value) => settings.set({ [name]: value }));
      control.id = `setting-${name}`;
      return field(label, control, hint);
    };
    const group = (/** @type {string} */ name, /** @type {import("./dom.js").Child[]} */ ...children) => h("fieldset", { class: "card fields" }, h("legend", {}, name), ...children);
    const follow = checkbox("Open the newest mail as soon as it arrives", values.followNewest, (followNewest) => settings.set({ followNewest }));
    const notify = checkbox("Show a desktop notification for new mail", values.notifications, setNotifications, "The browser asks for permission.");
    for (const [id, label] of Object.entries({ followNewest: follow, notifications: notify })) label.querySelector("input")?.setAttribute("id", `setting-${id}`);
    return [
      group(
        "Display",
        choice("theme", "Theme", { auto: "As the system", light: "Light", dark: "Dark" }),
        choice("density", "Density", { comfortable: "Comfortable", compact: "Compact: more rows" }),
        choice("timeZone", "Time zone", { local: `Of this computer (${Intl.DateTimeFormat().resolvedOptions().timeZone})`, UTC: "UTC" }),
      ),
      group(
        "List of mails",
        choice("group", "Group by", { none: "Nothing", recipient: "Recipient", tag: "Tag", mailbox: "Mailbox" }),
        choice("sort", "Sort by", { received: "Time", size: "Size", from: "Sender", to: "Recipient", subject: "Subject" }),
        choice("order", "Order", { desc: "Descending: newest, largest, Z to A", asc: "Ascending: oldest, smallest, A to Z" }),
      ),
      group("Mail", choice("tab", "A mail opens with", Object.fromEntries(TABS.map((tab) => [tab, TAB_NAMES[tab] ?? tab[0].toUpperCase() + tab.slice(1)])))),
      group("New mail", follow, notify),
      group("Saved searches", ...this.#buildSearches()),
      h("p", {}, h("a", { href: paths.mailboxes() }, "Mailboxes"), " · ", h("a", { href: paths.about() }, "About this server")),
    ];
  }

  #buildSearches() {
    const { searches } = settings.values;
    if (!searches.length) return [h("p", { class: "muted" }, "There is none yet. Search the inbox, and save the search there.")];
    const items = searches.map((search) =>
      h(
        "li",
        { class: "row" },
        h("a", { href: paths.inbox(search.query) }, search.name),
        h("code", { class: "muted" }, search.query),
        button(`Remove the search ${search.name}`, () => removeSearch(search), { icon: "trash" }),
      ),
    );
    return [h("ul", { class: "searches" }, ...items)];
  }
}

customElements.define("settings-page", SettingsPage);

/** @param {{name: string, query: string}} removed */
function removeSearch(removed) {
  const { searches } = settings.values;
  settings.set({ searches: searches.filter((search) => search !== removed) });
  showToast(`The search “${removed.name}” is removed.`, { action: "Undo", run: () => settings.set({ searches }) });
}

/** Ask the browser for permission only when the user wants notifications. @param {boolean} isWanted @param {HTMLInputElement} box */
async function setNotifications(isWanted, box) {
  if (isWanted && (!("Notification" in window) || (await Notification.requestPermission()) !== "granted")) {
    box.checked = false;
    showToast("The browser does not allow notifications of this page. Change it in the site settings of the browser.", { isError: true });
    return;
  }
  settings.set({ notifications: isWanted });
}
