/** Deletions that can be taken back for some seconds. */

import { api, ApiError } from "./api.js";
import { countOf } from "./format.js";
import { openMail } from "./open_mail.js";
import { router } from "./router.js";
import { state } from "./state.js";
import { reportErrors, showToast } from "./toast.js";

export const UNDO_SECONDS = 10;

/** @type {{token: string, count: number, opened: string, expires: number, close: () => void}[]} */
const pending = [];

export const canUndo = () => pending.some(({ expires }) => expires > Date.now());

/**
 * Delete mails with a delay, and offer to bring them back.
 *
 * @param {{ids?: string[], query?: string}} which Without both, all mails.
 * @param {number} count How many mails these are.
 * @param {string} [opened] The one of them that was open, to open it again.
 */
export async function removeWithUndo(which, count, opened = "") {
  const { Undo: token, Seconds: seconds } = await api.remove(which, UNDO_SECONDS);
  const text = `${countOf(count, "mail")} deleted`;
  // The server has nothing to bring back: the mails were gone already, or they were too many to keep.
  if (!token) return void showToast(`${text}. This cannot be undone.`);
  const close = showToast(text, { seconds, action: "Undo", run: () => undo(token) });
  pending.push({ token, count, opened, expires: Date.now() + seconds * 1000, close });
}

/**
 * Bring deleted mails back.
 *
 * @param {string} [token] The latest deletion without one.
 */
export function undo(token = pending.at(-1)?.token) {
  const index = pending.findIndex((deletion) => deletion.token === token);
  const [deletion] = index < 0 ? [] : pending.splice(index, 1);
  if (!deletion) return showToast("There is nothing to undo.");
  deletion.close();
  return reportErrors(async () => {
    try {
      await api.undo(deletion.token);
    } catch (error) {
      if (error instanceof ApiError && error.status === 0) pending.push(deletion); // the server did not hear it
      throw error;
    }
    state.emit("resync");
    const { opened } = deletion;
    if (opened && router.route.page === "inbox") openMail(opened, { replace: router.route.id !== "" });
    showToast(deletion.count === 1 ? "The mail is back" : "The mails are back");
  });
}
