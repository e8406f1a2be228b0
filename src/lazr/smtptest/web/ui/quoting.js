/** Write untrusted values as literals of Python, of a shell, and of the search language. */

// Letters, marks, digits, punctuation, symbols and the space: what Python's repr shows as it is. Others are invisible,
// or change how the text around them looks.
const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;
const SHELL_WORD = /^[\w@%+=:,./-]+$/;
const ESCAPES = /** @type {Record<string, string>} */ ({ "\n": "\\n", "\r": "\\r", "\t": "\\t" });
/** A search has at most 1,024 characters. */
const MAX_SEARCHED_CHARACTERS = 300;

/** @param {string} letter One code point. */
export const isPrintable = (letter) => PRINTABLE.test(letter);

/** @param {number} value @param {number} digits */
export const hex = (value, digits) => value.toString(16).padStart(digits, "0");

/**
 * Return a Python string literal.
 *
 * @param {string} text
 */
export function pythonString(text) {
  const quote = text.includes('"') && !text.includes("'") ? "'" : '"';
  const letters = [...text].map((letter) => {
    if (letter === quote || letter === "\\") return `\\${letter}`;
    if (isPrintable(letter)) return letter;
    const code = letter.codePointAt(0) ?? 0;
    return ESCAPES[letter] ?? (code < 0x100 ? `\\x${hex(code, 2)}` : code < 0x10000 ? `\\u${hex(code, 4)}` : `\\U${hex(code, 8)}`);
  });
  return quote + letters.join("") + quote;
}

/**
 * Return a Python list of strings, or one string for one text.
 *
 * @param {string[]} texts
 */
export const pythonStrings = (texts) => (texts.length === 1 ? pythonString(texts[0]) : `[${texts.map(pythonString).join(", ")}]`);

/**
 * Return Python bytes literals, one for each line, in parentheses if there are several.
 *
 * @param {Uint8Array} octets
 */
export function pythonBytes(octets) {
  const lines = [];
  let line = [];
  for (const octet of octets) {
    const letter = String.fromCharCode(octet);
    if (letter === '"' || letter === "\\") line.push("\\", letter);
    else if (octet >= 0x20 && octet < 0x7f) line.push(letter);
    else line.push(ESCAPES[letter] ?? `\\x${hex(octet, 2)}`);
    if (octet === 0x0a) {
      lines.push(`b"${line.join("")}"`);
      line = [];
    }
  }
  if (line.length || !lines.length) lines.push(`b"${line.join("")}"`);
  return lines.length === 1 ? lines[0] : `(\n    ${lines.join("\n    ")}\n)`;
}

/**
 * Return one word of a POSIX shell; control characters and invisible ones are escaped as in bash, ksh and zsh.
 *
 * A terminal could act on control characters in a text that is pasted, so none is left.
 *
 * @param {string} text
 */
export function shellWord(text) {
  text = text.replaceAll("\0", ""); // no argument can have it
  if (SHELL_WORD.test(text)) return text;
  if ([...text].every(isPrintable)) return `'${text.replaceAll("'", "'\\''")}'`;
  const letters = [...text].map((letter) => {
    if (letter === "'" || letter === "\\") return `\\${letter}`;
    if (isPrintable(letter)) return letter;
    return [...new TextEncoder().encode(letter)].map((octet) => `\\${octet.toString(8).padStart(3, "0")}`).join("");
  });
  return `$'${letters.join("")}'`;
}

/**
 * Return search terms that find a text in a field. Quotes cannot be searched for, and invisible letters should not be copied:
 * they separate two terms.
 *
 * @param {string} field Such as "subject".
 * @param {string} text
 */
export function searchTerms(field, text) {
  const letters = [...text.slice(0, MAX_SEARCHED_CHARACTERS)].map((letter) => (isPrintable(letter) ? letter : '"'));
  const pieces = letters.join("").split('"');
  return pieces.filter((piece) => piece.trim()).map((piece) => `${field}:"${piece.trim()}"`).join(" ");
}

/**
 * Return a search term for a whole address.
 *
 * @param {string} field Such as "recipient".
 * @param {string} address
 */
export function addressTerm(field, address) {
  const value = [...address].map((letter) => (isPrintable(letter) && letter !== '"' ? letter : "?")).join(""); // any character
  return `${field}:${/^[^\s"]+$/.test(value) ? value : `"${value}"`}`;
}
