/** Build elements. Texts always become text nodes, so no untrusted input is ever parsed as HTML. */

/** @typedef {Node | string | number | null | undefined | false} Child */
/** @typedef {Child | Child[]} Children */

const SVG_NAMESPACE = "http://www.w3.org/2000/svg";

/**
 * Return a new element.
 *
 * Properties: a function is a listener (`onclick`), `true` an empty attribute, null and false none; everything else is an
 * attribute. `dataset` is an object.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, any>} [properties]
 * @param {...Children} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "dataset") Object.assign(element.dataset, value);
    else if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  append(element, children);
  return element;
}

/**
 * Return a new custom element, which has no entry in TypeScript's table of tags.
 *
 * @param {string} tag
 * @param {Record<string, any>} [properties]
 * @param {...Children} children
 * @returns {any}
 */
export function custom(tag, properties = {}, ...children) {
  return h(/** @type {"div"} */ (tag), properties, ...children);
}

/**
 * Append children; null and false are none.
 *
 * @param {Element | DocumentFragment} parent
 * @param {Children[]} children
 */
export function append(parent, children) {
  for (const child of children.flat()) {
    if (child !== null && child !== undefined && child !== false) parent.append(typeof child === "number" ? `${child}` : child);
  }
}

/**
 * Replace the content of an element.
 *
 * @param {Element} parent
 * @param {...Children} children
 */
export function fill(parent, ...children) {
  parent.replaceChildren();
  append(parent, children);
}

/** @type {Record<string, string>} Paths in a box of 16 × 16. */
const ICONS = {
  attachment: "M11 5l-5 5a1.5 1.5 0 0 0 2 2l6-6a3 3 0 0 0-4-4L4 8a4.5 4.5 0 0 0 6 6l4-4",
  back: "M10 3L5 8l5 5",
  account: "M8 2a3 3 0 1 1 0 6 3 3 0 0 1 0-6zM2 14a6 6 0 0 1 12 0z",
  check: "M3 8l4 4 6-8",
  close: "M4 4l8 8M12 4l-8 8",
  compare: "M2 3h5v10H2zM9 3h5v10H9zM4 6h1M4 9h1M11 6h1",
  copy: "M6 6h7v7H6zM10 6V3H3v7h3",
  down: "M4 6l4 4 4-4",
  download: "M8 2v8M5 7l3 3 3-3M3 13h10",
  help: "M6 6a2 2 0 1 1 3 1.7c-.7.5-1 .8-1 1.8M8 12v.5",
  inbox: "M2 9l2-6h8l2 6v4H2zM2 9h4l1 2h2l1-2h4",
  menu: "M2 4h12M2 8h12M2 12h12",
  next: "M8 3v10M4 9l4 4 4-4",
  previous: "M8 13V3M4 7l4-4 4 4",
  read: "M2 6l6-4 6 4v7H2zM2 6l6 4 6-4",
  reply: "M6 4L2 8l4 4M2 8h7a5 5 0 0 1 5 5",
  rules: "M3 4h10M3 8h10M3 12h10M6 2v4M10 6v4M5 10v4",
  search: "M7 2a5 5 0 1 1 0 10A5 5 0 0 1 7 2zM11 11l3 3",
  send: "M2 8l12-6-4 12-3-5zM7 9l7-7",
  sessions: "M2 5h9M8 2l3 3-3 3M14 11H5M8 8l-3 3 3 3",
  settings: "M8 5.5a2.5 2.5 0 1 1 0 5 2.5 2.5 0 0 1 0-5zM8 1v2M8 13v2M1 8h2M13 8h2M3 3l1.5 1.5M11.5 11.5L13 13M3 13l1.5-1.5M11.5 4.5L13 3",
  star: "M8 1.5l2 4.3 4.7.5-3.5 3.2 1 4.7L8 11.8l-4.2 2.4 1-4.7L1.3 6.3l4.7-.5z",
  tag: "M2 2h6l6 6-6 6-6-6zM5 5v.1",
  trash: "M3 4h10M6 4V2h4v2M4 4l1 10h6l1-10",
  warning: "M8 3v6M8 12v.5",
  unread: "M2 4h12v9H2zM2 4l6 5 6-5",
};

/**
 * Return a picture that screen readers skip; the button around it needs a label.
 *
 * @param {keyof typeof ICONS | string} name
 * @returns {SVGSVGElement}
 */
export function icon(name) {
  const svg = document.createElementNS(SVG_NAMESPACE, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG_NAMESPACE, "path");
  path.setAttribute("d", ICONS[name] ?? "");
  svg.append(path);
  return svg;
}

/**
 * Return a button with an icon, a label, or both.
 *
 * @param {string} label What the button does; its text, or its accessible name and tooltip if it has only an icon.
 * @param {(event: MouseEvent) => void} onclick
 * @param {{icon?: string, text?: boolean, class?: string, [attribute: string]: any}} [options] `text`: show the label beside
 *     the icon; true without an icon.
 * @returns {HTMLButtonElement}
 */
export function button(label, onclick, { icon: iconName, text = !iconName, ...attributes } = {}) {
  const names = text ? {} : { "aria-label": label, title: label };
  return h("button", { type: "button", onclick, ...names, ...attributes }, iconName && icon(iconName), text && label);
}
