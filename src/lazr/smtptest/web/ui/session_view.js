/** One session: its facts, what was remarkable, its mails, and its transcript. */

import { request, url } from "./api.js";
import { Component } from "./component.js";
import { button, custom, fill, h, icon } from "./dom.js";
import { countOf, formatTime } from "./format.js";
import { paths } from "./router.js";
import { copyText, reportErrors } from "./toast.js";
import { formatSeconds } from "./transcript_view.js";

/**
 * @typedef {object} Session
 * @property {number} ID
 * @property {string} Protocol "smtp", "lmtp", "imap" or "pop3".
 * @property {string} Peer
 * @property {string} Helo
 * @property {{Version: string, Cipher: string, ServerName: string, ALPN: string, Implicit: boolean} | null} TLS
 * @property {string} TLSFailure
 * @property {string} User
 * @property {string} Mechanism
 * @property {string[]} SentInClear
 * @property {number} Mails
 * @property {number} Refusals
 * @property {string} LastRefusal
 * @property {string} Started
 * @property {number} Seconds
 * @property {string} Ended
 * @property {{Code?: string, Text: string}[]} Findings
 * @property {string[]} Messages
 */
/** @typedef {{ID: string, Subject: string}} Mail */

const REFRESH_MILLISECONDS = 2000;
const MAX_MAILS_SHOWN = 5;

/** @type {Record<string, string>} What the server calls the ends of sessions. */
const ENDS = {
  "": "still open",
  QUIT: "the client sent QUIT",
  LOGOUT: "the client sent LOGOUT",
  EOF: "the client closed the connection without QUIT",
  reset: "the connection broke (reset)",
  timeout: "the client took too long (timeout)",
  stop: "the server stopped",
};

/** @param {Session} session */
export const describeEnd = ({ Ended }) => ENDS[Ended] ?? Ended;

/** @param {Session} session */
export const isReading = ({ Protocol }) => Protocol === "imap" || Protocol === "pop3";

/** @param {Session} session */
export const hasEndedWell = ({ Ended }) => Ended === "QUIT" || Ended === "LOGOUT" || Ended === "";

/**
 * Load a session now, and again while it is open.
 *
 * @param {Component} component
 * @param {() => Promise<Session | null>} load Null if there is none.
 */
export function followSession(component, load) {
  let isBusy = false;
  let isOver = false;
  component.every(REFRESH_MILLISECONDS, async () => {
    if (isBusy || isOver) return;
    isBusy = true;
    const session = await reportErrors(load, { isRepeated: true });
    isBusy = false;
    isOver = session === null || Boolean(session?.Ended);
  });
}

class SessionView extends Component {
  #facts = h("dl", { class: "facts" });
  #mails = h("section", { "aria-label": "Mails of this session" });
  #findings = h("section", { class: "findings", "aria-label": "Findings" });
  #tools = h("div", { class: "row" });
  #picture = h("figure", { class: "diagram", hidden: true });
  #transcript = custom("transcript-view");
  /** @type {Map<Element, string>} */
  #shown = new Map();

