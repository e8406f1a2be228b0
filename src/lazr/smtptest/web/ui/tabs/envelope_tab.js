/** The envelope against the header: who gets the mail by RCPT TO, and who is named in To, Cc and Bcc. */

import { h } from "../dom.js";
import { parseFields } from "../header_fields.js";
import { paths, router } from "../router.js";
import { state } from "../state.js";
import { MailTab } from "./mail_tab.js";

/** @typedef {import("../mail_details.js").Envelope} Envelope */
/** @typedef {import("../mail_details.js").Message} Message */
/** @typedef {{address: string, envelope: boolean, fields: string[], parameters: string, verdict: string}} Recipient */

const MAX_ROWS = 2000;
/** Addresses of Sender and of Reply-To. */
const MAX_SENDERS = 100;

class EnvelopeTab extends MailTab {
  async build() {
    const { mail } = this;
    const [envelope, octets] = await Promise.all([mail.envelope(), mail.source()]);
    const { message } = mail;
    const fields = parseFields(octets);
    const sender = addressesIn(fields.find(({ name }) => name.toLowerCase() === "sender")?.value ?? "");
    const hasBcc = fields.some(({ name }) => name.toLowerCase() === "bcc"); // else these are the blind copies
    const recipients = compareRecipients(envelope, hasBcc ? message : { ...message, Bcc: [] });
    const missing = recipients.filter(({ verdict }) => verdict === HEADER_ONLY);
    // Without full access, or when the server has forgotten the session, it stays unknown.
    const replies = missing.length && state.hasFullAccess ? await mail.get("session").then(findRefusals, () => null) : null;
    for (const recipient of missing) {
      const reply = replies?.get(canonical(recipient.address));
      if (reply) recipient.verdict = `refused: ${reply}`;
    }
    return [
      h("h2", {}, "Recipients"),
      buildTable(
        ["Address", "RCPT TO", "Header", "Parameters", "Result"],
        recipients.slice(0, MAX_ROWS).map(({ address, envelope: isDelivered, fields: names, parameters, verdict }) => [
          h("span", { class: "mono" }, address),
          isDelivered ? "yes" : h("span", { class: "muted" }, "no"),
          names.join(", ") || h("span", { class: "muted" }, "none"),
          h("span", { class: "mono" }, parameters),
          h("span", { class: `chip ${VERDICT_CLASSES[verdict] ?? "bad"}` }, verdict),
        ]),
      ),
      recipients.length > MAX_ROWS ? h("p", { class: "muted" }, `${recipients.length - MAX_ROWS} more recipients`) : null,
      h("h2", {}, "Sender"),
      buildTable(
        ["Where", "Address", "Result"],
        [
          ["MAIL FROM", h("span", { class: "mono" }, envelope.From || "<>"), describeSender(envelope.From, message.From.Address)],
          ["From", h("span", { class: "mono" }, message.From.Address || "missing"), message.From.Address ? "" : h("span", { class: "warning" }, "RFC 5322 requires this field")],
          ...sender.slice(0, MAX_SENDERS).map((address) => ["Sender", h("span", { class: "mono" }, address), describeSame(address, message.From.Address, "From")]),
          ...message.ReplyTo.slice(0, MAX_SENDERS).map(({ Address }) => ["Reply-To", h("span", { class: "mono" }, Address), describeSame(Address, message.From.Address, "From")]),
        ],
      ),
      h("h2", {}, "Session"),
      h(
        "dl",
        { class: "mail-facts" },
        buildFact("MAIL parameters", formatParameters(envelope.FromParameters)),
        buildFact("HELO", envelope.Helo),
        buildFact("Client", envelope.Peer),
        buildFact("TLS", envelope.TLS || "none: the mail was sent in clear"),
        buildFact("User", envelope.User || "none: no AUTH"),
      ),
      state.hasFullAccess ? h("p", {}, h("a", { href: paths.mail(mail.id, "wire", router.route.query) }, "Show the session")) : null,
    ];
  }
}

const HEADER_ONLY = "header only";
/** @type {Record<string, string>} */
const VERDICT_CLASSES = { "header and envelope": "good", "blind copy": "warning" };

/**
 * Return the replies to the RCPT commands of a transaction that were refused, by the address.
 *
 * @param {{Transcript: import("../transcript_view.js").Line[], FirstLine: number, LastLine: number}} session
 */
