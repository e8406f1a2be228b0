/** The usual rules as the fields of a form, and back. Pure data: the editor has the elements. */

/** @typedef {Record<string, any>} Rule A rule in the form of docs/rules.schema.json. */
/**
 * @typedef {object} RuleFields Texts as they are in the fields; "" for what the rule does not have.
 * @property {string} when
 * @property {Record<string, string>} match
 * @property {string} action A key of ACTIONS.
 * @property {string} code
 * @property {string} enhanced
 * @property {string} text
 * @property {string} speed
 * @property {string} status The status of what comes back.
 * @property {string} message The text of what comes back.
 * @property {string} later The seconds until it comes back.
 * @property {string} delay
 * @property {string} skip
 * @property {string} times
 * @property {string} probability In percent.
 */

const CLIENT = ["helo", "peer", "user"];
const MAIL = ["sender", ...CLIENT];
const RECIPIENT = ["to", ...MAIL];

/** @type {Record<string, {text: string, match: string[]}>} The usual triggers, and the selectors that each can have. */
export const TRIGGERS = {
  RCPT: { text: "RCPT: the client names a recipient", match: RECIPIENT },
  END_OF_DATA: { text: "END_OF_DATA: a mail is complete", match: ["subject", ...RECIPIENT] },
  MAIL: { text: "MAIL: the client names the sender", match: MAIL },
  DATA: { text: "DATA: the client sends the mail", match: RECIPIENT },
  CONNECT: { text: "CONNECT: a client connects", match: ["peer"] },
  EHLO: { text: "EHLO: the client greets", match: CLIENT },
  STARTTLS: { text: "STARTTLS: the client starts TLS", match: ["helo", "peer"] },
  AUTH: { text: "AUTH: the client logs in", match: CLIENT },
  QUIT: { text: "QUIT: the client leaves", match: CLIENT },
};

/** @type {Record<string, [string, string]>} The label and the hint of each selector. */
export const SELECTORS = {
  to: ["Recipient", "An address; * and ? are wildcards: *@example.com"],
  sender: ["Sender", "The address of MAIL FROM"],
  subject: ["Subject", "The whole subject"],
  helo: ["Name in EHLO", ""],
  peer: ["Client address", "With or without the port"],
  user: ["User", "The name of the login"],
};

/** @type {Record<string, string>} */
export const ACTIONS = {
  reply: "reply with a code",
  drop: "close the connection without a reply",
  reset: "break the connection (reset)",
  stall: "never reply",
  throttle: "make the connection slow",
  accept_but_lose: "accept the mail and lose it",
  duplicate: "keep the mail twice",
  then_bounce: "accept the mail, then bounce",
  then_delayed: "accept the mail, then report a delay",
  then_complaint: "accept the mail, then complain",
  then_out_of_office: "accept the mail, then be out of office",
  then_auto_reply: "accept the mail, then reply",
  "": "reply as usual, only later",
};

/** What comes back after a mail: the fields that each action has, and the first one's default. */
/** @type {Record<string, {fields: ("status" | "text")[], status?: string}>} */
export const NOTICES = {
  then_bounce: { fields: ["status", "text"], status: "5.1.1" },
  then_delayed: { fields: ["status", "text"], status: "4.4.1" },
  then_complaint: { fields: [] },
  then_out_of_office: { fields: ["text"] },
  then_auto_reply: { fields: ["text"] },
};

/** Actions for a complete mail only. */
export const CONTENT_ACTIONS = ["accept_but_lose", "duplicate", ...Object.keys(NOTICES)];

/** @type {Record<string, string>} The fields of the parts of a rule that can be wrong. */
export const FIELDS_BY_PATH = {
  "match.probability": "probability",
  "do[0].delay": "delay",
  "do[0].reply[0]": "code",
  "do[0].throttle.bytes_per_second": "speed",
  "do[0].after": "skip",
  "do[0].times": "times",
  ...Object.fromEntries(Object.keys(NOTICES).map((name) => [`do[0].${name}.after`, "later"])),
};

