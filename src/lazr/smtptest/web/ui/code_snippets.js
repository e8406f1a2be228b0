/** Code that finds a mail again, for tests, scripts and other programs. */

import { ROOT } from "./api.js";
import { addressTerm, pythonString, pythonStrings, searchTerms, shellWord } from "./quoting.js";

/** @typedef {import("./mail_details.js").Message} Message */
/** @typedef {import("./mail_details.js").Envelope} Envelope */
/** @typedef {{title: string, text: string, about: string}} Snippet */
/**
 * @typedef {object} Target The server, and how to log in to it.
 * @property {string} server The URL of the server without a path.
 * @property {"none" | "token" | "password"} login
 * @property {string} user
 */

const TOKEN = '"Authorization: Bearer $SMTPTEST_TOKEN"';

/**
 * Return the search that finds the mail by its recipients and its subject.
 *
 * @param {Message} message
 * @param {string[]} recipients
 */
export function findingQuery(message, recipients) {
  const terms = recipients.slice(0, 3).map((address) => addressTerm("recipient", address));
  return [...terms, searchTerms("subject", message.Subject)].filter(Boolean).join(" ");
}

/**
 * Return all snippets for a mail.
 *
 * @param {Message} message
 * @param {Envelope} envelope
 * @param {string[]} codes
 * @param {Target} target
 * @returns {Snippet[]}
 */
export function buildSnippets(message, envelope, codes, target) {
  const query = findingQuery(message, envelope.To);
  const headerAddresses = [...message.To, ...message.Cc, ...message.Bcc].map(({ Address }) => Address);
  return [
    { title: "pytest", about: "A test with the fixture smtptest.", text: buildTest(message, envelope, codes) },
    { title: "smtptest wait", about: "Waits for such a mail and prints it.", text: buildWait(message, headerAddresses, query, target) },
    { title: "curl", about: "Waits for such a mail and prints it as JSON.", text: buildCurl(query, target) },
    { title: "httpx", about: "The same in Python.", text: buildHttpx(query, target) },
    { title: "Search", about: "For the search field, and for Mailpit.", text: buildMailpitQuery(message, headerAddresses) },
  ];
}

/** @param {Message} message @param {Envelope} envelope @param {string[]} codes */
function buildTest(message, envelope, codes) {
  const criteria = [`to=${pythonStrings(envelope.To)}`];
  if (message.Subject) criteria.push(`subject=${pythonString(message.Subject)}`);
  const lines = [`    mail = smtptest.inbox.one(${criteria.join(", ")})`, `    assert mail.sender == ${pythonString(envelope.From)}`];
  if (codes.length) lines.push(`    assert mail.codes[0] == ${pythonString(codes[0])}`);
  const names = message.Attachments.map(({ FileName }) => FileName).filter(Boolean);
  if (names.length) lines.push(`    assert ${pythonString(names[0])} in [part.filename for part in mail.attachments]`);
  return ["def test_mail(smtptest):", "    ...  # here your application sends the mail to smtptest.address", "", ...lines, ""].join("\n");
}

/** @param {Message} message @param {string[]} addresses @param {string} query @param {Target} target */
function buildWait(message, addresses, query, { server }) {
  // An address with a wildcard or without a header field can only be found by a search.
  const criteria = addresses.length ? [`--to=${addresses[0]}`, message.Subject && `--subject=${message.Subject}`] : [`--query=${query}`];
  const options = [...criteria.filter(Boolean), `--api=${server}${ROOT}`].map((option) => {
    const [name, ...value] = option.split("=");
    return `${name}=${shellWord(value.join("="))}`;
  });
  return `smtptest wait ${options.join(" ")}`;
}

/** @param {string} query @param {Target} target */
function buildCurl(query, { server, login, user }) {
  const credentials = { none: "", token: ` --header ${TOKEN}`, password: ` --user ${shellWord(user)}` }[login];
  const search = `--data-urlencode ${shellWord(`query=${query}`)} --data timeout=10`;
  return `curl --fail --silent --show-error${credentials} --get ${search} ${shellWord(`${server}${ROOT}/api/v1/wait`)}`;
}

/** @param {string} query @param {Target} target */
function buildHttpx(query, { server, login, user }) {
  const credentials = {
    none: "",
    token: '    headers={"Authorization": f"Bearer {os.environ[\'SMTPTEST_TOKEN\']}"},\n',
    password: `    auth=(${pythonString(user)}, os.environ["SMTPTEST_PASSWORD"]),\n`,
  }[login];
  return `${login === "none" ? "" : "import os\n\n"}import httpx

response = httpx.get(
    ${pythonString(`${server}${ROOT}/api/v1/wait`)},
    params={"query": ${pythonString(query)}, "timeout": 10},
    timeout=20,
${credentials})
mail = response.raise_for_status().json()["messages"][0]
`;
}

/** @param {Message} message @param {string[]} addresses */
function buildMailpitQuery(message, addresses) {
  return [searchTerms("to", addresses[0] ?? ""), searchTerms("subject", message.Subject)].filter(Boolean).join(" ");
}
