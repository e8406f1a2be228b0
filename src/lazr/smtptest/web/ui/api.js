/** The REST API of the server. All requests of the page are here. */

import { settings } from "./settings.js";

/** The path below which the server is, such as "/mail"; "" without one. */
export const ROOT = document.querySelector('meta[name="smtptest-root"]')?.getAttribute("content") ?? "";

/** @typedef {{Name: string, Address: string}} Address */
/**
 * @typedef {object} Summary A mail as lists have it.
 * @property {string} ID
 * @property {boolean} Read
 * @property {Address} From
 * @property {Address[] | null} To
 * @property {Address[] | null} Cc
 * @property {Address[] | null} Bcc
 * @property {string[]} Recipients
 * @property {string} [ReturnPath]
 * @property {string} Subject
 * @property {string} Created
 * @property {string[]} Tags
 * @property {number} Size
 * @property {number} Attachments
 * @property {string} Snippet
 */
/**
 * @typedef {object} Page A page of a list.
 * @property {number} total
 * @property {number} unread
 * @property {number} messages_count
 * @property {number} messages_unread
 * @property {number} start
 * @property {string[]} tags
 * @property {number} pending
 * @property {boolean} estimated
 * @property {{first: string, next: string}} cursors
 * @property {Summary[]} messages
 */
/** @typedef {{Host: string, Port: number, TLS: string}} MailAddress */
/**
 * @typedef {object} Configuration
 * @property {string} Label
 * @property {string} User
 * @property {string} Mailbox
 * @property {boolean} LoginRequired
 * @property {boolean} LoggedIn
 * @property {boolean} RemoteContent
 * @property {boolean} LinkCheck
 * @property {MailAddress[]} SMTP
 * @property {MailAddress[]} IMAP
 * @property {MailAddress[]} POP3
 * @property {{Name: string, Purpose: string, Installed: boolean, InstallCommand: string}[]} Extras
 * @property {string} Version
 * @property {{Enabled: boolean, AllowedRecipients: string}} MessageRelay
 * @property {boolean} ChaosEnabled
 */

/** A response that is not a success; the message is the server's reason. */
export class ApiError extends Error {
  /**
   * @param {number} status The HTTP status; 0 if the server did not answer.
   * @param {string} message
   */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/**
 * Return the URL of a path below the root, with query parameters; empty ones are left out.
 *
 * @param {string} path
 * @param {Record<string, string | number | undefined>} [query]
 */
export function url(path, query = {}) {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== "") parameters.set(name, `${value}`);
  }
  const text = parameters.toString();
  return ROOT + path + (text ? `?${text}` : "");
}

/**
 * Request a path and return the response.
 *
 * @param {string} path
 * @param {{method?: string, query?: Record<string, string | number | undefined>, body?: unknown, signal?: AbortSignal,
 *     keepalive?: boolean}} [options]
 * @returns {Promise<Response>}
 * @throws {ApiError} The server refused the request, or did not answer.
 */
export async function request(path, { method = "GET", query, body, signal, keepalive } = {}) {
  /** @type {Record<string, string>} */
  const headers = { "X-Smtptest-Page": "1" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response;
  try {
    const content = body === undefined ? undefined : JSON.stringify(body);
    response = await fetch(url(path, query), { method, headers, body: content, signal, keepalive });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, "The server does not answer. Is smtptest serve running?");
  }
  if (response.status === 401 && path !== LOGIN) {
    location.assign(url("/login", { next: location.pathname + location.search }));
    throw new ApiError(401, "Log in to continue.");
  }
  if (!response.ok) {
    const text = (await response.text()).trim();
    throw new ApiError(response.status, text.replace(/^Error: /, "") || `The server answered ${response.status}.`);
  }
  return response;
}

/**
 * @param {string} path
 * @param {Parameters<typeof request>[1]} [options]
 * @returns {Promise<any>}
 */
export async function requestJson(path, options) {
  return (await request(path, options)).json();
}

/**
 * Request a change. The answer is read to its end, because the browser would keep the connection otherwise.
 *
 * @param {string} path
 * @param {Parameters<typeof request>[1]} options
 */
async function send(path, options) {
  await (await request(path, options)).arrayBuffer();
}

const LOGIN = "/api/v1/login";

/** @param {string} id */
const message = (id) => `/api/v1/message/${encodeURIComponent(id)}`;

