/** What may be wrong with a mail: the review, HTML that some mail programs do not show, links, and spam. */

import { api } from "../api.js";
import { buildAuthenticationSection } from "../authentication_view.js";
import { append, button, fill, h, icon } from "../dom.js";
import { countOf, formatCount } from "../format.js";
import { paths, router } from "../router.js";
import { state } from "../state.js";
import { reportErrors } from "../toast.js";
import { MailTab } from "./mail_tab.js";

/** @typedef {"error" | "warning" | "info"} Severity */
/** @typedef {{Rule: string, Severity: Severity, Text: string, Where: string, Line: number | null, URL: string}} Finding */
/** @typedef {{Name: string, Score: number, Description: string}} SpamRule */
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

/** @type {Record<Severity, {title: string, class: string, icon: string}>} The worst first. */
const SEVERITIES = {
  error: { title: "Errors", class: "bad", icon: "close" },
  warning: { title: "Warnings", class: "warning", icon: "warning" },
  info: { title: "Good to know", class: "muted", icon: "help" },
};
/** The section on HTML support shows these with more details. */
const SUPPORT_RULES = ["html-unsupported", "html-partly-supported", "html-not-checked"];
/** A mail with this score is spam for SpamAssassin and for the offline rules. */
const SPAM_SCORE = 5;

class ChecksTab extends MailTab {
  async build() {
    const { mail } = this;
    const review = h("section", { "aria-label": "Review" });
    const spam = h("section", { "aria-label": "Spam" });
    const html = h("section", { "aria-label": "HTML support" });
    this.#fillSection(review, "Review", async () => buildReview(mail.id, await mail.get("review")));
    this.#fillSection(spam, "Spam", async () => buildSpam(await mail.get("sa-check")));
    if (mail.message.HTML) this.#checkHtml(html);
    await state.firstLoad;
    const { LinkCheck: canCheckLinks } = state.configuration ?? {};
    return [review, buildAuthenticationSection(mail, this.signal), html, canCheckLinks ? this.#buildLinkCheck() : null, spam];
  }

  /**
   * Fill a section when its content has been loaded; an error is shown in it.
   *
   * @param {HTMLElement} section
   * @param {string} title
   * @param {() => Promise<import("../dom.js").Children[]>} build
   */
  async #fillSection(section, title, build) {
    fill(section, h("h2", {}, title), h("p", { class: "muted", role: "status" }, "Checking …"));
    const { signal } = this;
    try {
      fill(section, h("h2", {}, title), ...(await build()));
    } catch (error) {
      if (!signal.aborted) fill(section, h("h2", {}, title), h("p", { class: "bad", role: "alert" }, error instanceof Error ? error.message : String(error)));
    }
  }

  /** @param {HTMLElement} section */
  async #checkHtml(section) {
    const installCommand = await state.findMissingExtra("html-check");
    if (installCommand) {
      fill(section, h("h2", {}, "HTML support"), h("p", { class: "muted" }, "This server does not check HTML; to install it: ", h("code", {}, installCommand)));
      return;
    }
    const { mail } = this;
    this.#fillSection(section, "HTML support", async () => {
      const { Warnings: warnings, Total: total } = await mail.get("html-check");
      const score = Math.round(total.Supported);
      return [
        h(
          "div",
          { class: "score" },
          h("meter", { min: "0", max: "100", low: "70", high: "90", optimum: "100", value: `${total.Supported}`, "aria-label": "Support" }),
          h("strong", {}, `${score} %`),
          h("span", { class: "muted" }, `supported by mail programs, by the data of caniemail.com: ${countOf(total.Tests, "feature")} in ${countOf(total.Nodes, "element")}`),
        ),
        warnings.length ? h("ul", { class: "check-list" }, warnings.map((/** @type {HtmlWarning} */ warning) => buildWarning(mail.id, warning))) : h("p", { class: "good" }, "No warnings."),
      ];
    });
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

/**
 * Return the findings in groups, the worst first.
 *
 * @param {string} id
 * @param {{Errors: number, Warnings: number, Infos: number, Findings: Finding[]}} review
 */
function buildReview(id, { Errors: errors, Warnings: warnings, Infos: infos, Findings: findings }) {
  const listed = findings.filter(({ Rule: rule }) => !SUPPORT_RULES.includes(rule));
  const left = findings.length - listed.length;
  const summary = [`${countOf(errors, "error")}, ${countOf(warnings, "warning")}, ${countOf(infos, "info")}`, left ? `; ${formatCount(left)} of them under HTML support` : null];
  return [
    h("p", { class: "muted" }, summary),
    listed.length ? null : h("p", { class: "good" }, "Nothing to object."),
    ...Object.entries(SEVERITIES).map(([severity, { title }]) => {
      const group = listed.filter((finding) => finding.Severity === severity);
      return group.length ? [h("h3", {}, `${title} (${formatCount(group.length)})`), h("ul", { class: "check-list" }, group.map((finding) => buildFinding(id, finding)))] : null;
    }),
  ];
}

/** @param {string} id @param {Finding} finding */
function buildFinding(id, { Rule: rule, Severity: severity, Text: text, Where: where, Line: line, URL: about }) {
  const { class: color, icon: symbol } = SEVERITIES[severity];
  const place = line === null ? null : h("a", { href: `${paths.mail(id, "source", router.route.query)}#L${line}` }, `Line ${formatCount(line)}`);
  return h(
    "li",
    { class: "finding" },
    h("span", { class: color }, icon(symbol), h("span", { class: "visually-hidden" }, severity)),
    h("span", { class: "finding-text" }, text, h("span", { class: "muted" }, ` (${where})`)),
    h("span", { class: "finding-line" }, place),
    h("span", { class: "finding-rule" }, h("a", { href: about, target: "_blank", rel: "noopener noreferrer", title: "Open the text that has the rule" }, rule)),
  );
}

/** @param {{IsSpam: boolean, Error: string, Score: number, Rules: SpamRule[]}} answer */
function buildSpam({ IsSpam: isSpam, Error: error, Score: score, Rules: rules }) {
  if (error) return [h("p", { class: "bad", role: "alert" }, error)];
  const shown = Math.min(Math.max(score, 0), 2 * SPAM_SCORE);
  return [
    h(
      "div",
      { class: "score" },
      h("meter", { min: "0", max: `${2 * SPAM_SCORE}`, low: "2", high: `${SPAM_SCORE}`, optimum: "0", value: `${shown}`, "aria-label": "Spam score" }),
      h("strong", { class: isSpam ? "bad" : null }, `${score}`),
      h("span", { class: "muted" }, isSpam ? "looks like spam" : "does not look like spam"),
    ),
    rules.length ? h("ul", { class: "check-list" }, rules.map(({ Name: name, Score: points, Description: description }) => h("li", { class: "spam-rule" }, h("strong", {}, `${points}`), h("span", { class: "mono" }, name), h("span", { class: "muted" }, description)))) : h("p", { class: "good" }, "No signs of spam."),
  ];
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
