/** The frame of all pages: navigation, state of the connection, the banner of rules, and the page itself. */

import { addActions } from "./actions.js";
import { Component } from "./component.js";
import { button, custom, fill, h, icon } from "./dom.js";
import { countOf, formatCount } from "./format.js";
import { openKeyboardHelp } from "./keyboard_help.js";
import { openPalette } from "./palette.js";
import { paths, router } from "./router.js";
import { settings } from "./settings.js";
import { state } from "./state.js";
import { reportErrors } from "./toast.js";

const CONNECTION_TEXTS = { connecting: "Connecting …", live: "Live", offline: "Offline, trying again …" };
/** @type {Record<string, string>} */
const TITLES = { sessions: "Sessions", rules: "Rules", diff: "Difference", mailboxes: "Mailboxes", settings: "Settings", about: "About" };

/**
 * The pages that are loaded when they are shown; their elements come to life then.
 *
 * @type {Record<string, () => Promise<unknown>>}
 */
const LOADERS = {
  about: () => import("./about_page.js"),
  diff: () => import("./diff_page.js"),
  mailboxes: () => import("./mailboxes_page.js"),
  rules: () => import("./rules_page.js"),
  sessions: () => import("./sessions_page.js"),
  settings: () => import("./settings_page.js"),
};

class AppShell extends Component {
  mount() {
    const main = h("main", { id: "main", tabindex: "-1" });
    fill(
      this,
      h("a", { class: "skip", href: "#main", onclick: (/** @type {Event} */ event) => (event.preventDefault(), main.focus()) }, "Skip to the content"),
      this.#buildHeader(),
      this.#buildBanner(),
      main,
    );
    this.#showPage(main);
    this.#followTheme();
    addActions(this.signal, this.#listActions());
  }

  #buildHeader() {
    const label = h("a", { class: "label", href: paths.inbox() });
    const navigation = h("nav", { "aria-label": "Pages" });
    const connection = h("span", { class: "connection", role: "status" });
    const unread = h("span", { class: "count" });
    /** @type {Record<string, HTMLElement>} */
    const links = {
      inbox: buildLink("Inbox", paths.inbox(), "inbox", unread),
      sessions: buildLink("Sessions", paths.sessions(), "sessions"),
      rules: buildLink("Rules", paths.rules(), "rules"),
      settings: buildLink("Settings", paths.settings(), "settings"),
    };
    fill(navigation, ...Object.values(links));
    const show = () => {
      const configuration = state.configuration;
      fill(label, icon("inbox"), h("strong", {}, configuration?.Mailbox || configuration?.Label || "smtptest"));
      links.sessions.hidden = links.rules.hidden = !state.hasFullAccess;
    };
    const showUnread = () => {
      unread.hidden = !state.unread;
      unread.textContent = formatCount(state.unread);
      unread.setAttribute("aria-label", `${formatCount(state.unread)} unread`);
    };
    const showPage = () => {
      for (const [page, link] of Object.entries(links)) {
        if (router.route.page === page) link.setAttribute("aria-current", "page");
        else link.removeAttribute("aria-current");
      }
    };
    const showConnection = () => fill(connection, h("span", { class: `dot ${state.connection}` }), h("span", {}, CONNECTION_TEXTS[state.connection]));
    for (const [type, update] of Object.entries({ configuration: show, totals: showUnread, connection: showConnection })) {
      this.listen(state, type, update);
      update();
    }
    this.listen(router, "change", showPage);
    showPage();
    const search = custom("search-box");
    const help = button("Keyboard and actions", openKeyboardHelp, { icon: "help" });
    return h("header", { class: "top" }, label, search, navigation, custom("mailbox-switcher"), connection, help);
  }

  #buildBanner() {
    const banner = h("aside", { class: "banner", "aria-label": "Rules", hidden: true });
    const show = () => {
      const { active, calls } = state.rules;
      banner.hidden = !active;
      const text = `${countOf(active, "rule")} ${active === 1 ? "is" : "are"} active. Rules have acted ${countOf(calls, "time")}.`;
      fill(banner, h("span", {}, text), h("a", { href: paths.rules() }, "Show the rules"));
    };
    this.listen(state, "rules", show);
    show();
    return banner;
  }

  /** @param {HTMLElement} main */
  #showPage(main) {
    let shown = "";
    const show = () => {
      const { page, id } = router.route;
      const title = page === "sessions" && id ? `Session ${id}` : (TITLES[page] ?? "Inbox");
      document.title = `${title} · ${state.configuration?.Mailbox || state.configuration?.Label || "smtptest"}`;
      if (page === shown) return; // a page follows the route by itself
      const isFirst = !shown;
      shown = page;
      const load = LOADERS[page];
      if (load) reportErrors(load);
      fill(main, page === "missing" ? this.#buildMissingPage() : custom(`${page}-page`));
      // The link that was followed may be gone; at first, the focus is at the start of the page.
      if (!isFirst && document.activeElement === document.body) main.focus({ preventScroll: true });
    };
    this.listen(router, "change", show);
    this.listen(state, "configuration", show);
    show();
  }

  #buildMissingPage() {
    return h(
      "div",
      { class: "empty" },
      h("h1", {}, "There is no such page"),
      h("p", {}, h("a", { href: paths.inbox() }, "Go to the inbox")),
    );
  }

  #followTheme() {
    const apply = () => {
      const { theme, density } = settings.values;
      document.documentElement.dataset.theme = theme;
      document.documentElement.dataset.density = density;
    };
    this.listen(settings, "change", apply);
    apply();
  }

  /** @returns {import("./actions.js").Action[]} */
  #listActions() {
    const full = () => state.hasFullAccess;
    return [
      { label: "Show all actions", keys: ["Ctrl+K"], run: openPalette },
      { label: "Show the keys", keys: ["?"], run: openKeyboardHelp },
      { label: "Go to the inbox", keys: ["g i"], group: "Pages", run: () => router.go(paths.inbox()) },
      { label: "Go to the sessions", keys: ["g s"], group: "Pages", run: () => router.go(paths.sessions()), available: full },
      { label: "Go to the rules", keys: ["g r"], group: "Pages", run: () => router.go(paths.rules()), available: full },
      { label: "Go to the mailboxes", keys: ["g m"], group: "Pages", run: () => router.go(paths.mailboxes()) },
      { label: "Go to the settings", keys: ["g t"], group: "Pages", run: () => router.go(paths.settings()) },
      { label: "About this server", keys: ["g a"], group: "Pages", run: () => router.go(paths.about()) },
      { label: "Make the next RCPT fail", keys: [], group: "Rules", run: failNextRecipient, available: full },
      ...["auto", "light", "dark"].map((theme) => ({
        label: `Theme: ${theme}`,
        keys: [],
        run: () => settings.set({ theme: /** @type {"auto" | "light" | "dark"} */ (theme) }),
      })),
    ];
  }
}

customElements.define("app-shell", AppShell);

/** @param {string} text @param {string} href @param {string} iconName @param {Node} [count] */
function buildLink(text, href, iconName, count) {
  return h("a", { href }, icon(iconName), h("span", {}, text), count);
}

function failNextRecipient() {
  return reportErrors(async () => (await import("./rules_page.js")).failNextRecipient());
}
