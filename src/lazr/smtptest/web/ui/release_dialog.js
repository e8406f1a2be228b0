/** The dialog that sends mails to real recipients. */

import { api } from "./api.js";
import { openDialog } from "./dialog.js";
import { h } from "./dom.js";
import { countOf } from "./format.js";
import { state } from "./state.js";
import { reportErrors, showToast } from "./toast.js";

const MAX_MAILS = 100;

/**
 * Send mails to real recipients through the relay of the server; the user confirms the recipients.
 *
 * @param {string[]} ids
 */
export async function openReleaseDialog(ids) {
  if (!ids.length) return;
  if (ids.length > MAX_MAILS) throw new Error(`At most ${MAX_MAILS} mails can be released together. Select fewer.`);
  const envelopes = await Promise.all(ids.map((id) => api.detail(id, "envelope")));
  /** @type {string[][]} */
  const own = envelopes.map(({ To }) => To);
  const recipients = [...new Set(own.flat())];
  const input = h("textarea", { rows: "4", id: "release-to", spellcheck: "false" });
  input.value = recipients.join("\n");
  const allowed = state.configuration?.MessageRelay.AllowedRecipients;
  const form = h(
    "form",
    { method: "dialog", class: "stack" },
    h("p", {}, `${countOf(ids.length, "mail")} will leave this server and reach real people, unchanged.`),
    h("label", { for: "release-to" }, "Recipients, one in each line"),
    input,
    ids.length > 1 && h("p", { class: "muted" }, "Each mail is sent to those of its own recipients that are in this list."),
    allowed && h("p", { class: "muted" }, `The server allows recipients that match ${allowed}`),
    h("div", { class: "row" }, h("button", { class: "primary" }, "Release")),
  );
  openDialog(ids.length === 1 ? "Release this mail" : `Release ${countOf(ids.length, "mail")}`, form);
  /** The mails that have a recipient, and their recipients. */
  const choose = () => {
    const to = input.value.split(/[\s,;]+/).filter(Boolean);
    const chosen = own.map((addresses) => (ids.length > 1 ? addresses.filter((address) => to.includes(address)) : to));
    return ids.map((id, index) => ({ id, to: chosen[index] })).filter((mail) => mail.to.length > 0);
  };
  const check = () => input.setCustomValidity(choose().length ? "" : "Name at least one recipient.");
  input.addEventListener("input", check);
  check();
  form.addEventListener("submit", () => {
    const chosen = choose();
    reportErrors(async () => {
      for (const { id, to } of chosen) await api.release(id, to);
      const count = new Set(chosen.flatMap(({ to }) => to)).size;
      showToast(`${countOf(chosen.length, "mail")} released to ${countOf(count, "recipient")}`);
    });
  });
  input.focus();
}
