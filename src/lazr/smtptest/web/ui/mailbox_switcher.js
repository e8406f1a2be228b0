/** Which mails this page may see, and how to see others: the token of a mailbox, a login, a logout. */

import { addActions } from "./actions.js";
import { api, url } from "./api.js";
import { Component } from "./component.js";
import { openDialog } from "./dialog.js";
import { button, fill, h, icon } from "./dom.js";
import { showProblem } from "./form.js";
import { formatCount } from "./format.js";
import { paths } from "./router.js";
import { state } from "./state.js";
import { reportErrors } from "./toast.js";

class MailboxSwitcher extends Component {
  mount() {
    const show = () => {
      const name = state.configuration?.Mailbox || state.configuration?.User || "Mailbox: all";
      const open = h("button", { type: "button", class: "plain", "aria-haspopup": "dialog", title: "Switch the mailbox", onclick: () => this.#open() }, icon("account"), h("span", {}, name));
      fill(this, open);
    };
    this.listen(state, "configuration", show);
    show();
    addActions(this.signal, [
      { label: "Switch the mailbox", keys: [], run: () => this.#open() },
      { label: "Log out", keys: [], run: () => logOut(), available: () => Boolean(state.configuration?.LoggedIn) },
    ]);
  }

  #open() {
    const configuration = state.configuration;
    const mailbox = configuration?.Mailbox;
    const token = h("input", { type: "password", id: "mailbox-token", autocomplete: "off", required: true, autofocus: true });
    const problem = h("p", { class: "bad", role: "alert", hidden: true });
    const form = h(
      "form",
      { class: "stack", onsubmit: (/** @type {Event} */ event) => (event.preventDefault(), logIn(token, problem)) },
      h("label", { for: "mailbox-token" }, "Token of a mailbox"),
      h("div", { class: "row" }, token, h("button", { class: "primary" }, "Open")),
      problem,
    );
    const list = h("ul", { class: "mailbox-list" });
    const dialog = openDialog(
      "Mailboxes",
      h("p", {}, mailbox ? `This page shows the mails of the mailbox “${mailbox}”.` : "This page shows all mails."),
      list,
      form,
      h(
        "div",
        { class: "row" },
        !mailbox && h("a", { class: "button", href: paths.mailboxes(), onclick: () => dialog.close() }, "Manage the mailboxes"),
        configuration?.LoggedIn && button("Log out", () => logOut()),
        configuration?.LoginRequired && button("Log in as another user", () => logOut("/login")),
      ),
    );
    if (!mailbox) reportErrors(() => this.#list(list, dialog));
  }

  /**
   * List the mails of each mailbox, as searches.
   *
   * @param {HTMLElement} list
   * @param {HTMLDialogElement} dialog
   */
  async #list(list, dialog) {
    const { groups } = await api.groups("mailbox", "");
    const rows = groups.map((/** @type {import("./list_window.js").Group} */ { Name, Query, Total }) =>
      h("li", {}, h("a", { href: paths.inbox(Query), onclick: () => dialog.close() }, Name || "(none)"), h("span", { class: "muted" }, formatCount(Total))),
    );
    fill(list, ...rows);
  }
}

/** @param {HTMLInputElement} token @param {HTMLElement} problem Where the reason of a refusal is. */
async function logIn(token, problem) {
  try {
    await api.login({ Token: token.value.trim() });
    location.assign(url("/")); // nothing of the other mails stays in the page
  } catch (error) {
    showProblem(token, problem, error instanceof Error ? error.message : `${error}`);
    token.focus();
  }
}

/** @param {string} [next] The page that follows. */
function logOut(next = "/") {
  return reportErrors(async () => {
    await api.logout();
    location.assign(url(next));
  });
}

customElements.define("mailbox-switcher", MailboxSwitcher);
