/** Choose the mail to compare with: the previous one with the same subject, or one of the latest. */

import { api } from "./api.js";
import { openDialog } from "./dialog.js";
import { fill, h } from "./dom.js";
import { formatAddress, formatTime } from "./format.js";
import { findListed } from "./open_mail.js";
import { searchTerms } from "./quoting.js";
import { paths } from "./router.js";
import { reportErrors } from "./toast.js";

/** @typedef {import("./api.js").Summary} Summary */

const MAX_CHOICES = 50;
/** How many mails of one subject are looked through for the previous one. */
const MAX_PAGES = 10;
const PAGE_MAILS = 200;

/** @param {import("./mail_details.js").Message} message */
export async function chooseOtherMail(message) {
  const list = h("ul", { class: "compare-list" });
  const input = h("input", { type: "search", "aria-label": "Search mails", placeholder: "Search mails" });
  const previous = await findPrevious(message);
  const created = findListed(message.ID)?.Created ?? message.Date;
  const dialog = openDialog("Compare with …", previous ? h("p", {}, "Previous with the same subject:") : null, previous ? h("ul", { class: "compare-list" }, build(previous)) : null, input, list);
  let searching = new AbortController();
  const search = () =>
    reportErrors(async () => {
      searching.abort();
      searching = new AbortController();
      const { messages } = await api.list({ query: input.value, limit: MAX_CHOICES }, searching.signal);
      const others = messages.filter(({ ID }) => ID !== message.ID && ID !== previous?.ID);
      fill(list, others.length ? others.map(build) : h("li", { class: "muted" }, "No other mail."));
    });
  /** @param {Summary} other */
  function build(other) {
    const [older, newer] = other.Created <= created ? [other.ID, message.ID] : [message.ID, other.ID];
    const link = h("a", { href: paths.diff(older, newer), onclick: () => dialog.close() }, h("strong", {}, other.Subject || "(no subject)"));
    return h("li", {}, link, h("span", { class: "muted" }, `${(other.Recipients ?? (other.To ?? []).map(formatAddress)).join(", ")} · ${formatTime(other.Created)}`));
  }
  let timer = 0;
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(search, 200);
  });
  dialog.addEventListener("close", () => (clearTimeout(timer), searching.abort()));
  await search();
}

/**
 * Return the newest mail that is older and has the same subject; undefined if there is none among the latest ones.
 *
 * @param {import("./mail_details.js").Message} message
 */
export async function findPrevious(message) {
  const query = searchTerms("subject", message.Subject);
  let isFound = false;
  for (let page = 0, cursor = ""; page < MAX_PAGES; page++) {
    const { messages, cursors } = await api.list({ query, limit: PAGE_MAILS, cursor });
    for (const mail of messages) {
      if (isFound && mail.Subject === message.Subject) return mail;
      if (mail.ID === message.ID) isFound = true;
    }
    cursor = cursors.next;
    if (!cursor) break;
  }
  return undefined;
}
