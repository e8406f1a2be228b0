/** HTML as lines, with classes for tags, attributes, values and comments. It is never parsed as a document. */

import { h } from "./dom.js";
import { hex, isPrintable } from "./quoting.js";

const CLASSES = ["", "comment", "tag", "attribute", "value"];
const [, COMMENT, TAG, ATTRIBUTE, VALUE] = CLASSES.keys();
// Every alternative consumes what it has looked at, so the whole takes linear time.
const TOKENS = /<!--[^]*?(?:-->|$)|<!?\/?[a-zA-Z](?:"[^"]*"?|'[^']*'?|[^"'>])*>?/g;
const ATTRIBUTES = /([^\s"'<>=/]+)|(=\s*)("[^"]*"?|'[^']*'?|[^\s"'>]+)/g;

export class HtmlLines {
  /** @param {string} html */
  constructor(html) {
    this.html = html;
    this.kinds = new Uint8Array(html.length);
    for (const { 0: token, index } of html.matchAll(TOKENS)) this.#classify(token, index);
    /** @type {number[]} */
    this.starts = [0];
    for (let at = html.indexOf("\n"); at >= 0; at = html.indexOf("\n", at + 1)) this.starts.push(at + 1);
    this.count = this.starts.length;
    /** The line that is marked, from 0; -1 for none. */
    this.marked = -1;
  }

  /** @param {string} token @param {number} index */
  #classify(token, index) {
    if (token.startsWith("<!--")) {
      this.kinds.fill(COMMENT, index, index + token.length);
      return;
    }
    this.kinds.fill(TAG, index, index + token.length);
    const name = /^<!?\/?[^\s>/]*/.exec(token)?.[0].length ?? 0;
    for (const { 0: found, 1: attribute, 2: sign, index: at } of token.slice(name).matchAll(ATTRIBUTES)) {
      const start = index + name + at + (sign?.length ?? 0);
      this.kinds.fill(attribute ? ATTRIBUTE : VALUE, start, index + name + at + found.length);
    }
  }

  /** @param {number} line */
  lengthOf = (line) => (this.starts[line + 1] ?? this.html.length + 1) - 1 - this.starts[line];

  /** @param {number} line */
  classOf = (line) => (line === this.marked ? "marked" : "");

  /** @param {number} line @param {number} start @param {number} end */
  render = (line, start, end) => {
    const nodes = [];
    const stop = this.starts[line] + end;
    for (let at = this.starts[line] + start; at < stop; ) {
      let next = at + 1;
      while (next < stop && this.kinds[next] === this.kinds[at]) next++;
      const text = showInvisible(this.html.slice(at, next));
      nodes.push(this.kinds[at] ? h("span", { class: CLASSES[this.kinds[at]] }, text) : document.createTextNode(text));
      at = next;
    }
    return nodes;
  };
}

/** @param {string} text */
const showInvisible = (text) =>
  [...text].map((letter) => (isPrintable(letter) || letter === "\t" ? letter : `[U+${hex(letter.codePointAt(0) ?? 0, 4).toUpperCase()}]`)).join("");