function findRefusals({ Transcript: lines, FirstLine: first, LastLine: last }) {
  /** @type {Map<string, string>} */
  const replies = new Map();
  /** @type {string[]} Commands without a reply: a client may send several at once (RFC 2920). */
  const commands = [];
  for (const { Who: who, Text: text, Content: isContent, Refused: isRefused } of lines.slice(first, last + 1)) {
    if (who === "C" && !isContent) commands.push(text);
    if (who !== "S" || /^\d{3}-/.test(text)) continue;
    const address = /^rcpt to:\s*<([^>]*)>/i.exec(commands.shift() ?? "")?.[1];
    if (isRefused && address) replies.set(canonical(address), text);
  }
  return replies;
}

/**
 * Return all addresses of the envelope and of the header, the envelope's first.
 *
 * @param {Envelope} envelope
 * @param {Message} message
 * @returns {Recipient[]}
 */
function compareRecipients(envelope, message) {
  /** @type {Map<string, Recipient>} */
  const recipients = new Map();
  const add = (/** @type {string} */ address) => {
    const key = canonical(address);
    const known = recipients.get(key) ?? { address, envelope: false, fields: [], parameters: "", verdict: "" };
    recipients.set(key, known);
    return known;
  };
  envelope.To.forEach((address, index) => {
    const recipient = add(address);
    recipient.envelope = true;
    recipient.parameters = formatParameters(envelope.ToParameters[index] ?? {});
  });
  for (const [name, addresses] of Object.entries({ To: message.To, Cc: message.Cc, Bcc: message.Bcc })) {
    for (const { Address } of addresses) if (Address) add(Address).fields.push(name);
  }
  const blind = new Set(envelope.Bcc.map(canonical)); // the server knows more ways to write one address
  for (const [key, recipient] of recipients) {
    if (!recipient.envelope) recipient.verdict = HEADER_ONLY;
    else recipient.verdict = blind.has(key) || recipient.fields.every((name) => name === "Bcc") ? "blind copy" : "header and envelope";
  }
  return [...recipients.values()];
}

/**
 * Return an address for comparisons: the case of the domain does not count, nor whether it is in Punycode.
 *
 * @param {string} address
 */
export function canonical(address) {
  const at = address.lastIndexOf("@");
  const domain = address.slice(at + 1);
  const host = `//${domain}`;
  return address.slice(0, at + 1) + (URL.canParse(host, location.href) ? new URL(host, location.href).hostname : domain.toLowerCase());
}

/** @param {string} reversePath @param {string} from */
function describeSender(reversePath, from) {
  if (!reversePath) return "the null reverse-path: for bounces and automatic replies (RFC 5321 4.5.5)";
  return describeSame(reversePath, from, "From", "; bounces go to MAIL FROM");
}

/** @param {string} address @param {string} other @param {string} name @param {string} [consequence] */
function describeSame(address, other, name, consequence = "") {
  if (canonical(address) === canonical(other)) return h("span", { class: "good" }, `same as ${name}`);
  const domain = (/** @type {string} */ one) => canonical(one).split("@").pop();
  return h("span", { class: "warning" }, (domain(address) === domain(other) ? `same domain as ${name}` : `another domain than ${name}`) + consequence);
}

/** The words with an "@" that is neither their first nor their last letter. @param {string} value */
const addressesIn = (value) =>
  value.split(/[\s<>,;"]+/).filter((word) => {
    const at = word.indexOf("@", 1);
    return at > 0 && at < word.length - 1;
  });

/** @param {Record<string, string>} parameters */
const formatParameters = (parameters) => Object.entries(parameters).map(([name, value]) => (value ? `${name}=${value}` : name)).join(" ");

/** @param {string} name @param {string} value */
const buildFact = (name, value) => (value ? [h("dt", {}, name), h("dd", { class: "mono" }, value)] : []);

/** @param {string[]} names @param {import("../dom.js").Children[][]} rows */
const buildTable = (names, rows) =>
  h(
    "table",
    { class: "wide" },
    h("thead", {}, h("tr", {}, names.map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", {}, rows.map((cells) => h("tr", {}, cells.map((cell) => h("td", {}, cell))))),
  );

customElements.define("envelope-tab", EnvelopeTab);
