/** The dialog that sends something back about a mail: a bounce, a complaint or an automatic reply. */

import { api } from "./api.js";
import { openDialog } from "./dialog.js";
import { h } from "./dom.js";
import { field, select } from "./form.js";
import { reportErrors, showToast } from "./toast.js";

/**
 * @typedef {object} Kind
 * @property {string} text
 * @property {Record<string, string>} [statuses] The usual ones, the first by default.
 * @property {boolean} [hasText]
 * @property {boolean} [needsText]
 */

/** @type {Record<string, Kind>} */
const KINDS = {
  bounce: {
    text: "Bounce: the mail was not delivered",
    statuses: { "5.1.1": "no such mailbox", "5.2.2": "mailbox full", "5.7.1": "refused", "5.3.4": "too big", "5.4.4": "no such domain", "4.4.7": "given up after some days" },
    hasText: true,
  },
  delayed: {
    text: "Delay: the mail is not delivered yet",
    statuses: { "4.4.1": "no answer from the host", "4.2.2": "mailbox full", "4.7.1": "greylisted" },
    hasText: true,
  },
  delivered: { text: "Delivery: the mail was delivered", hasText: true },
  complaint: { text: "Complaint: the recipient has marked the mail as spam" },
  out_of_office: { text: "Out of office: the recipient is away", hasText: true },
  challenge: { text: "Challenge: the sender has to confirm the mail", hasText: true },
  auto_reply: { text: "Automatic reply with a text", hasText: true, needsText: true },
};

/** @type {Record<string, string>} */
const STYLES = { "": "plain", postfix: "Postfix", exim: "Exim", exchange: "Exchange", gmail: "Gmail" };

/** @type {Record<string, string>} What to say about each outcome; others have a reason. */
const OUTCOMES = { delivered: "Sent back", scheduled: "It will be sent back" };

// A mail can have a thousand recipients.
const MAX_RECIPIENTS = 100;

/**
 * Send something back about a mail, as the user chooses.
 *
 * @param {string} id
 */
export async function openSendBackDialog(id) {
  const { From: sender, To: recipients } = await api.detail(id, "envelope");
  const kind = select(Object.fromEntries(Object.entries(KINDS).map(([name, { text }]) => [name, text])), "bounce", () => update());
  const shown = [...new Set(recipients)].slice(0, MAX_RECIPIENTS);
  const about = select({ "": `all ${recipients.length} recipients`, ...Object.fromEntries(shown.map((address) => [address, address])) }, "");
  const status = h("input", { list: "send-back-statuses", pattern: "[45][.][0-9]{1,3}[.][0-9]{1,3}", spellcheck: "false", required: true });
  const statuses = h("datalist", { id: "send-back-statuses" });
  const text = h("textarea", { rows: "3", maxlength: "10000" });
  const style = select(STYLES, "");
  const after = h("input", { type: "number", min: "0", step: "any", value: "0", required: true });
  const statusField = field("Status", status, "An enhanced status code (RFC 3463)");
  const textField = field("Text", text, "Empty for the usual text");
  const form = h(
    "form",
    { method: "dialog", class: "stack" },
    field("What comes back", kind),
    recipients.length > 1 && field("About", about),
    statusField,
    statuses,
    textField,
    field("As written by", style),
    field("After, in seconds", after),
    h("p", { class: "muted" }, `It goes to the sender of the envelope, <${sender}>: into this inbox, or where --bounces-to says.`),
    h("div", { class: "row" }, h("button", { class: "primary" }, "Send back")),
  );
  const update = () => {
    const chosen = KINDS[kind.value];
    statusField.hidden = !chosen.statuses;
    status.disabled = !chosen.statuses;
    textField.hidden = !chosen.hasText;
    text.required = Boolean(chosen.needsText);
    const usual = Object.entries(chosen.statuses ?? {});
    statuses.replaceChildren(...usual.map(([value, meaning]) => h("option", { value }, meaning)));
    status.value = usual[0]?.[0] ?? "";
  };
  update();
  openDialog("Send something back", form);
  form.addEventListener("submit", () => {
    const chosen = KINDS[kind.value];
    const request = {
      Kind: kind.value,
      Recipients: about.value ? [about.value] : undefined,
      Status: chosen.statuses ? status.value : undefined,
      Text: (chosen.hasText && text.value) || undefined,
      Style: style.value || undefined,
      After: Number(after.value),
    };
    reportErrors(async () => {
      const { Outcome: outcome, Recipient: recipient, Reason: reason } = await api.sendBack(id, request);
      if (outcome in OUTCOMES) showToast(`${OUTCOMES[outcome]} to ${recipient}`);
      else showToast(`Not sent: ${reason}`, { isError: true });
    });
  });
  kind.focus();
}
