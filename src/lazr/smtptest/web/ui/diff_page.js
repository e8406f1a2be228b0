/** The difference of two mails: their headers, their texts and their HTML sources. */

import { addActions } from "./actions.js";
import { api } from "./api.js";
import { Component } from "./component.js";
import { button, fill, h } from "./dom.js";
import { countOf, formatTime } from "./format.js";
import { parseFields } from "./header_fields.js";
import { diffLines } from "./line_diff.js";
import { paths, router } from "./router.js";

/** @typedef {import("./line_diff.js").DiffLine} DiffLine */
/** @typedef {import("./mail_details.js").Message} Message */
/** @typedef {{message: Message, headers: string[]}} Side */

/** Unchanged lines that are shown around a change. */
const CONTEXT_LINES = 3;
const MAX_SHOWN_LINES = 3000;
/** The lines after these are not compared. */
const MAX_COMPARED_LINES = 50_000;
const KINDS = /** @type {const} */ (["removed", "added"]);
const SIGNS = { same: " ", removed: "−", added: "+" };
const WORDS = { same: "", removed: "removed", added: "added" };

class DiffPage extends Component {
  #loading = new AbortController();

  mount() {
    this.listen(router, "change", () => router.route.page === "diff" && this.#load());
    this.signal.addEventListener("abort", () => this.#loading.abort());
    const back = { label: "Back to the mail", keys: ["u", "Escape"], group: "Difference", run: () => router.go(paths.mail(router.route.other)) };
    const swap = { label: "Swap the mails", keys: ["s"], group: "Difference", run: this.#swap };
    addActions(this.signal, [back, swap]);
    this.#load();
  }

  #swap = () => router.go(paths.diff(router.route.other, router.route.id), { replace: true });

  async #load() {
    this.#loading.abort();
    this.#loading = new AbortController();
    const { signal } = this.#loading;
    const { id, other } = router.route;
    fill(this, h("p", { class: "tab-note muted", role: "status" }, "Loading …"));
    try {
      const sides = await Promise.all([loadSide(id, signal), loadSide(other, signal)]);
      this.#show(sides[0], sides[1]);
    } catch (error) {
      if (signal.aborted) return;
      const text = error instanceof Error ? error.message : String(error);
      fill(this, h("div", { class: "empty", role: "alert" }, h("h1", {}, "The mails cannot be compared"), h("p", {}, text), h("p", {}, h("a", { href: paths.inbox() }, "Go to the inbox"))));
    }
  }

  /** @param {Side} before @param {Side} after */
  #show(before, after) {
    const isCut = (/** @type {string} */ field) => [before, after].some(({ message }) => message.Truncated?.some(({ Field }) => Field === field));
    const sections = [
      buildSection("Headers", before.headers, after.headers),
      buildSection("Text", splitLines(before.message.Text), splitLines(after.message.Text), isCut("Text")),
      buildSection("HTML source", splitLines(before.message.HTML), splitLines(after.message.HTML), isCut("HTML")),
    ];
    fill(
      this,
      h(
        "header",
        { class: "diff-head" },
        h("h1", {}, "Difference of two mails"),
        h("dl", { class: "mail-facts" }, buildMail("Before", before.message), buildMail("After", after.message)),
        h("div", { class: "row" }, button("Swap", this.#swap)),
      ),
      sections,
    );
  }
}

/** @param {string} id @param {AbortSignal} signal @returns {Promise<Side>} */
async function loadSide(id, signal) {
  const [message, source] = await Promise.all([api.message(id, signal), api.source(id, signal)]);
  return { message, headers: parseFields(source).map(({ name, value }) => (name ? `${name}: ${value}` : value)) };
}

/** @param {string} text */
const splitLines = (text) => (text ? text.replace(/\n$/, "").split("\n", MAX_COMPARED_LINES) : []);

/** @param {string} name @param {Message} message */
const buildMail = (name, message) => [
  h("dt", {}, name),
  h("dd", {}, h("a", { href: paths.mail(message.ID) }, message.Subject || "(no subject)"), h("span", { class: "muted" }, ` ${formatTime(message.Date)}, to ${message.To.map(({ Address }) => Address).join(", ") || "none"}`)),
];

/** @param {string} title @param {string[]} before @param {string[]} after @param {boolean} [isCut] Whether the server has sent only a beginning. */
function buildSection(title, before, after, isCut = false) {
  const lines = diffLines(before, after);
  const [removed, added] = KINDS.map((kind) => lines.filter((line) => line.kind === kind).length);
  const same = lines.length - removed - added;
  const summary = removed || added ? `${countOf(removed, "line")} removed, ${countOf(added, "line")} added, ${same} unchanged` : lines.length ? `No difference in ${countOf(lines.length, "line")}` : "Both mails have none";
  const section = h("section", { class: "diff", "aria-label": title }, h("header", {}, h("h2", {}, title), h("span", { class: removed || added ? "muted" : "good" }, summary)));
  if (Math.max(before.length, after.length) === MAX_COMPARED_LINES) section.append(h("p", { class: "tab-note muted" }, `Only the first ${countOf(MAX_COMPARED_LINES, "line")} are compared.`));
  if (isCut) section.append(h("p", { class: "tab-note muted" }, "Only the first 1,048,576 characters of each mail are compared."));
  if (removed || added) section.append(buildLines(title, lines));
  return section;
}

/** @param {string} title @param {DiffLine[]} lines */
function buildLines(title, lines) {
  const isNear = new Uint8Array(lines.length);
  lines.forEach(({ kind }, at) => kind === "same" || isNear.fill(1, Math.max(0, at - CONTEXT_LINES), at + CONTEXT_LINES + 1));
  const body = h("tbody");
  for (let at = 0; at < lines.length && body.childElementCount < MAX_SHOWN_LINES; ) {
    if (isNear[at]) {
      body.append(buildLine(lines[at++]));
      continue;
    }
    const start = at;
    while (at < lines.length && !isNear[at]) at++;
    const hidden = lines.slice(start, at);
    const row = h("tr", { class: "gap" }, h("td", { colspan: "4" }, button(`Show ${countOf(hidden.length, "unchanged line")}`, () => row.replaceWith(...hidden.slice(0, MAX_SHOWN_LINES).map(buildLine)), { class: "plain" })));
    body.append(row);
  }
  if (body.childElementCount >= MAX_SHOWN_LINES) body.append(h("tr", {}, h("td", { colspan: "4", class: "muted" }, "There are more differences.")));
  const head = h("tr", {}, ["Line before", "Line after", "Change", "Content"].map((name) => h("th", { scope: "col" }, name)));
  const widths = h("colgroup", {}, h("col", { class: "number" }), h("col", { class: "number" }), h("col", { class: "sign" }), h("col"));
  return h("table", { class: "diff-table" }, h("caption", { class: "visually-hidden" }, `Differences: ${title}`), widths, h("thead", { class: "visually-hidden" }, head), body);
}

/** @param {DiffLine} line */
function buildLine({ kind, old, new: added, pieces }) {
  return h(
    "tr",
    { class: kind },
    h("td", { class: "number" }, old),
    h("td", { class: "number" }, added),
    h("td", { class: "sign" }, h("span", { "aria-hidden": "true" }, SIGNS[kind]), h("span", { class: "visually-hidden" }, WORDS[kind])),
    h("td", {}, h("code", {}, pieces.map(({ text, changed }) => (changed ? h("mark", {}, text) : text)))),
  );
}

customElements.define("diff-page", DiffPage);
