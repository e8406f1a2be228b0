/** The presets as buttons; each asks for its arguments in a short form. */

import { api } from "./api.js";
import { openDialog } from "./dialog.js";
import { h } from "./dom.js";
import { field, select, showProblem } from "./form.js";

/** @type {Record<string, string>} What each preset does; others have only their name. */
const EFFECTS = {
  greylist: "Refuses a new combination of client, sender and recipient at first (451).",
  rate_limit: "Refuses MAIL if a client sends too much (450).",
  connection_limit: "Refuses a client that has too many connections open (421).",
  quota_full: "The mailbox of the recipient is full (452, or always 552).",
  unknown_user: "The recipient does not exist (550).",
  spam_rejected: "Refuses the mail as spam after its content (554).",
  tarpit: "Delays every reply.",
  slow_link: "Makes the connection slow.",
  old_server: "Knows no EHLO, only HELO.",
  flaky: "Fails at random (451).",
  blackhole: "Accepts connections and never replies.",
  maintenance: "Greets with 421: the service is not available.",
  drops_idle: "Closes idle connections without a reply.",
  strip_starttls: "Does not offer STARTTLS, as an attacker in between would.",
  max_recipients: "Refuses recipients after the first ones (452).",
  simulator_addresses: "Addresses stand for an outcome: bounce@simulator.amazonses.com, ann-450@example.com.",
  lying_size: "Announces a larger SIZE than it accepts (552).",
  rate_limit_of: "Too much mail from this host.",
  unauthenticated: "The mail is not authenticated (SPF, DKIM).",
  blocked_sender: "The sender or its network is blocked.",
  over_quota: "The mailbox of the recipient is full.",
};

/** @type {Record<string, string>} What the presets of clients that read mail do. */
const READING_EFFECTS = {
  connection_limit: "IMAP: the user has too many connections.",
  throttled: "IMAP: the user has fetched too much.",
  locked: "POP3: another session has the mails.",
};

/** @type {Record<string, [string, string]>} The label of each parameter, and an example if it has no default. */
const PARAMETERS = {
  attempts: ["Attempts that are refused", ""],
  n: ["Number (n)", "5"],
  per: ["In how many seconds", "60"],
  seconds: ["Seconds", ""],
  permanent: ["Permanent", ""],
  p: ["Probability (0–1)", "0.5"],
  when: ["Trigger", ""],
  bytes_per_second: ["Bytes per second", ""],
  direction: ["Direction", ""],
  real: ["Bytes that it accepts", ""],
  announced: ["Bytes that it announces", ""],
  delay: ["Seconds until something comes back", ""],
  style: ["As written by", ""],
  user: ["Only for this user name", "ann@*"],
};

/** @typedef {{name: string, kind: string, value: string}} Parameter `value` is the default, "" without one. */

/**
 * Return the parameters that a signature has, such as `attempts: int = 1, seconds: float | None = None, **selectors`.
 *
 * @param {string} signature
 * @returns {Parameter[]}
 */
export function parseSignature(signature) {
  const parts = signature.match(/(?:"[^"]*"|\[[^\]]*\]|[^,])+/g) ?? [];
  return parts.map((part) => {
    const [, name = part, kind = "", value = ""] = /^\s*(\*{0,2}\w+)(?::\s*(.*?))?(?:\s*=\s*(.*?))?\s*$/.exec(part) ?? [];
    return { name, kind, value: value === "None" ? "" : value };
  });
}

/**
 * Return the buttons of all presets.
 *
 * @param {Record<string, string>} presets The signature of each.
 * @param {() => void} onadded
 */
export function buildPresetList(presets, onadded) {
  const names = Object.keys(presets).filter((name) => name !== "provider"); // its replies have buttons of their own
  const isReading = (/** @type {string} */ name) => name.includes(".") && name.split(".")[1] in READING_EFFECTS;
  const item = (/** @type {string} */ name) => {
    const [provider, what] = name.split(".");
    const effect = isReading(name) ? READING_EFFECTS[what] : EFFECTS[what === "rate_limit" ? "rate_limit_of" : (what ?? name)];
    const label = what ? `${provider}: ${what.replaceAll("_", " ")}` : name.replaceAll("_", " ");
    const onclick = () => openPreset(name, label, presets[name], effect, onadded);
    return h("li", {}, h("button", { type: "button", onclick }, h("strong", {}, label), effect && h("small", { class: "muted" }, effect)));
  };
  const general = names.filter((name) => !name.includes("."));
  const providers = names.filter((name) => name.includes(".") && !isReading(name));
  return [
    h("ul", { class: "presets" }, ...general.map(item)),
    h("details", {}, h("summary", {}, "Refusals of Gmail, Outlook and Yahoo"), h("ul", { class: "presets" }, ...providers.map(item))),
    h("details", {}, h("summary", {}, "Refusals of IMAP and POP3"), h("ul", { class: "presets" }, ...names.filter(isReading).map(item))),
  ];
}

/** @param {string} name @param {string} label @param {string} signature @param {string | undefined} effect @param {() => void} onadded */
function openPreset(name, label, signature, effect, onadded) {
  const parameters = parseSignature(signature);
  const fields = parameters.filter(({ name: parameter }) => !parameter.startsWith("*")).map((parameter) => ({ ...parameter, control: buildControl(parameter) }));
  const recipient = parameters.some(({ name: parameter }) => parameter === "**selectors") ? h("input", { placeholder: "*@example.com" }) : null;
  const problem = h("p", { class: "bad", role: "alert", hidden: true });
  const add = h("button", { class: "primary" }, "Add");
  const form = h("form", { class: "fields", onsubmit: (/** @type {Event} */ event) => (event.preventDefault(), submit()) });
  for (const { name: parameter, control, value, kind } of fields) {
    const isOptional = value || kind.includes("None");
    form.append(field(PARAMETERS[parameter]?.[0] ?? parameter, control, value ? `Default: ${value}` : isOptional ? "Empty: none" : ""));
  }
  if (recipient) form.append(field("Only for this recipient", recipient, "Empty: for all. * and ? are wildcards."));
  form.append(problem, h("div", { class: "row" }, add));
  const dialog = openDialog(`Preset: ${label}`, effect && h("p", {}, effect), form);
  (fields[0]?.control ?? recipient ?? add).focus();

  const submit = async () => {
    /** @type {Record<string, unknown>} */
    const values = {};
    for (const { name: parameter, control, kind } of fields) if (control.value !== "") values[parameter] = convert(control.value, kind);
    if (recipient?.value) values.to = recipient.value.trim();
    try {
      await api.addPreset(name, values);
      dialog.close();
      onadded();
    } catch (error) {
      showProblem(fields[0]?.control ?? recipient ?? h("input"), problem, error instanceof Error ? error.message : `${error}`);
    }
  };
}

/** @param {Parameter} parameter @returns {HTMLInputElement | HTMLSelectElement} */
function buildControl({ name, kind, value }) {
  const choices = /\[(.*)\]/.exec(kind)?.[1].split(/,\s*/) ?? (kind === "bool" ? ["False", "True"] : null);
  if (choices) return select(Object.fromEntries(choices.map((choice) => [choice, choice.replace("False", "no").replace("True", "yes")])), value || choices[0]);
  if (!/int|float/.test(kind)) return h("input", { value });
  return h("input", { type: "number", step: kind.includes("float") ? "any" : "1", value: value || PARAMETERS[name]?.[1], required: !value && !kind.includes("None") });
}

/** @param {string} text @param {string} kind */
function convert(text, kind) {
  if (kind === "bool") return text === "True";
  return /int|float/.test(kind) ? Number(text) : text;
}
