/** The header fields of a mail in their order, decoded or as they were sent. */

import { button, fill, h } from "../dom.js";
import { countOf } from "../format.js";
import { parseFields } from "../header_fields.js";
import { copyText } from "../toast.js";
import { choice, MailTab, note } from "./mail_tab.js";

const MAX_FIELDS = 2000;
const MAX_VALUE_LETTERS = 20_000;

/** Kept from mail to mail while the page is open. */
const view = { form: "decoded", filter: "" };

class HeadersTab extends MailTab {
  async build() {
    const fields = parseFields(await this.mail.source());
    const table = h("tbody");
    const count = h("span", { class: "muted", role: "status" });
    const input = h("input", { type: "search", placeholder: "Filter", "aria-label": "Filter the fields", value: view.filter });
    const show = () => {
      const words = view.filter.toLowerCase().split(/\s+/);
      const found = fields.filter(({ name, value }) => words.every((word) => `${name}: ${value}`.toLowerCase().includes(word)));
      const shown = found.slice(0, MAX_FIELDS);
      fill(table, shown.length ? shown.map(buildRow) : h("tr", {}, h("td", { colspan: "3" }, note("No field matches."))));
      fill(count, found.length === fields.length ? countOf(fields.length, "field") : `${found.length} of ${countOf(fields.length, "field")}`);
    };
    input.addEventListener("input", () => {
      view.filter = input.value;
      show();
    });
    show();
    const bar = h(
      "div",
      { class: "tab-bar" },
      choice("Form", { decoded: "Decoded", raw: "Raw" }, view.form, (form) => ((view.form = form), show())),
      input,
      count,
    );
    const head = h("tr", { class: "visually-hidden" }, ["Field", "Value", "Copy"].map((name) => h("th", { scope: "col" }, name)));
    return [bar, h("table", { class: "header-table" }, h("thead", {}, head), table)];
  }
}

/** @param {import("../header_fields.js").Field} field */
function buildRow({ name, value, raw }) {
  const text = view.form === "raw" ? raw.slice(name ? raw.indexOf(":") + 1 : 0).replace(/^ /, "") : value;
  const shown = text.length > MAX_VALUE_LETTERS ? `${text.slice(0, MAX_VALUE_LETTERS)} … (${text.length} characters)` : text;
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, name || h("span", { class: "bad" }, "not a field")),
    h("td", { class: "mono header-value" }, shown),
    h("td", {}, button(`Copy ${name}`, () => copyText(text, name || "Line"), { icon: "copy", class: "plain" })),
  );
}

customElements.define("headers-tab", HeadersTab);
