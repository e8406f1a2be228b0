/** Fields of forms: a control with its label and hint, and a message about its value. */

import { h } from "./dom.js";

/** @typedef {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} Control */

let lastNumber = 0;

/**
 * Return a control with its label above and a hint below it.
 *
 * @param {string} label
 * @param {Control} control
 * @param {string} [hint]
 */
export function field(label, control, hint) {
  control.id ||= `field-${(lastNumber += 1)}`;
  const note = hint && h("small", { class: "muted", id: `${control.id}-hint` }, hint);
  if (note) control.setAttribute("aria-describedby", note.id);
  return h("div", { class: "field" }, h("label", { for: control.id }, label), control, note);
}

/**
 * Return a checkbox with its label beside it.
 *
 * @param {string} label
 * @param {boolean} isChecked
 * @param {(isChecked: boolean, box: HTMLInputElement) => void} onchange
 * @param {string} [hint]
 */
export function checkbox(label, isChecked, onchange, hint) {
  const box = h("input", { type: "checkbox", checked: isChecked, onchange: () => onchange(box.checked, box) });
  const text = h("span", {}, label, hint && h("small", { class: "muted" }, hint));
  return h("label", { class: "checkbox" }, box, text);
}

/**
 * Return a list to choose from.
 *
 * @param {Record<string, string>} options The text of each value.
 * @param {string} value
 * @param {(value: string) => void} [onchange]
 */
export function select(options, value, onchange = () => {}) {
  const control = h("select", { onchange: () => onchange(control.value) });
  for (const [key, text] of Object.entries(options)) control.append(h("option", { value: key }, text));
  control.value = value;
  return control;
}

/**
 * Show a problem at a control, or remove it.
 *
 * @param {Control} control
 * @param {HTMLElement} place Where the text is, with role "alert".
 * @param {string} text Empty for none.
 */
export function showProblem(control, place, text) {
  place.textContent = text;
  place.hidden = !text;
  control.setAttribute("aria-invalid", `${Boolean(text)}`);
}
