/** The MIME tree of a mail: choose a part to see where it is in the source. */

import { button, h } from "./dom.js";
import { formatSize } from "./format.js";

/** @typedef {import("./mail_details.js").Part} Part */

/**
 * Return the tree as nested lists of buttons.
 *
 * @param {Part} root
 * @param {(part: Part | null) => void} choose Null when the chosen part is left.
 */
export function buildMimeTree(root, choose) {
  /** @type {Map<Part, HTMLButtonElement>} */
  const buttons = new Map();
  /** @type {Part | null} */
  let chosen = null;
  const press = (/** @type {Part} */ part) => {
    chosen = chosen === part ? null : part;
    for (const [other, element] of buttons) element.setAttribute("aria-pressed", `${other === chosen}`);
    choose(chosen);
  };
  /** @param {Part} part @returns {HTMLElement} */
  const build = (part) => {
    const size = part.DecodedSize ?? part.BodyEnd - part.BodyStart;
    const element = button("", () => press(part), { class: "mime-part", "aria-pressed": "false" });
    element.append(
      h("span", { class: "mono" }, part.ContentType),
      h("span", { class: "muted" }, [part.FileName, part.Charset, part.Encoding, formatSize(size)].filter(Boolean).join(" · ")),
    );
    if (part.DetectedType && isMismatch(part.ContentType, part.DetectedType)) element.append(h("span", { class: "warning" }, `looks like ${part.DetectedType}`));
    buttons.set(part, element);
    return h("li", {}, element, part.Parts?.length ? h("ul", {}, part.Parts.map(build)) : null);
  };
  return h("ul", { class: "mime-tree" }, build(root));
}

/**
 * Return whether the content of a part is clearly of another type than the one that is declared.
 *
 * @param {string} declared
 * @param {string} detected "" if the content has no known signature.
 */
export function isMismatch(declared, detected) {
  const base = (/** @type {string} */ type) => type.split(";")[0].trim().toLowerCase();
  const [one, other] = [base(declared), base(detected)];
  // Without a signature, contents are text or octets: that says nothing against the declared type.
  return other !== "" && one !== other && !["text/plain", "application/octet-stream"].includes(other) && !one.startsWith("multipart/");
}