/** @type {RuleFields} A rule that refuses every recipient. */
export const DEFAULT_FIELDS = {
  when: "RCPT",
  match: {},
  action: "reply",
  code: "550",
  enhanced: "5.1.1",
  text: "User unknown",
  speed: "1000",
  status: "",
  message: "",
  later: "",
  delay: "",
  skip: "",
  times: "",
  probability: "",
};

/**
 * Return the rule of some fields.
 *
 * @param {RuleFields} fields
 * @returns {Rule}
 */
export function buildRule(fields) {
  /** @type {Record<string, any>} */
  const match = {};
  for (const name of TRIGGERS[fields.when]?.match ?? []) if (fields.match[name]) match[name] = fields.match[name];
  if (fields.probability) match.probability = Number(fields.probability) / 100;
  /** @type {Record<string, any>} */
  const step = {};
  if (fields.delay) step.delay = Number(fields.delay);
  if (fields.action === "reply") step.reply = [Number(fields.code), ...[fields.enhanced, fields.text].filter(Boolean)];
  else if (fields.action === "throttle") step.throttle = { bytes_per_second: Number(fields.speed), direction: "both" };
  else if (fields.action in NOTICES) step[fields.action] = buildNotice(fields);
  else if (fields.action) step[fields.action] = true;
  if (fields.skip) step.after = Number(fields.skip);
  if (fields.times) step.times = Number(fields.times);
  return { when: fields.when, match, do: [step] };
}

/** @param {RuleFields} fields */
function buildNotice({ action, status, message, later }) {
  const notice = NOTICES[action];
  const own = {
    ...(notice.fields.includes("status") && { status: status || notice.status }),
    ...(notice.fields.includes("text") && message && { text: message }),
    ...(later && { after: Number(later) }),
  };
  return Object.keys(own).length ? own : true;
}

/** The value of an action that lets something come back, as an object. @param {string} action @param {any} value */
function readNotice(action, value) {
  const { fields, status } = NOTICES[action];
  const own = typeof value === "string" ? { [fields[0] ?? "feedback_type"]: value } : value === true ? {} : value;
  return status ? { status, ...own } : own;
}

/**
 * Return the fields of a rule, or null if the form cannot show all of it.
 *
 * @param {Rule} rule
 * @returns {RuleFields | null}
 */
export function readFields(rule) {
  try {
    const { optional, ...definition } = rule; // rules of this page are always optional
    const { probability, ...match } = rule.match ?? {};
    const [step] = rule.do;
    const [code, first = "", second] = [step.reply ?? []].flat();
    const action = Object.keys(ACTIONS).find((name) => name in step) ?? "";
    const notice = action in NOTICES ? readNotice(action, step[action]) : {};
    const hasEnhanced = /^[245]\.\d+\.\d+$/.test(first);
    const fields = {
      ...DEFAULT_FIELDS,
      when: `${rule.when}`.toUpperCase(),
      match,
      action,
      status: notice.status ?? "",
      message: notice.text ?? "",
      later: `${notice.after ?? ""}`,
      ...(step.reply !== undefined && { code: `${code}`, enhanced: hasEnhanced ? first : "", text: (hasEnhanced ? second : first) ?? "" }),
      ...(step.throttle && { speed: `${step.throttle.bytes_per_second ?? step.throttle}` }),
      delay: `${step.delay ?? ""}`,
      skip: `${step.after ?? ""}`,
      times: `${step.times ?? ""}`,
      probability: probability === undefined ? "" : `${Number((probability * 100).toFixed(6))}`,
    };
    const same = { match: {}, ...definition, when: fields.when };
    const isShown = fields.when in TRIGGERS && Object.values(match).every((value) => typeof value === "string");
    return isShown && normalize(buildRule(fields)) === normalize(same) ? fields : null;
  } catch {
    return null; // not a rule at all
  }
}

/** The same text for the same rule, whatever the order of its members. @param {any} value @returns {string} */
function normalize(value) {
  return JSON.stringify(value, (key, item) => {
    if (key === "reply" && typeof item === "number") return [item];
    if (key in NOTICES) item = readNotice(key, item);
    if (key === "throttle" && typeof item === "number") return { bytes_per_second: item, direction: "both" };
    const isObject = typeof item === "object" && item !== null && !Array.isArray(item);
    return isObject ? Object.fromEntries(Object.entries(item).sort()) : item;
  });
}
