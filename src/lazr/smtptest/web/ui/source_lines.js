/** The octets of a source as lines: every octet is visible, also those that a terminal or a browser hides. */

import { h } from "./dom.js";
import { hex, isPrintable } from "./quoting.js";

const CR = 0x0d;
const LF = 0x0a;
/** RFC 5322 section 2.1.1: a line should have at most 78 octets and must have at most 998, without CR LF. */
const RECOMMENDED_OCTETS = 78;
const MAX_OCTETS = 998;
const MAX_UTF8_OCTETS = 4;
/** @type {Record<number, string>} */
const NAMES = { 0: "NUL", 7: "BEL", 8: "BS", 9: "→", 13: "CR", 27: "ESC", 127: "DEL" };

/** @typedef {{start: number, end: number, class: string}} Range A part of the source that is marked. */

export class SourceLines {
  /** @type {Range[]} Ranges whose octets are marked. */
  marks = [];
  /** @type {Range[]} Ranges whose lines are marked. */
  areas = [];
  /** @type {Map<number, string[]>} Remarks by line, from 0. */
  remarks = new Map();

  /** @param {Uint8Array} octets */
  constructor(octets) {
    this.octets = octets;
    let count = 0;
    for (let at = octets.indexOf(LF); at >= 0; at = octets.indexOf(LF, at + 1)) count++;
    // The octets after the last line feed are a line, unless there are none.
    this.count = count + (octets.length && octets[octets.length - 1] !== LF ? 1 : 0);
    this.starts = new Uint32Array(this.count + 1);
    for (let line = 1; line < this.count; line++) this.starts[line] = octets.indexOf(LF, this.starts[line - 1]) + 1;
    this.starts[this.count] = octets.length;
  }

  /** @param {number} offset @returns {number} The line of an octet. */
  lineAt(offset) {
    let low = 0;
    let high = this.count;
    while (low + 1 < high) {
      const middle = (low + high) >> 1;
      if (this.starts[middle] <= offset) low = middle;
      else high = middle;
    }
    return low;
  }

  /** @param {number} line @returns {number} How many octets its end has: 2 for CR LF, 1 for LF, 0 without an end. */
  #endLength(line) {
    const end = this.starts[line + 1];
    if (end === this.starts[line] || this.octets[end - 1] !== LF) return 0;
    return end - 2 >= this.starts[line] && this.octets[end - 2] === CR ? 2 : 1;
  }

  /** @param {number} line */
  lengthOf = (line) => this.starts[line + 1] - this.starts[line] - this.#endLength(line);

  /** @param {number} line */
  classOf = (line) => {
    const start = this.starts[line];
    const end = Math.max(this.starts[line + 1], start + 1);
    const areas = this.areas.filter((area) => area.start < end && start < area.end).map((area) => area.class);
    return [...areas, this.remarks.has(line) ? "defect" : ""].join(" ");
  };

  /** @param {number} line @param {number} start @param {number} end */
  render = (line, start, end) => {
    const first = this.starts[line];
    const limit = first + this.lengthOf(line);
    return this.#renderOctets(this.#snap(first + start, first, limit), this.#snap(first + end, first, limit));
  };

  /** @param {number} line */
  renderEnd = (line) => {
    const length = this.lengthOf(line);
    const [name, title] = [["end", "no line end"], ["LF", "bare LF"], ["CR LF", "CR LF"]][this.#endLength(line)];
    const nodes = [h("span", { class: name === "LF" ? "octet bad" : "octet end", title }, name)];
    if (length > RECOMMENDED_OCTETS) {
      const limit = length > MAX_OCTETS ? MAX_OCTETS : RECOMMENDED_OCTETS;
      const title = `This line has ${length} octets; RFC 5322 ${length > MAX_OCTETS ? "allows" : "recommends"} at most ${limit}.`;
      nodes.push(h("span", { class: length > MAX_OCTETS ? "long bad" : "long", title }, `${length} > ${limit}`));
    }
    for (const remark of this.remarks.get(line) ?? []) nodes.push(h("span", { class: "pin" }, remark));
    return nodes;
  };

  /** Move a position out of a character, so that no row ends inside one. @param {number} at @param {number} first @param {number} limit */
  #snap(at, first, limit) {
    if (at <= first || at >= limit) return at;
    for (let step = 0; step < MAX_UTF8_OCTETS; step++) if ((this.octets[at - step] & 0xc0) !== 0x80) return Math.max(first, at - step);
    return at; // not UTF-8
  }

  /** @param {number} start @param {number} end */
  #renderOctets(start, end) {
    const cuts = [start, end];
    const marks = this.marks.filter((mark) => mark.start < end && start < mark.end);
    for (const mark of marks) cuts.push(Math.max(start, mark.start), Math.min(end, mark.end));
    cuts.sort((one, other) => one - other);
    const nodes = [];
    for (let index = 1; index < cuts.length; index++) {
      const [from, to] = [cuts[index - 1], cuts[index]];
      if (from === to) continue;
      const classes = marks.filter((mark) => mark.start <= from && to <= mark.end).map((mark) => mark.class);
      const pieces = this.#renderRuns(from, to);
      nodes.push(...(classes.length ? [h("mark", { class: classes.join(" ") }, pieces)] : pieces));
    }
    return nodes;
  }

  /** @param {number} start @param {number} end */
  #renderRuns(start, end) {
    /** @type {Node[]} */
    const nodes = [];
    for (let at = start; at < end; ) {
      const kind = kindOf(this.octets[at]);
      let stop = at + 1;
      while (stop < end && kindOf(this.octets[stop]) === kind) stop++;
      const run = this.octets.subarray(at, stop);
      if (kind === "text") nodes.push(document.createTextNode(String.fromCharCode(...run)));
      else if (kind === "control") nodes.push(renderControls(run));
      else nodes.push(...renderHigh(run));
      at = stop;
    }
    return nodes;
  }
}

/** @param {number} octet */
const kindOf = (octet) => (octet >= 0x80 ? "high" : octet < 0x20 || octet === 0x7f ? "control" : "text");

/** @param {Uint8Array} run */
function renderControls(run) {
  const names = [...run].map((octet) => NAMES[octet] ?? hex(octet, 2).toUpperCase());
  return h("span", { class: run.every((octet) => octet === 9) ? "octet tab" : "octet bad", title: describeOctets(run) }, names.join(" "));
}

/** Octets above 127: as characters if they are UTF-8, else as numbers. @param {Uint8Array} run */
function renderHigh(run) {
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(run);
  } catch {
    return [h("span", { class: "octet bad", title: "not UTF-8" }, [...run].map((octet) => `\\x${hex(octet, 2)}`).join(""))];
  }
  const letters = [...text].map((letter) => (isPrintable(letter) ? letter : `[U+${hex(letter.codePointAt(0) ?? 0, 4).toUpperCase()}]`));
  return [h("span", { class: "octet high", title: describeOctets(run) }, letters.join(""))];
}

/** @param {Uint8Array} run */
const describeOctets = (run) => `${[...run.subarray(0, 16)].map((octet) => hex(octet, 2).toUpperCase()).join(" ")}${run.length > 16 ? " …" : ""}`;
