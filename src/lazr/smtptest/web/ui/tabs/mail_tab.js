/** The base of the tabs of a mail: load, then show; an error has a button to try again. */

import { Component } from "../component.js";
import { button, fill, h } from "../dom.js";

/** @typedef {import("../mail_details.js").MailDetails} MailDetails */

export class MailTab extends Component {
  /** @type {MailDetails} Set before the tab enters the document. */
  mail = /** @type {any} */ (null);

  mount() {
    this.#show();
  }

  async #show() {
    const { signal } = this;
    const loading = setTimeout(() => fill(this, h("p", { class: "tab-note muted", role: "status" }, "Loading …")), 150); // no flicker
    try {
      const content = await this.build();
      if (!signal.aborted && content) fill(this, ...content);
    } catch (error) {
      if (signal.aborted) return;
      const reason = error instanceof Error ? error.message : String(error);
      fill(this, h("p", { class: "tab-note bad", role: "alert" }, reason), h("p", { class: "tab-note" }, button("Try again", () => this.#show())));
    } finally {
      clearTimeout(loading);
    }
  }

  /**
   * Return the content of the tab.
   *
   * @returns {Promise<import("../dom.js").Children[]> | import("../dom.js").Children[]}
   */
  build() {
    return [];
  }
}

/**
 * Return a note for a tab that has nothing to show.
 *
 * @param {...import("../dom.js").Children} text
 */
export const note = (...text) => h("p", { class: "tab-note muted" }, ...text);

/**
 * Return a group of buttons of which one is pressed.
 *
 * @template {string} Value
 * @param {string} label
 * @param {Record<Value, string>} choices Label by value.
 * @param {Value} value
 * @param {(value: Value) => void} choose
 */
export function choice(label, choices, value, choose) {
  const keys = /** @type {Value[]} */ (Object.keys(choices));
  const buttons = keys.map((key) => button(choices[key], () => (mark(key), choose(key))));
  /** @param {Value} chosen */
  const mark = (chosen) => buttons.forEach((element, index) => element.setAttribute("aria-pressed", `${keys[index] === chosen}`));
  mark(value);
  return h("div", { class: "choice", role: "group", "aria-label": label }, buttons);
}

/**
 * Return a button that is pressed or not.
 *
 * @param {string} label
 * @param {boolean} pressed
 * @param {(pressed: boolean) => void} change
 */
export function toggle(label, pressed, change) {
  const element = button(label, () => {
    pressed = !pressed;
    element.setAttribute("aria-pressed", `${pressed}`);
    change(pressed);
  }, { "aria-pressed": `${pressed}` });
  return element;
}
