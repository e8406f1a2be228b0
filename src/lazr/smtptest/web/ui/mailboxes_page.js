/** The page of mailboxes: parts of the store with a token each, such as one for every test job. */

import { api, ROOT } from "./api.js";
import { Component, rebuild } from "./component.js";
import { openDialog } from "./dialog.js";
import { button, fill, h, icon } from "./dom.js";
import { field, showProblem } from "./form.js";
import { formatCount } from "./format.js";
import { buildWithFullAccess } from "./page_access.js";
import { paths } from "./router.js";
import { state } from "./state.js";
import { copyText, reportErrors, showToast } from "./toast.js";

/** @typedef {{Name: string, User: string, Recipient: string}} Mailbox */
/** @typedef {{Name: string, Query: string, Total: number, Unread: number}} Group The mails of a mailbox. */

class MailboxesPage extends Component {
  #rows = h("tbody");
  #table = h("table", { hidden: true }, h("thead", {}, h("tr", {}, ...["Name", "What it has", "Mails", ""].map((text) => h("th", { scope: "col" }, text || h("span", { class: "visually-hidden" }, "Remove"))))), this.#rows);
  #empty = h("p", { class: "muted", hidden: true }, "There is no mailbox: each client of this server sees all mails.");
  #count = h("p", { class: "visually-hidden", role: "status" });

  mount() {
    buildWithFullAccess(this, "The list of mailboxes", () => {
      const introduction = h("p", { class: "muted" }, "A mailbox is a part of the store with its own token. The token shows only the mails of its mailbox, and no sessions or rules. Use one for each test job that shares this server.");
      fill(this, h("div", { class: "page" }, h("h1", {}, "Mailboxes"), introduction, this.#empty, this.#table, this.#count, this.#buildForm()));
      this.listen(state, "totals", () => this.#load());
      this.#load();
    });
  }

  #buildForm() {
    const name = h("input", { required: true, maxlength: "100", autocomplete: "off" });
    const value = h("input", { required: true, maxlength: "320", autocomplete: "off", placeholder: "*@job7.example" });
    const byRecipient = h("input", { type: "radio", name: "kind", value: "Recipient", checked: true });
    const byUser = h("input", { type: "radio", name: "kind", value: "User" });
    const problem = h("p", { class: "bad", role: "alert", hidden: true });
    const valueField = field("Recipient", value, "An address; * and ? are wildcards");
    const showKind = () => {
      const [label, hint] = byUser.checked ? ["SMTP user", "The user name with which the application logs in"] : ["Recipient", "An address; * and ? are wildcards"];
      /** @type {HTMLElement} */ (valueField.querySelector("label")).textContent = label;
      /** @type {HTMLElement} */ (valueField.querySelector("small")).textContent = hint;
      value.placeholder = byUser.checked ? "job7" : "*@job7.example";
    };
    const submit = async (/** @type {Event} */ event) => {
      event.preventDefault();
      const kind = byUser.checked ? "User" : "Recipient";
      try {
        const mailbox = await api.addMailbox({ Name: name.value.trim(), [kind]: value.value.trim() });
        form.reset();
        showKind();
        showProblem(name, problem, "");
        showToken(mailbox);
        await this.#load();
      } catch (error) {
        showProblem(name, problem, error instanceof Error ? error.message : `${error}`);
        name.focus();
      }
    };
    const form = h(
      "form",
      { class: "card fields", "aria-labelledby": "new-mailbox", onsubmit: submit, onchange: showKind },
      h("h2", { id: "new-mailbox" }, "New mailbox"),
      field("Name", name, "Such as the name of the test job"),
      h("fieldset", {}, h("legend", {}, "It has the mails"), h("label", { class: "checkbox" }, byRecipient, "to a recipient"), h("label", { class: "checkbox" }, byUser, "of an SMTP user")),
      valueField,
      problem,
      h("div", { class: "row" }, h("button", { class: "primary" }, "Create")),
    );
    return form;
  }

  #load() {
    return reportErrors(async () => {
      /** @type {[Mailbox[], {groups: Group[]}]} */
      const [mailboxes, { groups }] = await Promise.all([api.mailboxes(), api.groups("mailbox", "", this.signal)]);
      this.#table.hidden = !mailboxes.length;
      this.#empty.hidden = mailboxes.length > 0;
      this.#count.textContent = `Mailboxes: ${mailboxes.length}`;
      rebuild(this.#rows, () => fill(this.#rows, ...mailboxes.map((mailbox) => this.#buildRow(mailbox, groups.find(({ Name }) => Name === mailbox.Name)))));
    });
  }

  /** @param {Mailbox} mailbox @param {Group} [group] */
  #buildRow({ Name, User, Recipient }, group) {
    const mails = Recipient ? ["mails to ", h("code", {}, Recipient)] : ["mails of the SMTP user ", h("code", {}, User)];
    const count = group && `${formatCount(group.Total)}${group.Unread ? `, ${formatCount(group.Unread)} unread` : ""}`;
    return h(
      "tr",
      {},
      h("th", { scope: "row" }, Name),
      h("td", {}, ...mails),
      h("td", {}, count && group.Query ? h("a", { href: paths.inbox(group.Query) }, count) : count),
      h("td", {}, button(`Remove ${Name}`, () => this.#confirmRemoval(Name), { icon: "trash" })),
    );
  }

  /** A token cannot be brought back, so this asks first. @param {string} name */
  #confirmRemoval(name) {
    const remove = () => {
      dialog.close();
      reportErrors(async () => {
        await api.removeMailbox(name);
        showToast(`The mailbox “${name}” is removed; its mails are still there.`);
        await this.#load();
        this.querySelector("input")?.focus(); // the button is gone
      });
    };
    const cancel = button("Keep it", () => dialog.close());
    const text = h("p", {}, `Its token stops working at once, and clients that use it are disconnected. A new mailbox of this name would have another token. The mails stay.`);
    const dialog = openDialog(`Remove the mailbox “${name}”?`, text, h("div", { class: "row" }, button("Remove", remove, { class: "primary" }), cancel));
    cancel.focus();
  }
}

customElements.define("mailboxes-page", MailboxesPage);

/** @param {Mailbox & {Token: string}} mailbox */
function showToken({ Name, Token, User, Recipient }) {
  const base = `${location.origin}${ROOT}`;
  /** @type {[string, string][]} */
  const examples = [
    ["Read its mails with curl", `curl -H 'Authorization: Bearer ${Token}' ${base}/api/v1/messages`],
    ["Read its mails in Python", `httpx.get("${base}/api/v1/messages", headers={"Authorization": "Bearer ${Token}"}).json()`],
    ["See it in a browser: log in with the token", `${base}/login`],
  ];
  const copyable = (/** @type {string} */ text, /** @type {string} */ label) => h("div", { class: "copyable" }, h("code", {}, text), button(`Copy: ${label}`, () => copyText(text, label), { icon: "copy" }));
  openDialog(
    `Mailbox “${Name}”`,
    h("p", {}, icon("help"), h("strong", {}, " The token is shown only now."), " Copy it to the settings of your job."),
    copyable(Token, "Token"),
    h("p", {}, User ? `Mails that the SMTP user ${User} sends are in it.` : `Mails to ${Recipient} are in it.`),
    h("dl", { class: "usage" }, ...examples.flatMap(([label, text]) => [h("dt", {}, label), h("dd", {}, copyable(text, label))])),
  );
}
