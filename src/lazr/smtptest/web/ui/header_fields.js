/** The header section of a mail: its fields in their order, and their encoded words (RFC 2047) decoded. */

const LF = 0x0a;
const CR = 0x0d;
const WORD = /=\?([^?\s]{1,75})\?([bq])\?([^?\s]*)\?=/gi;
const WORDS = /=\?[^?\s]{1,75}\?[bq]\?[^?\s]*\?=(?:\s*=\?[^?\s]{1,75}\?[bq]\?[^?\s]*\?=)*/gi;

/**
 * @typedef {object} Field
 * @property {string} name "" for a line that is no field.
 * @property {string} value Unfolded and decoded.
 * @property {string} raw The lines of the source, without the end of the last one.
 */

/**
 * Return the fields before the first empty line of a source.
 *
 * @param {Uint8Array} octets
 * @returns {Field[]}
 */
export function parseFields(octets) {
  /** @type {string[]} */
  const fields = [];
  for (const line of headerLines(octets)) {
    if (fields.length && /^[ \t]/.test(line)) fields[fields.length - 1] += `\n${line}`;
    else fields.push(line);
  }
  return fields.map((raw) => {
    const [, name = "", value = raw] = /^([^\s:]+)[ \t]*:([^]*)$/.exec(raw) ?? [];
    return { name, value: decodeWords(value.replace(/\n(?=[ \t])/g, "").trim()), raw };
  });
}

/** @param {Uint8Array} octets */
function* headerLines(octets) {
  const decoder = new TextDecoder();
  for (let start = 0; start < octets.length; ) {
    const found = octets.indexOf(LF, start);
    const next = found < 0 ? octets.length : found + 1;
    let end = found < 0 ? next : found;
    if (end > start && octets[end - 1] === CR) end--;
    if (end === start) return;
    yield decoder.decode(octets.subarray(start, end));
    start = next;
  }
}

/**
 * Return a value with its encoded words decoded; white space between two of them does not count.
 *
 * @param {string} value
 */
export function decodeWords(value) {
  return value.replace(WORDS, (run) => {
    /** @type {{charset: string, octets: number[]}[]} */
    const pieces = [];
    for (const [, charset, encoding, text] of run.matchAll(WORD)) {
      const octets = encoding.toLowerCase() === "b" ? decodeBase64(text) : decodeQ(text);
      const last = pieces[pieces.length - 1];
      const name = charset.split("*")[0].toLowerCase(); // a language can follow (RFC 2231 5)
      if (last?.charset === name) for (const octet of octets) last.octets.push(octet); // a character may be split
      else pieces.push({ charset: name, octets });
    }
    return pieces.map(({ charset, octets }) => decode(charset, octets) ?? run).join("");
  });
}

/** @param {string} charset @param {number[]} octets */
function decode(charset, octets) {
  try {
    return new TextDecoder(charset).decode(Uint8Array.from(octets));
  } catch {
    return null; // an unknown charset
  }
}

/** @param {string} text */
function decodeBase64(text) {
  try {
    return [...atob(text)].map((letter) => letter.charCodeAt(0));
  } catch {
    return [...text].map((letter) => letter.charCodeAt(0)); // not base64
  }
}

/** @param {string} text @returns {number[]} */
function decodeQ(text) {
  const decoded = text.replaceAll("_", " ").replace(/=([0-9a-f]{2})/gi, (_, digits) => String.fromCharCode(parseInt(digits, 16)));
  return [...decoded].flatMap((letter) => (letter.charCodeAt(0) < 0x100 ? letter.charCodeAt(0) : [...new TextEncoder().encode(letter)]));
}
