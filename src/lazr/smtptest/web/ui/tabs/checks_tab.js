/** What may be wrong with a mail: fields, sizes, links, and HTML that some mail programs do not show. */

import { api } from "../api.js";
import { buildAuthenticationSection } from "../authentication_view.js";
import { append, button, fill, h, icon } from "../dom.js";
import { countOf } from "../format.js";
import { paths, router } from "../router.js";
import { state } from "../state.js";
import { reportErrors } from "../toast.js";
import { MailTab } from "./mail_tab.js";

/** @typedef {{Name: string, Status: "ok" | "warning" | "error", Text: string, Where: string}} Check */
/** @typedef {{Name: string, Support: string, NoteNumber: string}} Result */
/**
 * @typedef {object} HtmlWarning
 * @property {string} Title
 * @property {string} Description
 * @property {string} URL
 * @property {Result[]} Results
 * @property {Record<string, string>} NotesByNumber
 * @property {{Found: number, Supported: number, Partial: number, Unsupported: number}} Score
 * @property {{Line: number, Column: number}[]} [Places]
 */

const ORDER = ["error", "warning", "ok"];
const CLASSES = { error: "bad", warning: "warning", ok: "good" };

class ChecksTab extends MailTab {
  async build() {
    const { mail } = this;
    const html = h("section", { "aria-label": "HTML support" });
    if (mail.message.HTML) this.#checkHtml(html);
    /** @type {Check[]} */
    const checks = await mail.get("checks");
    await state.firstLoad;
    const { LinkCheck: canCheckLinks } = state.configuration ?? {};
    const sorted = [...checks].sort((one, other) => ORDER.indexOf(one.Status) - ORDER.indexOf(other.Status));
    const count = (/** @type {string} */ status) => checks.filter((check) => check.Status === status).length;
    const summary = `${countOf(count("error"), "error")}, ${countOf(count("warning"), "warning")}, ${count("ok")} passed`;
    return [
      h("section", { "aria-label": "Checks" }, h("h2", {}, "Mail"), h("p", { class: "muted" }, summary), h("ul", { class: "check-list" }, sorted.map(buildCheck))),
      buildAuthenticationSection(mail, this.signal),
      html,
      canCheckLinks ? this.#buildLinkCheck() : null,
    ];
  }

  /** @param {HTMLElement} section */
  async #checkHtml(section) {
    const installCommand = await state.findMissingExtra("html-check");
    if (installCommand) {
      fill(section, h("h2", {}, "HTML support"), h("p", { class: "muted" }, "This server does not check HTML; to install it: ", h("code", {}, installCommand)));
      return;
    }
    fill(section, h("h2", {}, "HTML support"), h("p", { class: "muted", role: "status" }, "Checking …"));
    const { signal, mail } = this;
    try {
      const { Warnings: warnings, Total: total } = await mail.get("html-check");
      const score = Math.round(total.Supported);
      fill(
        section,
        h("h2", {}, "HTML support"),
        h(
          "div",
          { class: "score" },
          h("meter", { min: "0", max: "100", low: "70", high: "90", optimum: "100", value: `${total.Supported}`, "aria-label": "Support" }),
          h("strong", {}, `${score} %`),
          h("span", { class: "muted" }, `supported by mail programs, by the data of caniemail.com: ${countOf(total.Tests, "feature")} in ${countOf(total.Nodes, "element")}`),
        ),
        warnings.length ? h("ul", { class: "check-list" }, warnings.map((/** @type {HtmlWarning} */ warning) => buildWarning(mail.id, warning))) : h("p", { class: "good" }, "No warnings."),
      );
    } catch (error) {
      if (!signal.aborted) fill(section, h("h2", {}, "HTML support"), h("p", { class: "bad", role: "alert" }, error instanceof Error ? error.message : String(error)));
    }
  }

  #buildLinkCheck() {
    const results = h("div", { role: "status" });
    const check = () =>
      reportErrors(async () => {
        fill(results, h("p", { class: "muted" }, "The server requests all links …"));
        const { Links: links, Errors: errors } = await api.detail(this.mail.id, "link-check", this.signal);
        fill(
          results,
          h("p", { class: errors ? "bad" : "good" }, `${countOf(links.length, "link")}, ${errors} broken`),
          h(
            "ul",
            { class: "check-list" },
            links.map((/** @type {{URL: string, StatusCode: number, Status: string}} */ link) => {
              const isBroken = link.StatusCode < 200 || link.StatusCode >= 400;
              return h("li", { class: isBroken ? "bad" : null }, h("strong", {}, link.StatusCode || "error"), " ", h("span", { class: "mono" }, link.URL), h("span", { class: "muted" }, ` ${link.Status}`));
            }),
          ),
        );
      }).finally(() => results.textContent?.endsWith("…") && fill(results));
    return h("section", { "aria-label": "Links" }, h("h2", {}, "Links"), button("Check the links", check), results);
  }
}

/** @param {Check} check */
function buildCheck({ Name: name, Status: status, Text: text, Where: where }) {
  return h(
    "li",
    { class: "check" },
    h("span", { class: CLASSES[status] }, icon({ ok: "check", warning: "warning", error: "close" }[status]), h("span", { class: "visually-hidden" }, status)),
    h("strong", {}, name),
    h("span", {}, text, where ? h("span", { class: "muted" }, ` (${where})`) : null),
  );
}

/** @param {string} id @param {HtmlWarning} warning */
function buildWarning(id, { Title: title, Description: description, URL: about, Results: results, NotesByNumber: notes, Score: score, Places: places }) {
  const details = h("details", {}, h("summary", {}, h("strong", {}, title), h("span", { class: "muted" }, ` ${countOf(score.Found, "time")} · ${Math.round(score.Supported)} % supported, ${Math.round(score.Partial)} % partial`)));
  if (description) append(details, [h("p", {}, description)]);
  const link = (/** @type {{Line: number, Column: number}} */ { Line: line }) => h("a", { class: "button", href: `${paths.mail(id, "html", router.route.query)}#L${line}` }, `Line ${line}`);
  if (places?.length) append(details, [h("p", { class: "row" }, places.map(link))]);
  const groups = { no: "Not supported", partial: "Partial support" };
  for (const [support, label] of Object.entries(groups)) {
    const names = results.filter((result) => result.Support === support).map((result) => (result.NoteNumber ? `${result.Name} (${result.NoteNumber})` : result.Name));
    if (names.length) append(details, [h("p", {}, h("strong", {}, `${label}: `), names.join(", "))]);
  }
  append(details, [Object.entries(notes ?? {}).map(([number, text]) => h("p", { class: "muted" }, `${number}: ${text}`))]);
  append(details, [h("p", {}, h("a", { href: about, target: "_blank", rel: "noopener noreferrer" }, "caniemail.com"))]);
  return h("li", {}, details);
}

customElements.define("checks-tab", ChecksTab);
