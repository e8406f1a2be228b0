/** The results of DKIM, ARC, SPF and DMARC of a mail, each with its reason. */

import { button, fill, h, icon } from "./dom.js";
import { state } from "./state.js";
import { copyText } from "./toast.js";

/** @typedef {{Result: string, Domain: string, Selector: string, Algorithm: string, KeyBits: number, Reason: string, Changed: string, TestKey: boolean}} DkimSignature */
/** @typedef {{Result: string, Reason: string, Sets: {Domain: string}[]}} ArcChain */
/** @typedef {{Result: string, Domain: string, IP: string, Scope: string, Mechanism: string, Explanation: string, Reason: string}} Spf */
/** @typedef {{Result: string, Domain: string, Policy: string, Disposition: string, Reason: string}} Dmarc */
/** @typedef {{HasDNS: boolean, DKIM: DkimSignature[], ARC: ArcChain, SPF: Spf, DMARC: Dmarc, Header: string}} Authentication */

/** @type {Record<string, string>} The class of a result; all others are warnings. */
const CLASSES = { pass: "good", fail: "bad", permerror: "bad", none: "muted" };
/** @type {Record<string, string>} */
const ICONS = { good: "check", bad: "close", warning: "warning" };
const MAX_ROWS = 20;

/**
 * Return a section that shows the results when they have come.
 *
 * @param {import("./mail_details.js").MailDetails} mail
 * @param {AbortSignal} signal Aborted when the tab is gone.
 */
export function buildAuthenticationSection(mail, signal) {
  const section = h("section", { "aria-label": "Sender" });
  const title = () => h("h2", {}, "Sender");
  const load = async () => {
    const installCommand = await state.findMissingExtra("checks");
    if (installCommand) {
      fill(section, title(), h("p", { class: "muted" }, "This server does not check DKIM, SPF and DMARC; to install it: ", h("code", {}, installCommand)));
      return;
    }
    fill(section, title(), h("p", { class: "muted", role: "status" }, "Checking …"));
    try {
      fill(section, title(), ...buildResults(await mail.get("authentication")));
    } catch (error) {
      if (!signal.aborted) fill(section, title(), h("p", { class: "bad", role: "alert" }, error instanceof Error ? error.message : String(error)));
    }
  };
  load();
  return section;
}

/** @param {Authentication} found */
function buildResults({ HasDNS: hasDns, DKIM: dkim, ARC: arc, SPF: spf, DMARC: dmarc, Header: header }) {
  if (!hasDns) {
    return [h("p", { class: "muted" }, "DKIM, SPF and DMARC need DNS records; start the server with ", h("code", {}, "smtptest serve --dns-zone FILE"), ".")];
  }
  const best = dkim.some((one) => one.Result === "pass") ? "pass" : (dkim[0]?.Result ?? "none");
  const results = Object.entries({ DKIM: best, SPF: spf.Result, DMARC: dmarc.Result, ARC: arc.Result });
  const noSignature = [buildRow("DKIM", "none", "the mail has no DKIM signature")];
  return [
    h("div", { class: "row", role: "group", "aria-label": "Results" }, results.map(([name, result]) => h("span", { class: `chip ${classOf(result)}` }, h("strong", {}, name), ` ${result}`))),
    h(
      "ul",
      { class: "check-list" },
      dkim.length ? dkim.slice(0, MAX_ROWS).map(buildSignature) : noSignature,
      buildRow("SPF", spf.Result, spf.Reason, describeSpf(spf)),
      buildRow("DMARC", dmarc.Result, dmarc.Reason, dmarc.Policy && `policy ${dmarc.Policy}; receivers ${describeDisposition(dmarc)} this mail`),
      arc.Result === "none" ? null : buildRow("ARC", arc.Result, arc.Reason, arc.Sets.map((one) => one.Domain).join(", ")),
    ),
    h("p", {}, button("Copy as Authentication-Results", () => copyText(header, "Field"), { icon: "copy", text: true })),
  ];
}

/** @param {DkimSignature} signature */
function buildSignature({ Result: result, Domain: domain, Selector: selector, Algorithm: algorithm, KeyBits: bits, Reason: reason, Changed: changed, TestKey: isTestKey }) {
  const facts = [domain && `domain ${domain}`, selector && `selector ${selector}`, algorithm, bits ? `${bits} bits` : "", changed && `changed: ${changed}`, isTestKey ? "test key" : ""];
  return buildRow("DKIM", result, reason, facts.filter(Boolean).join(", "));
}

/** @param {Spf} spf */
function describeSpf({ Domain: domain, IP: ip, Scope: scope, Explanation: explanation }) {
  const place = domain && `${scope === "helo" ? "HELO" : "MAIL FROM"} ${domain}`;
  return [place, ip && `client ${ip}`, explanation && `${domain} says: ${explanation}`].filter(Boolean).join(", ");
}

/** @param {Dmarc} dmarc */
function describeDisposition({ Disposition: disposition }) {
  return disposition === "none" ? "accept" : disposition;
}

/** @param {string} result */
const classOf = (result) => CLASSES[result] ?? "warning";

/** @param {string} name @param {string} result @param {string} reason @param {string} [facts] */
function buildRow(name, result, reason, facts) {
  const kind = classOf(result);
  return h(
    "li",
    { class: "sender-result" },
    h("span", { class: kind }, ICONS[kind] && icon(ICONS[kind]), h("span", { class: "visually-hidden" }, result)),
    h("strong", {}, `${name} ${result}`),
    h("span", {}, reason, facts ? h("span", { class: "muted" }, ` (${facts})`) : null),
  );
}
