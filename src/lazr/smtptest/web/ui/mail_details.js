/** What the head and the tabs of one mail share: each part is requested once. */

import { api } from "./api.js";

/** @typedef {import("./api.js").Address} Address */
/**
 * @typedef {object} Attachment
 * @property {string} PartID
 * @property {string} FileName
 * @property {string} ContentType
 * @property {string} ContentID
 * @property {number} Size
 * @property {{MD5: string, SHA1: string, SHA256: string}} Checksums
 */
/**
 * @typedef {object} Message
 * @property {string} ID
 * @property {string} MessageID
 * @property {boolean} Read Whether it was read before this request, which marks it as read.
 * @property {Address} From
 * @property {Address[]} To
 * @property {Address[]} Cc
 * @property {Address[]} Bcc
 * @property {Address[]} ReplyTo
 * @property {string} ReturnPath
 * @property {string} Subject
 * @property {string} Date
 * @property {string[]} Tags
 * @property {string} Username
 * @property {string} Text
 * @property {string} HTML
 * @property {number} Size
 * @property {Attachment[]} Inline
 * @property {Attachment[]} Attachments
 * @property {{Field: string, Characters: number, URL: string}[]} [Truncated]
 */
/**
 * @typedef {object} Envelope
 * @property {string} From
 * @property {string[]} To
 * @property {Record<string, string>} FromParameters
 * @property {Record<string, string>[]} ToParameters
 * @property {string[]} Bcc
 * @property {string} Helo
 * @property {string} Peer
 * @property {string} TLS
 * @property {string} User
 */
/**
 * @typedef {object} Part A part of the MIME tree; positions are octets of the source.
 * @property {string} PartID
 * @property {string} ContentType
 * @property {string} DetectedType
 * @property {string} FileName
 * @property {string} ContentID
 * @property {string} Charset
 * @property {string} Encoding
 * @property {string} Disposition
 * @property {number} HeaderStart
 * @property {number} HeaderEnd
 * @property {number} BodyStart
 * @property {number} BodyEnd
 * @property {number | null} DecodedSize
 * @property {string} SHA256
 * @property {string} MD5
 * @property {Part[]} Parts
 */
/** @typedef {{Where: string, Reason: string, Start: number | null, End: number | null, Line: number | null}} Defect */

export class MailDetails {
  /** @type {Map<string, Promise<any>>} */
  #answers = new Map();
  /** @type {AbortSignal} */
  #signal;

  /** @param {Message} message @param {AbortSignal} signal Ends all requests. */
  constructor(message, signal) {
    this.message = message;
    this.#signal = signal;
  }

  get id() {
    return this.message.ID;
  }

  /** @returns {Promise<Envelope>} */
  envelope = () => this.get("envelope");
  /** @returns {Promise<{Size: number, Part: Part}>} */
  structure = () => this.get("structure");
  /** @returns {Promise<Defect[]>} */
  defects = () => this.get("defects");
  /** The content, byte for byte. @returns {Promise<Uint8Array>} */
  source = () => this.#once("raw", () => api.source(this.id, this.#signal));

  /** @param {string} part Such as "checks". @returns {Promise<any>} */
  get = (part) => this.#once(part, () => api.detail(this.id, part, this.#signal));

  /** @param {string} name @param {() => Promise<any>} load */
  #once(name, load) {
    const known = this.#answers.get(name);
    if (known) return known;
    const answer = load();
    this.#answers.set(name, answer);
    answer.catch(() => this.#answers.delete(name)); // the next call tries again
    return answer;
  }
}

/**
 * All leaves and branches of a MIME tree, parents first.
 *
 * @param {Part} part
 * @returns {Part[]}
 */
export const flattenParts = (part) => [part, ...(part.Parts ?? []).flatMap(flattenParts)];
