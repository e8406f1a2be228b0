/** What can be done with mails, from the list and from the open mail; dialogs are loaded when they are needed. */

import { api } from "./api.js";
import { h } from "./dom.js";
import { findNeighbor, openMail } from "./open_mail.js";
import { paths, router } from "./router.js";
import { selection } from "./selection.js";
import { state } from "./state.js";
import { reportErrors } from "./toast.js";
import { removeWithUndo } from "./undo.js";

/** A download of several mails is made in the memory of the browser. */
const MAX_DOWNLOAD_OCTETS = 256 * 1024 * 1024;

/**
 * Mark mails as read or unread.
 *
 * @param {string[]} ids
 * @param {boolean} read
 */
export function markRead(ids, read) {
  if (!ids.length) return; // an empty list means all mails for the server
  return reportErrors(async () => {
    await api.setRead(ids, read);
    for (const id of ids) state.emit("update", { ID: id, Read: read });
  });
}

/**
 * Mark all mails as read, or all that a search finds.
 *
 * @param {string} query "" for all mails.
 */
export function markAllRead(query) {
  return reportErrors(async () => {
    await api.setAllRead(query, true);
    state.emit("resync");
  });
}

/**
 * Let the user change the tags of mails.
 *
 * @param {string[]} ids
 */
export const editTags = (ids) => reportErrors(async () => (await import("./tag_dialog.js")).openTagDialog(ids));

/**
 * Delete mails; the user can undo it for ten seconds. If the open mail is among them, the next one is opened.
 *
 * @param {string[]} ids
 */
export function removeMails(ids) {
  if (!ids.length) return; // an empty list means all mails for the server
  const opened = ids.find((id) => id === router.route.id);
  return reportErrors(async () => {
    await leaveOpenMail(ids);
    await removeWithUndo({ ids }, ids.length, opened);
    for (const id of ids) state.emit("delete", { ID: id });
  });
}

/**
 * Open the next mail that stays if the open one is among those that will be deleted.
 *
 * @param {string[]} ids
 */
async function leaveOpenMail(ids) {
  const { id, query } = router.route;
  if (!ids.includes(id)) return;
  const next = [await findNeighbor(id, 1), await findNeighbor(id, -1)].find((neighbor) => neighbor && !ids.includes(neighbor));
  if (next) openMail(next, { replace: true });
  else router.go(paths.inbox(query), { replace: true });
}

/**
 * Delete all mails, or all that a search finds; the user can undo it for ten seconds.
 *
 * @param {string} query "" for all mails.
 * @param {number} count How many mails it is about, for the message.
 */
export function removeAll(query, count) {
  return reportErrors(async () => {
    await removeWithUndo({ query: query || undefined }, count);
    selection.clear();
    if (router.route.id) router.go(paths.inbox(query), { replace: true });
    state.emit("resync");
  });
}

/**
 * Send mails to real recipients, after the user has confirmed them.
 *
 * @param {string[]} ids
 */
export const releaseMails = (ids) => reportErrors(async () => (await import("./release_dialog.js")).openReleaseDialog(ids));

/** @param {string} id */
export const release = (id) => releaseMails([id]);

/**
 * Send a bounce, a complaint or an automatic reply to the sender of a mail, as the user chooses.
 *
 * @param {string} id
 */
export const sendBack = (id) => reportErrors(async () => (await import("./send_back_dialog.js")).openSendBackDialog(id));

/**
 * Save mails: one as a file .eml, several as a zip file of them. Every byte is as the server received it.
 *
 * @param {string[]} ids
 */
export function downloadMails(ids) {
  if (!ids.length) return;
  if (ids.length === 1) return saveFile(api.sourceUrl(ids[0]), `${ids[0]}.eml`);
  return reportErrors(async () => {
    /** @type {{name: string, content: Uint8Array}[]} */
    const files = [];
    let octets = 0;
    for (const id of ids) {
      const content = await api.source(id);
      octets += content.length;
      if (octets > MAX_DOWNLOAD_OCTETS) throw new Error("These mails are larger than 256 MB. Select fewer, or use smtptest export.");
      files.push({ name: `${id}.eml`, content });
    }
    const { buildZip } = await import("./zip_file.js");
    const address = URL.createObjectURL(new Blob(buildZip(files), { type: "application/zip" }));
    saveFile(address, "mails.zip");
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
  });
}

/** @param {string} address @param {string} name */
function saveFile(address, name) {
  h("a", { href: address, download: name }).click();
}
