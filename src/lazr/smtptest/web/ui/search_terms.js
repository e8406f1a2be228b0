/** The words of the search language, and how to complete them. */

import { api } from "./api.js";
import { settings } from "./settings.js";

/** @type {[example: string, text: string][]} The part up to the colon is the term. */
export const TERMS = [
  ["welcome", "this text in an address, the subject, the body or the name of an attachment"],
  ['"to the club"', "these words in this order"],
  ["recipient:*@example.com", "exactly this address in RCPT TO; * is any text"],
  ["sender:ann@example.com", "exactly this address in MAIL FROM; <> is the null reverse-path"],
  ["to:ann", "this text in a name or an address of To; =ann@example.com is exactly this address"],
  ["from:ann", "the same in From"],
  ["cc:ann", "the same in Cc"],
  ["bcc:ann", "the same in Bcc"],
  ["reply-to:ann", "the same in Reply-To"],
  ["addressed:ann", "the same in any of these fields"],
  ["subject:invoice", "this text in the subject"],
  ["message-id:abc", "this text in the Message-ID"],
  ["header:x-campaign=welcome", "this text in the header field; without =, any text"],
  ["tag:invoice", 'this tag; tag:"two words"'],
  ["is:unread", "unread; also read, tagged"],
  ["has:attachment", "with an attachment; also inline"],
  ["larger:20KB", "larger than this size"],
  ["smaller:1.5MB", "smaller than this size"],
  ["after:36h", "in the last 36 hours; also a date such as 2026-01-31, today, yesterday"],
  ["before:2026-01-31", "earlier than this time"],
  ["user:ann", 'whose session logged in as this user; "" is a session without AUTH'],
  ["-is:read", "mails that do not match the term; also !is:read"],
];

/** @type {Record<string, string[]>} */
const VALUES = { is: ["unread", "read", "tagged"], has: ["attachment", "inline"], after: ["today", "yesterday", "1h", "24h", "7d"] };
const MAX_COMPLETIONS = 10;

/** @typedef {{label: string, text: string, replacement: string, start: number, end: number, isValue?: boolean}} Completion It replaces start to end. */

/**
 * Return what the word at the cursor can become, and the saved searches that have the text.
 *
 * @param {string} search The whole text.
 * @param {string} before The part before the cursor.
 * @param {AbortSignal} signal
 * @returns {Promise<Completion[]>}
 */
export async function findCompletions(search, before, signal) {
  const word = /(?:"[^"]*"?|[^\s"])*$/.exec(before)?.[0] ?? "";
  const place = { start: before.length - word.length, end: before.length };
  const [, sign, name, value] = /^([-!]?)([^:"]*)(?::(.*))?$/.exec(word) ?? [];
  if (name === undefined || (!word && search)) return [];
  if (value === undefined) return [...findSaved(search), ...(name ? completeTerm(sign, name, place) : [])].slice(0, MAX_COMPLETIONS);
  const values = await findValues(name.toLowerCase(), signal);
  const typed = value.replace(/^[="]+/, "").toLowerCase();
  return values
    .filter((one) => one.toLowerCase().includes(typed) && one !== value)
    .slice(0, MAX_COMPLETIONS)
    .map((one) => ({ label: one, text: "", replacement: `${sign}${name}:${quote(one)} `, isValue: true, ...place }));
}

/** @param {string} search @returns {Completion[]} */
function findSaved(search) {
  const text = search.trim().toLowerCase();
  return settings.values.searches
    .filter(({ name, query }) => query !== search && `${name} ${query}`.toLowerCase().includes(text))
    .map(({ name, query }) => ({ label: name, text: name === query ? "Saved search" : query, replacement: query, start: 0, end: search.length }));
}

/** @param {string} sign @param {string} name @param {{start: number, end: number}} place @returns {Completion[]} */
function completeTerm(sign, name, place) {
  return TERMS.filter(([example]) => example.includes(":") && example.startsWith(name.toLowerCase())).map(([example, text]) => {
    const term = `${example.split(":")[0]}:`;
    return { label: term, text, replacement: sign + term, ...place };
  });
}

/** @param {string} name @param {AbortSignal} signal @returns {Promise<string[]>} */
async function findValues(name, signal) {
  if (name === "tag") return api.tags();
  if (["recipient", "to", "addressed"].includes(name)) {
    const { groups } = await api.groups("recipient", "", signal);
    return groups.map((/** @type {{Name: string}} */ { Name }) => Name);
  }
  return VALUES[name] ?? [];
}

/** @param {string} value */
const quote = (value) => (/[\s"]/.test(value) ? `"${value}"` : value);
