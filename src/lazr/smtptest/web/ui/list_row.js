/** One row of the list: a mail, the head of a group, or a place that is being loaded. */

import { h, icon } from "./dom.js";
import { countOf, formatAddress, formatAge, formatCount, formatSize, formatTime } from "./format.js";
import { paths } from "./router.js";

/** @typedef {import("./api.js").Summary} Summary */
/** @typedef {import("./list_window.js").Group} Group */

const MAX_TAGS = 3;

/**
 * Return what decides how a row looks; the row is built again when it differs.
 *
 * @param {import("./list_window.js").Row} row
 */
export function describeRow({ mail, group, isOpen }) {
  if (mail) return [mail.Read, mail.Tags, formatAge(mail.Created)].join("\n");
  return group && isOpen !== undefined ? [group.Total, group.Unread, group.Latest, isOpen].join("\n") : "";
}

/**
 * Return what identifies a row; a mail can be in several groups.
 *
 * @param {import("./list_window.js").Row} row
 * @param {number} index
 */
export function keyOf({ mail, group, isOpen }, index) {
  if (mail) return `mail\n${group?.Name ?? ""}\n${mail.ID}`;
  return group && isOpen !== undefined ? `group\n${group.Name}` : `loading\n${index}`;
}

/**
 * Return the cells of a row.
 *
 * @param {import("./list_window.js").Row} row
 * @param {string} query The search of the list, for the links.
 */
export function buildCells({ mail, group, isOpen }, query) {
  if (mail) return buildMailCells(mail, query);
  return group && isOpen !== undefined ? buildGroupCells(group) : buildLoadingCells();
}

/**
 * Return the cells of a mail.
 *
 * @param {Summary} mail
 * @param {string} query The search of the list, for the link.
 */
function buildMailCells(mail, query) {
  const recipients = mail.Recipients?.length ? mail.Recipients : (mail.To ?? []).map(({ Address }) => Address);
  const sender = mail.From ? mail.From.Name || mail.From.Address : mail.ReturnPath;
  const subject = mail.Subject || "(no subject)";
  const more = recipients.length > 1 && h("span", { class: "more", title: recipients.join("\n") }, `+${recipients.length - 1}`);
  const tags = mail.Tags.slice(0, MAX_TAGS).map((tag) => h("span", { class: "chip" }, tag));
  if (mail.Tags.length > MAX_TAGS) tags.push(h("span", { class: "chip", title: mail.Tags.join("\n") }, `+${mail.Tags.length - MAX_TAGS}`));
  const attachments = mail.Attachments > 0 && countOf(mail.Attachments, "attachment");
  return [
    cell("select", h("input", { type: "checkbox", tabindex: "-1", "aria-label": `Select ${subject}` })),
    cell("recipient", !mail.Read && h("span", { class: "visually-hidden" }, "Unread. "), h("span", { title: recipients[0] }, recipients[0] ?? "(no recipient)"), more),
    cell("sender", h("span", { class: "visually-hidden" }, "From "), h("span", { title: mail.From ? formatAddress(mail.From) : "" }, sender || "(no sender)")),
    cell(
      "subject",
      h("a", { href: paths.mail(mail.ID, "", query), tabindex: "-1" }, subject),
      mail.Snippet && h("span", { class: "excerpt" }, mail.Snippet),
    ),
    cell("tags", ...tags),
    cell("marks", attachments && h("span", { title: attachments }, icon("attachment"), h("span", { class: "visually-hidden" }, attachments))),
    cell("size", formatSize(mail.Size)),
    cell("time", h("time", { datetime: mail.Created, title: formatTime(mail.Created) }, formatAge(mail.Created))),
  ];
}

/**
 * Return the cells of the head of a group.
 *
 * @param {Group} group
 */
function buildGroupCells(group) {
  const unread = group.Unread > 0 && h("span", { class: "count" }, `${formatCount(group.Unread)} unread`);
  return [
    cell("group", icon("down"), h("strong", {}, group.Name || "(none)"), unread, h("span", { class: "muted" }, countOf(group.Total, "mail"))),
    cell("time", h("time", { datetime: group.Latest, title: formatTime(group.Latest) }, formatAge(group.Latest))),
  ];
}

const buildLoadingCells = () => [cell("loading", h("span", { class: "visually-hidden" }, "Loading"))];

/**
 * @param {string} name
 * @param {...import("./dom.js").Children} children
 */
const cell = (name, ...children) => h("div", { role: "gridcell", class: name }, ...children);
