/** The codes and links of a mail, each with a button that copies it. */

import { button, h } from "./dom.js";
import { copyText } from "./toast.js";

const MAX_CODES = 3;
const MAX_LINKS = 4;
const MAX_LABEL_LETTERS = 40;

/** @typedef {{URL: string, Text: string, Where: string}} Link */

/**
 * Return the chips of a mail; none if it has neither codes nor links.
 *
 * @param {string[]} codes
 * @param {Link[]} links
 */
export function buildChips(codes, links) {
  const unique = [...new Map(links.map((link) => [link.URL, link])).values()];
  const chips = [...codes.slice(0, MAX_CODES).map(buildCode), ...unique.slice(0, MAX_LINKS).map(buildLink)];
  if (!chips.length) return null;
  const rest = unique.slice(MAX_LINKS);
  const more = rest.length
    ? h("details", { class: "more-links" }, h("summary", {}, `${rest.length} more links`), h("ul", {}, rest.slice(0, 200).map((link) => h("li", {}, buildLink(link)))))
    : null;
  return h("div", { class: "row chips", role: "group", "aria-label": "Codes and links" }, chips, more);
}

/** @param {string} code */
const buildCode = (code) =>
  h("span", { class: "chip code" }, h("strong", { class: "mono" }, code), button(`Copy code ${code}`, () => copyText(code, "Code"), { icon: "copy", class: "plain" }));

/** @param {Link} link */
function buildLink({ URL: target, Text: text }) {
  const label = cut(text.trim() || target.replace(/^https?:\/\//, ""));
  const name = h(/^https?:\/\//i.test(target) ? "a" : "span", { title: target }, label);
  if (name instanceof HTMLAnchorElement) {
    name.href = target;
    name.target = "_blank";
    name.rel = "noopener noreferrer";
  }
  return h("span", { class: "chip" }, name, button(`Copy link ${label}`, () => copyText(target, "Link"), { icon: "copy", class: "plain" }));
}

/** @param {string} text */
function cut(text) {
  const letters = [...text];
  return letters.length > MAX_LABEL_LETTERS ? `${letters.slice(0, MAX_LABEL_LETTERS).join("")}…` : text;
}
