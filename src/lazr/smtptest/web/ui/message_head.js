/** The head of a mail: what to do with it, its subject, who sent it to whom, its codes and links. */

import { url } from "./api.js";
import { buildChips } from "./chips.js";
import { button, fill, h, icon } from "./dom.js";
import { formatAddress, formatAge, formatSize, formatTime } from "./format.js";
import { findListed } from "./open_mail.js";
import { addressTerm } from "./quoting.js";
import { paths } from "./router.js";
import { state } from "./state.js";

/** @typedef {import("./mail_details.js").MailDetails} MailDetails */
/** @typedef {"previous" | "next" | "toggleRead" | "editTags" | "release" | "remove" | "download" | "copyAs" | "compare" | "sendBack"} Command */
/** @typedef {Record<Command, () => void>} Commands */

const MAX_ADDRESSES = 6;
const MAX_OTHER_ADDRESSES = 500;
const MAX_SUBJECT_LETTERS = 2000;

/**
 * Return the head of a mail.
 *
 * @param {MailDetails} mail
 * @param {boolean} isRead
 * @param {Commands} commands
 */
export function buildHead(mail, isRead, commands) {
  const { message } = mail;
  const fields = h(
    "dl",
    { class: "mail-fields" },
    buildField("From", [message.From], "from"),
    buildField("To", message.To, "to"),
    buildField("Cc", message.Cc, "cc"),
    h("div", { class: "date" }, buildDates(message)),
  );
  const chips = h("div", { class: "chip-place" });
  const tags = message.Tags.map((tag) => {
    if (tag.includes('"')) return h("span", { class: "chip tag" }, icon("tag"), tag); // no search can name it
    return h("a", { class: "chip tag", href: paths.inbox(`tag:"${tag}"`) }, icon("tag"), tag);
  });
  addDetails(mail, fields, chips);
  return [
    buildToolbar(mail, isRead, commands),
    h("div", { class: "mail-title" }, h("h1", { class: message.Subject ? null : "muted", dir: "auto", tabindex: "-1" }, message.Subject.slice(0, MAX_SUBJECT_LETTERS) || "(no subject)"), tags),
    fields,
    chips,
  ];
}

/** The Date field and the time of receipt, as far as the list has loaded the mail. @param {import("./mail_details.js").Message} message */
function buildDates({ ID, Date: date, Size }) {
  const received = findListed(ID)?.Created;
  const size = ` · ${formatSize(Size)}`;
  // Without a Date field, the server takes the time of receipt.
  const written = received === date ? h("span", { class: "muted" }, "none") : buildTime(date);
  return [h("dt", {}, "Date"), h("dd", {}, written, received ? null : size), received ? [h("dt", {}, "Received"), h("dd", {}, buildTime(received), size)] : []].flat();
}

/** @param {string} time in ISO 8601 */
function buildTime(time) {
  const age = formatAge(time); // "5 min", "now", or a date
  return h("time", { datetime: time, title: age.includes(" ") ? `${age} ago` : age }, formatTime(time));
}

/**
 * Add what other requests answer: the recipients of the envelope, the codes and the links.
 *
 * @param {MailDetails} mail
 * @param {HTMLElement} fields
 * @param {HTMLElement} chips
 */
async function addDetails(mail, fields, chips) {
  const [envelope, codes, links] = await Promise.all([mail.envelope(), mail.get("codes"), mail.get("links")]).catch(() => /** @type {const} */ ([null, [], []]));
  fill(chips, buildChips(codes, links));
  const dates = fields.querySelector(".date");
  if (dates) fill(dates, buildDates(mail.message)); // the list may be loaded now
  if (!envelope) return;
  const { To, Cc, Bcc } = mail.message;
  const blind = new Set(envelope.Bcc);
  const named = new Set([...To, ...Cc, ...Bcc].map(({ Address }) => Address.toLowerCase()));
  const remark = (/** @type {string} */ address) => (blind.has(address) ? h("span", { class: "chip warning" }, "blind copy") : null);
  // The envelope is shown where the header says something else.
  const isSame = envelope.To.length === named.size && envelope.To.every((address) => named.has(address.toLowerCase()));
  const delivered = isSame ? [] : buildField("Delivered to", envelope.To.map((Address) => ({ Name: "", Address })), "recipient", remark);
  dates?.before(...buildField("Bcc", Bcc, "bcc", remark), ...delivered);
}

/**
 * @param {string} name
 * @param {import("./api.js").Address[]} addresses
 * @param {"from" | "to" | "cc" | "bcc" | "recipient"} field The search that finds mails with the same address.
 * @param {(address: string) => Node | null} [remark]
 * @returns {Node[]}
 */
function buildField(name, addresses, field, remark) {
  const known = addresses.filter((one) => one.Address || one.Name);
  if (!known.length) return [];
  const build = (/** @type {import("./api.js").Address} */ address) => {
    const term = field === "recipient" ? addressTerm(field, address.Address) : addressTerm(field, `=${address.Address}`);
    return h("span", { class: "address" }, h("a", { href: paths.inbox(term), title: "Find mails with this address" }, h("bdi", {}, formatAddress(address))), remark?.(address.Address));
  };
  const rest = known.slice(MAX_ADDRESSES);
  const more = rest.length ? h("details", {}, h("summary", {}, `${rest.length} more`), rest.slice(0, MAX_OTHER_ADDRESSES).map(build)) : null;
  return [h("dt", {}, name), h("dd", {}, known.slice(0, MAX_ADDRESSES).map(build), more)];
}

/** @param {MailDetails} mail @param {boolean} isRead @param {Commands} commands */
function buildToolbar(mail, isRead, commands) {
  /** @param {Command} name @param {string} label @param {string} [iconName] */
  const command = (name, label, iconName) => button(label, commands[name], { icon: iconName, "data-command": name, class: iconName && "plain" });
  const recipient = mail.message.To[0]?.Address ?? "";
  const rule = h("a", { class: "button", href: url("/rules", { recipient }), title: "Make a rule for this recipient" }, icon("rules"), "Make a rule");
  if (state.hasFullAccess) mail.envelope().then(({ To }) => (rule.href = url("/rules", { recipient: To[0] })), () => {});
  const canRelease = state.configuration?.MessageRelay.Enabled;
  return h(
    "div",
    { class: "mail-tools row", role: "toolbar", "aria-label": "Mail" },
    h("a", { class: "button plain back", href: paths.inbox(new URLSearchParams(location.search).get("q") ?? ""), "aria-label": "Back to the list", title: "Back to the list" }, icon("back")),
    command("previous", "Previous mail", "previous"),
    command("next", "Next mail", "next"),
    h("span", { class: "separator" }),
    command("toggleRead", isRead ? "Mark as unread" : "Mark as read", isRead ? "unread" : "read"),
    command("editTags", "Edit tags", "tag"),
    canRelease ? command("release", "Release to a real mail server", "send") : null,
    state.hasFullAccess ? command("sendBack", "Send something back", "reply") : null,
    command("download", "Download .eml", "download"),
    command("remove", "Delete", "trash"),
    h("span", { class: "separator" }),
    command("copyAs", "Copy as …"),
    command("compare", "Compare …"),
    state.hasFullAccess ? rule : null,
  );
}
