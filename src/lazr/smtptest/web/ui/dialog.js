/** Modal dialogs: the palette, the help, and short forms. */

import { button, h } from "./dom.js";
import { moveToasts } from "./toast.js";

/**
 * Show a modal dialog until it is closed; the focus then returns to where it was.
 *
 * @param {string} title
 * @param {...import("./dom.js").Children} content
 * @returns {HTMLDialogElement}
 */
export function openDialog(title, ...content) {
  const previous = document.activeElement;
  const dialog = h("dialog", { "aria-label": title });
  const close = button("Close", () => dialog.close(), { icon: "close" });
  dialog.append(h("div", { class: "dialog-head" }, h("h2", {}, title), close), ...h("div", {}, ...content).childNodes);
  let isPressedOutside = false; // a selection of text may end outside
  dialog.addEventListener("pointerdown", (event) => (isPressedOutside = isOutside(dialog, event)));
  dialog.addEventListener("click", (event) => isPressedOutside && isOutside(dialog, event) && dialog.close());
  dialog.addEventListener("close", () => {
    moveToasts();
    dialog.remove();
    // What ran in the dialog may have set the focus already.
    if (document.activeElement === document.body && previous instanceof HTMLElement) previous.focus();
  });
  document.body.append(dialog);
  dialog.showModal();
  moveToasts();
  return dialog;
}

/** Whether an event is on the backdrop, not on the dialog or its padding. @param {HTMLDialogElement} dialog @param {MouseEvent} event */
function isOutside(dialog, { target, clientX, clientY }) {
  const { left, right, top, bottom } = dialog.getBoundingClientRect();
  return target === dialog && (clientX < left || clientX > right || clientY < top || clientY > bottom);
}

/**
 * Ask for one line of text.
 *
 * @param {string} title
 * @param {string} label
 * @param {{value?: string, action?: string, options?: string[]}} [settings] `options`: completions of the text.
 * @returns {Promise<string | null>} None if the dialog was closed.
 */
export function askText(title, label, { value = "", action = "OK", options = [] } = {}) {
  return new Promise((resolve) => {
    const input = h("input", { value, list: "dialog-options", autofocus: true });
    const form = h("form", { method: "dialog", class: "row" }, h("label", {}, label, input), h("button", {}, action));
    const list = h("datalist", { id: "dialog-options" }, ...options.map((option) => h("option", { value: option })));
    const dialog = openDialog(title, form, list);
    /** @type {string | null} */
    let text = null;
    form.addEventListener("submit", () => (text = input.value));
    dialog.addEventListener("close", () => resolve(text));
  });
}