/** All requests by name; each takes an optional signal at the end where an answer may be outdated. */
export const api = {
  /** @returns {Promise<Configuration>} */
  configuration: () => requestJson("/api/v1/webui"),
  information: () => requestJson("/api/v1/info"),

  /**
   * @param {{query?: string, sort?: string, order?: string, cursor?: string, start?: number, limit?: number}} options
   * @param {AbortSignal} [signal]
   * @returns {Promise<Page>}
   */
  list: ({ query, ...options }, signal) =>
    requestJson(query ? "/api/v1/search" : "/api/v1/messages", { query: { query, strict: query && 1, tz: timeZone(), ...options }, signal }),
  /** @param {string} by @param {string} query @param {AbortSignal} [signal] */
  groups: (by, query, signal) => requestJson("/api/v1/groups", { query: { by, query, tz: timeZone() }, signal }),
  /** @returns {Promise<string[]>} */
  tags: () => requestJson("/api/v1/tags"),

  /** @param {string} id @param {AbortSignal} [signal] */
  message: (id, signal) => requestJson(message(id), { signal }),
  /** @param {string} id @param {string} part such as "structure" @param {AbortSignal} [signal] */
  detail: (id, part, signal) => requestJson(`${message(id)}/${part}`, { signal }),
  /** @param {string} id @param {AbortSignal} [signal] @returns {Promise<Uint8Array>} */
  source: async (id, signal) => new Uint8Array(await (await request(`${message(id)}/raw`, { signal })).arrayBuffer()),
  /** @param {string} id */
  sourceUrl: (id) => url(`${message(id)}/raw`, { dl: 1 }),
  /** @param {string} id @param {string} part */
  partUrl: (id, part) => url(`${message(id)}/part/${encodeURIComponent(part)}`),
  /** @param {string} id @param {string} part */
  thumbnailUrl: (id, part) => url(`${message(id)}/part/${encodeURIComponent(part)}/thumb`),
  /** @param {string} id @param {string[]} recipients */
  release: (id, recipients) => send(`${message(id)}/release`, { method: "POST", body: { To: recipients } }),
  /**
   * @param {string} id
   * @param {Record<string, string | string[] | number | undefined>} body
   * @returns {Promise<{Outcome: string, Recipient: string, Reason: string}>}
   */
  sendBack: (id, body) => requestJson(`${message(id)}/bounce`, { method: "POST", body }),

  /** @param {string[]} ids @param {boolean} read */
  setRead: (ids, read) => send("/api/v1/messages", { method: "PUT", body: { IDs: ids, Read: read } }),
  /** @param {string} query All mails without one. @param {boolean} read */
  setAllRead: (query, read) =>
    send("/api/v1/messages", { method: "PUT", query: { tz: timeZone() }, body: { Read: read, Search: query || undefined } }),
  /** @param {string[]} ids @param {string[]} tags */
  setTags: (ids, tags) => send("/api/v1/tags", { method: "PUT", body: { IDs: ids, Tags: tags } }),
  /**
   * Delete mails after a delay, in which `undo` brings them back.
   *
   * @param {{ids?: string[], query?: string}} which Without both, all mails.
   * @param {number} delay In seconds.
   * @returns {Promise<{Undo: string, Seconds: number}>}
   */
  remove: ({ ids, query }, delay) =>
    query
      ? requestJson("/api/v1/search", { method: "DELETE", query: { query, tz: timeZone(), delay } })
      : requestJson("/api/v1/messages", { method: "DELETE", query: { delay }, body: ids && { IDs: ids } }),
  /** @param {string} token */
  undo: (token) => send(`/api/v1/undo/${encodeURIComponent(token)}`, { method: "POST" }),

  /** @param {{start?: number, limit?: number, peer?: string}} query @param {AbortSignal} [signal] */
  sessions: (query, signal) => requestJson("/api/v1/sessions", { query, signal }),
  /** @param {number | string} number @param {string} [part] such as "/transcript" @param {AbortSignal} [signal] */
  session: (number, part = "", signal) => requestJson(`/api/v1/sessions/${number}${part}`, { signal }),
  /** @param {number | string} number */
  sessionPictureUrl: (number) => url(`/api/v1/sessions/${number}/transcript.svg`),

  /** @param {AbortSignal} [signal] */
  rules: (signal) => requestJson("/api/v1/rules", { signal }),
  rulesSchema: () => requestJson("/api/v1/rules/schema"),
  /** @returns {Promise<Record<string, string>>} */
  presets: () => requestJson("/api/v1/presets"),
  /** @param {unknown} rule */
  addRule: (rule) => requestJson("/api/v1/rules", { method: "POST", body: rule }),
  /** @param {string} name @param {unknown} options */
  addPreset: (name, options) => requestJson(`/api/v1/presets/${encodeURIComponent(name)}`, { method: "POST", body: options }),
  /** @param {number} number @param {{Enabled?: boolean, Rule?: unknown}} change */
  changeRule: (number, change) => requestJson(`/api/v1/rules/${number}`, { method: "PUT", body: change }),
  /** @param {number} [number] One rule; all without. */
  removeRule: (number) => send(`/api/v1/rules${number === undefined ? "" : `/${number}`}`, { method: "DELETE" }),

  mailboxes: () => requestJson("/api/v1/mailboxes"),
  /** @param {{Name: string, User?: string, Recipient?: string}} mailbox */
  addMailbox: (mailbox) => requestJson("/api/v1/mailboxes", { method: "POST", body: mailbox }),
  /** @param {string} name */
  removeMailbox: (name) => send(`/api/v1/mailboxes/${encodeURIComponent(name)}`, { method: "DELETE" }),
  /** @param {{User?: string, Password?: string, Token?: string}} credentials */
  login: (credentials) => send(LOGIN, { method: "POST", body: credentials }),
  logout: () => send("/api/v1/logout", { method: "POST" }),
};

function timeZone() {
  return settings.values.timeZone === "UTC" ? "UTC" : Intl.DateTimeFormat().resolvedOptions().timeZone;
}
