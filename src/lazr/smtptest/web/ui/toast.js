/** Short messages at the bottom of the page, which go away by themselves; errors stay longer. */

import { ApiError } from "./api.js";
import { button, h } from "./dom.js";

const MESSAGE_SECONDS = 4;
const ERROR_SECONDS = 10;

const container = h("div", { class: "toasts", role: "status", "aria-live": "polite" });
document.body.append(container);

/** Where the user can act: what is outside of an open modal dialog is inert. */
const activeLayer = () => [...document.querySelectorAll("dialog[open]")].pop() ?? document.body;

/** Move the messages to where the user can act; call this when a dialog has opened or closed. */
export function moveToasts() {
  const layer = activeLayer();
  if (container.parentElement !== layer) layer.append(container);
}

/**
 * Show a message.
 *
 * @param {string} text
 * @param {{seconds?: number, action?: string, run?: () => void, isError?: boolean}} [options] `action` and `run`: a button.
 * @returns {() => void} A function that removes the message.
 */
export function showToast(text, { seconds = MESSAGE_SECONDS, action, run, isError = false } = {}) {
  const toast = h("div", { class: isError ? "toast error" : "toast" }, h("span", {}, text));
  const close = () => toast.remove();
  if (action) toast.append(button(action, () => (close(), run?.())));
  toast.append(button("Close", close, { icon: "close" }));
  moveToasts();
  container.append(toast);
  setTimeout(close, seconds * 1000);
  return close;
}

/**
 * Run something and show its error, if it fails.
 *
 * @template Result
 * @param {() => Promise<Result>} run
 * @param {{isRepeated?: boolean}} [options] `isRepeated`: it runs again soon, so a server that does not answer is no news:
 *     the state of the connection tells that.
 * @returns {Promise<Result | undefined>}
 */
export async function reportErrors(run, { isRepeated = false } = {}) {
  try {
    return await run();
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") return undefined;
    if (isRepeated && error instanceof ApiError && error.status === 0) return undefined;
    if (!(error instanceof ApiError)) console.error(error);
    showToast(error instanceof Error ? error.message : String(error), { seconds: ERROR_SECONDS, isError: true });
    return undefined;
  }
}

/** @param {string} text @param {string} [name] What was copied, for the message. */
export async function copyText(text, name = "Text") {
  if (await writeClipboard(text)) showToast(`${name} copied`);
  else showToast("The browser does not allow copying here. Select the text and press Ctrl+C.", { seconds: ERROR_SECONDS, isError: true });
}

/** @param {string} text @returns {Promise<boolean>} Whether it was copied. */
async function writeClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text); // no clipboard over plain http from another machine
  }
}

/** @param {string} text @returns {boolean} Whether it was copied. */
function copyBySelection(text) {
  const focused = document.activeElement;
  const area = h("textarea", { class: "visually-hidden", "aria-hidden": "true" });
  area.value = text;
  activeLayer().append(area);
  area.focus({ preventScroll: true });
  area.select();
  const isCopied = document.execCommand("copy");
  area.remove();
  if (focused instanceof HTMLElement) focused.focus({ preventScroll: true });
  return isCopied;
}
