/** The text of a mail; links open in a new window. */

import { url } from "../api.js";
import { button, h } from "../dom.js";
import { formatCount } from "../format.js";
import { copyText } from "../toast.js";
import { MailTab, note, toggle } from "./mail_tab.js";

const LINK = /https?:\/\/[^\s<>"']{1,2000}/gi;
/** What ends a sentence, not a link. */
const PUNCTUATION = ".,;:!?)]}";
/** Of a longer text, the other addresses stay plain text. */
const MAX_LINKS = 2000;

class TextTab extends MailTab {
  build() {
    const { message } = this.mail;
    const { Text: text } = message;
    if (!text.trim()) return [note("This mail has no text.")];
    const content = h("pre", { class: "mail-text", dir: "auto" }, linkify(text));
    const bar = h(
      "div",
      { class: "tab-bar" },
      toggle("Monospace", true, (pressed) => content.classList.toggle("proportional", !pressed)),
      button("Copy", () => copyText(text), { icon: "copy", text: true }),
    );
    const cut = message.Truncated?.find(({ Field }) => Field === "Text");
    const rest = cut && note(`This is the beginning of ${formatCount(cut.Characters)} characters. `, h("a", { href: url(`/view/${message.ID}.txt`), target: "_blank" }, "Open the whole text"));
    return [bar, content, rest];
  }
}

/**
 * Return a text with its addresses as links.
 *
 * @param {string} text
 */
export function linkify(text) {
  const nodes = [];
  let end = 0;
  let count = 0;
  for (const { 0: found, index } of text.matchAll(LINK)) {
    if (++count > MAX_LINKS) break;
    const target = cutPunctuation(found);
    nodes.push(text.slice(end, index), h("a", { href: target, target: "_blank", rel: "noopener noreferrer" }, target));
    end = index + target.length;
  }
  return [...nodes, text.slice(end)];
}

/** Return a link without the punctuation after it; a pattern that ends with `$` would take quadratic time. @param {string} link */
function cutPunctuation(link) {
  let end = link.length;
  while (end && PUNCTUATION.includes(link[end - 1])) end--;
  return link.slice(0, end);
}

customElements.define("text-tab", TextTab);
