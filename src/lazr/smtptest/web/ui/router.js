/** The address bar: every page, mail, tab and search has a path. */

import { ROOT, url } from "./api.js";

/** The tabs of a mail, in the order of the keys 1–9. */
export const TABS = ["preview", "text", "html", "headers", "source", "wire", "envelope", "checks", "attachments"];

/**
 * @typedef {object} Route
 * @property {"inbox" | "sessions" | "rules" | "diff" | "mailboxes" | "settings" | "about" | "missing"} page
 * @property {string} id The mail, the session, or the first mail of a diff; "" for none.
 * @property {string} other The second mail of a diff.
 * @property {string} tab The tab of the mail; "" for the default one.
 * @property {string} query The search of the list; "" for all mails.
 */

/** Dispatches `change` when the route has changed. */
export const router = new (class extends EventTarget {
  /** @type {Route} */
  route = parseRoute(location.pathname, location.search);

  /** Follow the address bar and the links of the page. */
  start() {
    window.addEventListener("popstate", () => this.#update());
    document.addEventListener("click", (event) => {
      const link = event.target instanceof Element ? event.target.closest("a[href]") : null;
      if (!(link instanceof HTMLAnchorElement) || event.defaultPrevented || event.button || link.target || link.download) return;
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || link.origin !== location.origin) return;
      const route = parseRoute(link.pathname, link.search);
      if (route.page === "missing") return; // a page of the server, such as /api/v1
      event.preventDefault();
      this.go(link.pathname + link.search + link.hash);
    });
  }

  /**
   * Show a page of this application.
   *
   * @param {string} target A path with the root, as `paths` returns it.
   * @param {{replace?: boolean}} [options] `replace`: do not add an entry to the history.
   */
  go(target, { replace = false } = {}) {
    if (target !== location.pathname + location.search + location.hash) history[replace ? "replaceState" : "pushState"](null, "", target);
    this.#update();
  }

  #update() {
    this.route = parseRoute(location.pathname, location.search);
    this.dispatchEvent(new Event("change"));
  }
})();

/** The paths of the pages, with the root. */
export const paths = {
  /** @param {string} [query] */
  inbox: (query = "") => (query ? url("/search", { q: query }) : url("/")),
  /** @param {string} id @param {string} [tab] @param {string} [query] */
  mail: (id, tab = "", query = "") => url(`/mail/${encodeURIComponent(id)}${tab && `/${tab}`}`, { q: query }),
  /** @param {number | string} [number] @param {Record<string, string>} [query] The filter of the list. */
  sessions: (number = "", query = {}) => url(`/sessions${number && `/${number}`}`, query),
  rules: () => url("/rules"),
  /** @param {string} id @param {string} other */
  diff: (id, other) => url(`/diff/${encodeURIComponent(id)}/${encodeURIComponent(other)}`),
  mailboxes: () => url("/mailboxes"),
  settings: () => url("/settings"),
  about: () => url("/about"),
};

/**
 * @param {string} path
 * @param {string} search
 * @returns {Route}
 */
export function parseRoute(path, search) {
  const route = { id: "", other: "", tab: "", query: new URLSearchParams(search).get("q") ?? "" };
  const inside = path.startsWith(ROOT) ? path.slice(ROOT.length) : "/missing";
  const [page = "", id = "", rest = "", ...more] = inside.replace(/^\/|\/$/g, "").split("/").map(decode);
  if (more.length) return { ...route, page: "missing" };
  if (page === "" || (page === "search" && !id)) return { ...route, page: "inbox" };
  if (page === "mail" && id && (!rest || TABS.includes(rest))) return { ...route, page: "inbox", id, tab: rest };
  if (page === "diff" && id && rest) return { ...route, page, id, other: rest };
  if (page === "sessions" && !rest) return { ...route, page, id };
  if ((page === "rules" || page === "mailboxes" || page === "settings" || page === "about") && !id) return { ...route, page };
  return { ...route, page: "missing" };
}

/** @param {string} text */
function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // not percent-encoded UTF-8
  }
}
