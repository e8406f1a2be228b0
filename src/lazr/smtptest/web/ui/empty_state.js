/** What the inbox shows without mails: where to send it, and how, in the words of common programs. */

import { Component } from "./component.js";
import { button, fill, h } from "./dom.js";
import { state } from "./state.js";
import { copyText } from "./toast.js";

/** @typedef {import("./api.js").MailAddress} Address */

/** @param {Address} address */
const isTls = ({ TLS }) => TLS === "implicit";

/**
 * The ways to send a mail by the names of their buttons.
 *
 * @type {Record<string, (address: Address) => string>}
 */
const SAMPLES = {
  Shell: (address) =>
    `smtptest send --server ${isTls(address) ? "smtps://" : ""}${join(address)}${isTls(address) ? " --any-certificate" : ""} \\\n` +
    '  --to ann@example.com --subject Hello --text "It works"',
  swaks: (address) => `swaks --server ${join(address)}${isTls(address) ? " --tls-on-connect" : ""} --to ann@example.com`,
  smtplib: (address) => `import smtplib
from email.message import EmailMessage

message = EmailMessage()
message["From"] = "app@example.com"
message["To"] = "ann@example.com"
message["Subject"] = "Hello"
message.set_content("It works")
with smtplib.${isTls(address) ? "SMTP_SSL" : "SMTP"}("${address.Host}", ${address.Port}) as client:
    client.send_message(message)`,
  Django: (address) => `EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_HOST = "${address.Host}"
EMAIL_PORT = ${address.Port}
EMAIL_USE_SSL = ${isTls(address) ? "True" : "False"}`,
  "Flask-Mail": (address) => `MAIL_SERVER = "${address.Host}"
MAIL_PORT = ${address.Port}
MAIL_USE_SSL = ${isTls(address) ? "True" : "False"}
MAIL_SUPPRESS_SEND = False`,
  Nodemailer: (address) => `import nodemailer from "nodemailer";

const transport = nodemailer.createTransport({
  host: "${address.Host}",
  port: ${address.Port},
  secure: ${isTls(address)},
});
await transport.sendMail({
  from: "app@example.com",
  to: "ann@example.com",
  subject: "Hello",
  text: "It works",
});`,
};

class EmptyState extends Component {
  #sample = "smtplib";

  mount() {
    this.listen(state, "configuration", () => this.#show());
    this.#show();
  }

  #show() {
    const addresses = (state.configuration?.SMTP ?? []).map((address) => ({ ...address, Host: findHost(address.Host) }));
    const readers = [...buildReaders("IMAP", state.configuration?.IMAP), ...buildReaders("POP3", state.configuration?.POP3)];
    const address = addresses.find(({ Port }) => Port);
    fill(
      this,
      h("h2", {}, this.hasAttribute("emptied") ? "The inbox is empty" : "Waiting for the first mail"),
      addresses.length
        ? h("p", {}, "This server receives mail at ", ...joinByAnd(addresses.map((one) => h("code", {}, describe(one)))), ". Mails appear here as soon as they arrive.")
        : h("p", {}, "Mails appear here as soon as they arrive."),
      readers.length ? h("p", {}, "Mail programs can read it: ", ...joinByAnd(readers), ".") : null,
      address && this.#buildSamples(address),
    );
  }

  /** @param {Address} address */
  #buildSamples(address) {
    const code = h("pre", { tabindex: "0" });
    const tabs = h("div", { class: "row", role: "group", "aria-label": "Program" });
    const choose = (/** @type {string} */ name) => {
      this.#sample = name;
      code.textContent = SAMPLES[name](address);
      for (const tab of tabs.children) tab.setAttribute("aria-pressed", `${tab.textContent === name}`);
    };
    tabs.append(...Object.keys(SAMPLES).map((name) => button(name, () => choose(name))));
    choose(this.#sample);
    const copy = button("Copy", () => copyText(code.textContent ?? "", this.#sample), { icon: "copy", text: true });
    return h("section", { class: "samples", "aria-label": "How to send a mail" }, tabs, h("div", { class: "sample" }, code, copy));
  }
}

/** @param {Address} address */
const join = ({ Host, Port }) => `${Host.includes(":") ? `[${Host}]` : Host}:${Port}`;

/**
 * A server that listens on all addresses is where the page came from.
 *
 * @param {string} host
 */
const findHost = (host) => (host === "0.0.0.0" || host === "::" ? location.hostname.replace(/^\[|\]$/g, "") : host);

/** @param {Element[]} elements */
const joinByAnd = (elements) => elements.flatMap((one, index) => [index ? " and " : "", one]);

/** @param {string} name @param {Address[]} [addresses] */
const buildReaders = (name, addresses = []) =>
  addresses.map((one) => h("span", {}, `${name} at `, h("code", {}, describe({ ...one, Host: findHost(one.Host) }))));

/** @param {Address} address */
function describe(address) {
  if (!address.Port) return address.Host; // a Unix socket
  return join(address) + (isTls(address) ? " (TLS)" : address.TLS === "starttls" ? " (STARTTLS)" : "");
}

customElements.define("empty-state", EmptyState);
