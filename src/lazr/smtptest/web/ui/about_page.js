/** The page about this server: version, counters, database, and where its other interfaces are. */

import { api, url } from "./api.js";
import { Component, rebuild } from "./component.js";
import { button, fill, h } from "./dom.js";
import { formatCount, formatSize } from "./format.js";
import { paths } from "./router.js";
import { state } from "./state.js";
import { copyText, reportErrors } from "./toast.js";

const REFRESH_MILLISECONDS = 5000;
const OPTIONAL_FEATURES = "Optional features";
const WIDE_GROUPS = [OPTIONAL_FEATURES, "Limits"];

/** @type {Record<string, string>} */
const TLS_TEXTS = { none: "without TLS", starttls: "with STARTTLS", implicit: "with TLS from the first byte" };

/** @typedef {[string, import("./dom.js").Children][]} Facts */

class AboutPage extends Component {
  mount() {
    const facts = h("div", { class: "columns" });
    fill(this, h("div", { class: "page" }, h("h1", {}, "About this server"), facts, buildLinks(this)));
    let shown = "";
    const show = () =>
      reportErrors(async () => {
        const information = await api.information();
        const key = JSON.stringify([information, state.configuration]);
        if (key !== shown) rebuild(facts, () => fill(facts, ...buildFacts(information)));
        shown = key;
      }, { isRepeated: true });
    this.every(REFRESH_MILLISECONDS, show);
    this.listen(state, "configuration", show);
  }
}

customElements.define("about-page", AboutPage);

/** @param {any} information */
function buildFacts(information) {
  const { RuntimeStats: statistics } = information;
  const { configuration } = state;
  const full = state.hasFullAccess;
  /** @type {[string, Facts][]} */
  const groups = [
    [
      "Server",
      [
        ["Version", information.Version],
        ["Running for", formatDuration(statistics.Uptime)],
        ["Memory", statistics.Memory ? formatSize(statistics.Memory) : ""],
        ["Receives mail at", h("ul", {}, ...(configuration?.SMTP ?? []).map(buildAddress))],
        ["IMAP clients read it at", buildAddresses(configuration?.IMAP)],
        ["POP3 clients read it at", buildAddresses(configuration?.POP3)],
        ["Releases mail by", configuration?.MessageRelay.Enabled ? "a relay" : "no relay: mail never leaves this server"],
        ["Checks links", configuration?.LinkCheck ? "when you ask for it" : "no; start it with --check-links"],
        ["Loads remote pictures", configuration?.RemoteContent ? "yes" : "only when you ask for it"],
        ["You are", configuration?.Mailbox ? `in the mailbox ${configuration.Mailbox}` : configuration?.User ? `${configuration.User}, with access to all mails` : "not logged in; all mails are visible"],
      ],
    ],
    [
      "Since the start",
      [
        ["Accepted mails", formatCount(statistics.SMTPAccepted)],
        ["Accepted content", formatSize(statistics.SMTPAcceptedSize)],
        ["Refusals", full ? formatCount(statistics.SMTPRejected) : ""],
        ["Deleted over HTTP", formatCount(statistics.MessagesDeleted)],
      ],
    ],
    [
      "Store",
      [
        ["Database", information.Database && h("code", {}, information.Database)],
        ["Size", formatSize(information.DatabaseSize)],
        ["Mails", formatCount(information.Messages)],
        ["Unread", formatCount(information.Unread)],
        ["Tags", formatCount(Object.keys(information.Tags).length)],
        ["Waiting for the index", formatCount(information.pending)],
      ],
    ],
  ];
  if (configuration) groups.push([OPTIONAL_FEATURES, configuration.Extras.map(({ Purpose, Installed, InstallCommand }) => [capitalize(Purpose), Installed ? "installed" : ["not installed: ", h("code", {}, InstallCommand)]])]);
  if (Object.keys(information.Limits).length) groups.push(["Limits", Object.entries(information.Limits).map(([name, value]) => [describeLimit(name), formatLimit(name, value)])]);
  return groups.map(([heading, facts]) =>
    h("section", { class: WIDE_GROUPS.includes(heading) ? "card wide-card" : "card" }, h("h2", {}, heading), h("dl", { class: "facts" }, ...facts.filter(([, value]) => value !== "").map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, ...[value].flat()))))),
  );
}

/** @param {import("./api.js").MailAddress[] | undefined} listeners */
const buildAddresses = (listeners) => (listeners?.length ? h("ul", {}, ...listeners.map(buildAddress)) : "");

/** @param {import("./api.js").MailAddress} listener `Host` is the path of a UNIX socket if the port is 0. */
function buildAddress({ Host, Port, TLS }) {
  const address = Port ? `${Host}:${Port}` : Host;
  const copy = button(`Copy ${address}`, () => copyText(address, "Address"), { icon: "copy", class: "plain" });
  return h("li", { class: "row" }, h("code", {}, address), copy, h("span", { class: "muted" }, TLS_TEXTS[TLS] ?? TLS));
}

/** @param {Component} page */
function buildLinks(page) {
  /** @type {[string, string, boolean][]} */
  const links = [
    ["/openapi.json", "OpenAPI document of all routes", true],
    ["/api/v1", "The routes as a page", true],
    ["/metrics", "Metrics for Prometheus", false],
  ];
  const list = h("ul", {}, ...links.map(([path, text]) => h("li", {}, h("a", { href: url(path) }, h("code", {}, path)), ` ${text}`)));
  const show = () => links.forEach(([, , isForMailboxes], i) => (list.children[i].toggleAttribute("hidden", !isForMailboxes && state.configuration !== null && !state.hasFullAccess)));
  page.listen(state, "configuration", show);
  show();
  return h("section", { class: "card" }, h("h2", {}, "Interfaces"), list, h("p", {}, h("a", { href: paths.settings() }, "Settings of this browser")));
}

/** @param {number} seconds */
function formatDuration(seconds) {
  const [days, hours, minutes] = [Math.floor(seconds / 86_400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60];
  if (days) return `${days} d ${hours} h`;
  return hours ? `${hours} h ${minutes} min` : minutes ? `${minutes} min` : `${seconds} s`;
}

/** @param {string} name such as "message_size" */
const describeLimit = (name) => capitalize(name).replaceAll("_", " ");

/** @param {string} text */
const capitalize = (text) => text[0].toUpperCase() + text.slice(1);

/** @param {string} name @param {unknown} value */
function formatLimit(name, value) {
  if (value === null) return "no limit";
  if (/size|memory|line|flood|waiting/.test(name)) return formatSize(Number(value));
  if (name === "data_rate") return `${formatSize(Number(value))} a second`;
  return name.endsWith("timeout") ? `${value} s` : formatCount(Number(value));
}