  mount() {
    fill(this, this.#facts, this.#mails, this.#findings, this.#tools, this.#picture, this.#transcript);
  }

  /**
   * Show a session, or what has changed of it.
   *
   * @param {Session} session
   * @param {import("./transcript_view.js").Line[]} lines
   * @param {{first?: number, last?: number, messages?: Mail[], mail?: string}} [context] `first` and `last`: the lines of
   *     the transaction; `messages`: the mails of the session; `mail`: the one that is shown around this.
   */
  update(session, lines, { first, last, messages, mail = "" } = {}) {
    const mails = messages ?? session.Messages.map((id) => ({ ID: id, Subject: "" }));
    this.#fillIfChanged(this.#facts, session, () => buildFacts(session));
    this.#fillIfChanged(this.#mails, [mails, session.Mails], () => buildMails(mails, session, mail));
    this.#fillIfChanged(this.#findings, session.Findings, () => buildFindings(session));
    this.#fillIfChanged(this.#tools, session.ID, () => this.#buildTools(session, mail));
    this.#transcript.update(lines, { first, last });
  }

  scrollToTransaction() {
    this.#transcript.scrollToTransaction();
  }

  /** @param {Element} element @param {unknown} data @param {() => import("./dom.js").Children} build */
  #fillIfChanged(element, data, build) {
    const key = JSON.stringify(data);
    if (this.#shown.get(element) !== key) fill(element, build());
    this.#shown.set(element, key);
  }

  /** @param {Session} session @param {string} mail */
  #buildTools({ ID: number }, mail) {
    const path = `/api/v1/sessions/${number}/transcript.txt`;
    const copy = () => reportErrors(async () => copyText(await (await request(path)).text(), "Transcript"));
    const diagram = button("Sequence diagram", () => this.#toggleDiagram(number, diagram), { icon: "sessions", text: true, "aria-expanded": "false" });
    return [
      button("Copy as text", copy, { icon: "copy", text: true }),
      h("a", { class: "button", href: url(path), download: `session-${number}.txt` }, icon("download"), "Download .txt"),
      diagram,
      mail && button("Go to this mail's part", () => this.scrollToTransaction(), { icon: "down", text: true }),
      mail && h("a", { class: "button", href: paths.sessions(number) }, `Session ${number}`),
    ];
  }

  /** @param {number} number @param {HTMLButtonElement} toggle */
  #toggleDiagram(number, toggle) {
    this.#picture.hidden = !this.#picture.hidden;
    toggle.setAttribute("aria-expanded", `${!this.#picture.hidden}`);
    const source = url(`/api/v1/sessions/${number}/transcript.svg`);
    if (this.#picture.hidden) fill(this.#picture);
    else {
      const picture = h("img", { src: source, alt: `Sequence diagram of session ${number}; the transcript below has the same lines as text.` });
      const link = h("a", { href: source, download: `session-${number}.svg` }, "Download .svg");
      fill(this.#picture, picture, h("figcaption", {}, link));
    }
  }
}

customElements.define("session-view", SessionView);

/** @param {Session} session */
function buildFacts(session) {
  const { TLS: tls } = session;
  /** @type {[string, import("./dom.js").Children][]} */
  const facts = [
    ["Client", [h("span", { class: "mono" }, session.Peer)]],
    ["Protocol", session.Protocol.toUpperCase()],
    ["Name in EHLO", session.Helo || h("span", { class: "muted" }, "none")],
    ["Started", [formatTime(session.Started), h("span", { class: "muted" }, ` for ${formatSeconds(session.Seconds)} s`)]],
    ["Ended", h("span", { class: hasEndedWell(session) ? "" : "warning" }, describeEnd(session))],
    ["TLS", tls ? describeTls(tls) : h("span", { class: session.TLSFailure ? "bad" : "muted" }, session.TLSFailure ? `failed: ${session.TLSFailure}` : "none")],
    ["Login", session.User || session.Mechanism ? `${session.User || "(no name)"} with ${session.Mechanism}` : h("span", { class: "muted" }, "none")],
    ["Mails", `${session.Mails}`],
    [
      "Refusals",
      session.Refusals
        ? [h("strong", { class: "bad" }, `${session.Refusals}`), session.LastRefusal && h("code", { class: "bad" }, ` ${session.LastRefusal}`)]
        : h("span", { class: "muted" }, "none"),
    ],
  ];
  if (session.SentInClear.length) facts.push(["Sent without TLS", session.SentInClear.join(", ")]);
  const ofSmtp = ["Name in EHLO", "Mails"];
  const shown = isReading(session) ? facts.filter(([name]) => !ofSmtp.includes(name)) : facts;
  return shown.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, ...[value].flat())));
}

/** @param {NonNullable<Session["TLS"]>} tls */
function describeTls({ Version, Cipher, ServerName, ALPN, Implicit }) {
  const details = [Cipher, Implicit ? "from the first byte" : "by STARTTLS", ServerName && `server name ${ServerName}`, ALPN && `ALPN ${ALPN}`];
  return [Version, h("span", { class: "muted" }, ` ${details.filter(Boolean).join(", ")}`)];
}

/** @param {Mail[]} mails @param {Session} session @param {string} current */
function buildMails(mails, session, current) {
  const missing = session.Mails - mails.length;
  if (!mails.length && !missing) return null;
  const links = mails.map(({ ID, Subject }) =>
    h("li", {}, ID === current ? h("strong", { "aria-current": "true" }, `${Subject || ID} (this mail)`) : h("a", { href: paths.mail(ID, current && "wire") }, Subject || ID)),
  );
  const note = missing > 0 && h("li", { class: "muted" }, `${countOf(missing, "mail")} of this session ${missing === 1 ? "is" : "are"} not in the store any more.`);
  const heading = h("summary", {}, h("h2", {}, countOf(mails.length, "mail"), " of this session"));
  return h("details", { open: mails.length <= MAX_MAILS_SHOWN }, heading, h("ul", {}, ...links, note));
}

/** @param {Session} session */
function buildFindings({ Findings }) {
  if (!Findings.length) return null;
  const items = Findings.map(({ Code, Text }) => h("li", {}, Text, Code && h("code", { class: "muted" }, ` ${Code}`)));
  return [h("h2", {}, "What the client did against the RFCs"), h("ul", {}, ...items)];
}
