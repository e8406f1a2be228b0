/** Numbered lines of which only the visible ones are in the document, so sources of any size scroll without a pause. */

import { Component } from "./component.js";
import { fill, h } from "./dom.js";

/** Browsers limit the height of elements; above this, one pixel of the scroll bar is more than one pixel of text. */
const MAX_HEIGHT_PIXELS = 8_000_000;
const MARGIN_ROWS = 12;
/** A longer line continues in the next row, also without wrapping. */
const MAX_COLUMNS = 1000;
const MIN_COLUMNS = 20;
const MEASURED_LETTERS = 100;

/**
 * @typedef {object} Lines
 * @property {number} count
 * @property {(line: number) => number} lengthOf How many columns the line has; lines count from 0.
 * @property {(line: number, start: number, end: number) => Node[]} render Build these columns of the line.
 * @property {(line: number) => Node[]} [renderEnd] Build what follows the line: its end, remarks.
 * @property {(line: number) => string} [classOf]
 */

export class LineView extends Component {
  /** @type {Lines} */
  #lines = { count: 0, lengthOf: () => 0, render: () => [] };
  /** The first row of each line, and the number of all rows at the end. @type {Uint32Array} */
  #firstRows = new Uint32Array(1);
  #spacer = h("div", { class: "line-spacer" });
  #rows = h("div", { class: "line-rows" });
  #rowHeight = 20;
  #columns = MAX_COLUMNS;
  #wrap = false;
  #isScheduled = false;
  #isMeasured = false;
  /** What to scroll to as soon as the size is known. @type {(() => void) | null} */
  #wanted = null;

  mount() {
    this.tabIndex = 0; // for the arrow keys
    this.setAttribute("role", "region");
    fill(this, this.#spacer, this.#rows);
    this.listen(this, "scroll", () => this.#schedule());
    const observer = new ResizeObserver(() => this.#measure());
    observer.observe(this);
    this.signal.addEventListener("abort", () => observer.disconnect());
  }

  /** @param {Lines} lines */
  show(lines) {
    this.#lines = lines;
    this.style.setProperty("--digits", `${`${lines.count}`.length}`);
    this.#measure();
  }

  get wrap() {
    return this.#wrap;
  }

  set wrap(wrap) {
    const top = this.#topLine();
    this.#wrap = wrap;
    this.#measure();
    if (this.#isMeasured) this.scrollToLine(top, 0);
  }

  /** Build the visible rows again, after their content has changed. */
  refresh() {
    this.#schedule();
  }

  /**
   * Scroll a line into view.
   *
   * @param {number} line from 0
   * @param {number} [context] How many rows to show before it.
   * @param {number} [column] A long line has several rows.
   */
  scrollToLine(line, context = 3, column = 0) {
    if (!this.#isMeasured) {
      this.#wanted = () => this.scrollToLine(line, context, column);
      return;
    }
    const row = this.#firstRows[Math.min(line, this.#lines.count - 1)] + Math.floor(column / this.#columns);
    const target = Math.max(0, row - context);
    this.scrollTop = this.#isScaled() ? (target / Math.max(1, this.#rowCount() - this.#visibleRows())) * this.#scrollRange() : target * this.#rowHeight;
    this.#schedule();
  }

  #rowCount = () => this.#firstRows[this.#lines.count];
  #visibleRows = () => Math.ceil(this.clientHeight / this.#rowHeight);
  #isScaled = () => this.#rowCount() * this.#rowHeight > MAX_HEIGHT_PIXELS;
  #scrollRange = () => Math.max(1, MAX_HEIGHT_PIXELS - this.clientHeight);

  /** @returns {number} The first visible row, with a fraction. */
  #topRow() {
    if (!this.#isScaled()) return this.scrollTop / this.#rowHeight;
    return Math.round((this.scrollTop / this.#scrollRange()) * Math.max(0, this.#rowCount() - this.#visibleRows() + 1));
  }

  #topLine = () => this.#lineOf(Math.floor(this.#topRow()));

  /** @param {number} row */
  #lineOf(row) {
    let low = 0;
    let high = this.#lines.count;
    while (low + 1 < high) {
      const middle = (low + high) >> 1;
      if (this.#firstRows[middle] <= row) low = middle;
      else high = middle;
    }
    return low;
  }

  /** Measure a letter, and count the rows that the lines have at the present width. */
  #measure() {
    if (!this.clientWidth || !this.#lines.count) return fill(this.#rows);
    const probe = h("code", {}, "0".repeat(MEASURED_LETTERS));
    const row = h("div", { class: "line", "data-number": "0" }, probe);
    fill(this.#rows, row);
    const { width, left } = probe.getBoundingClientRect();
    this.#rowHeight = row.getBoundingClientRect().height || this.#rowHeight;
    const available = this.clientWidth - (left - row.getBoundingClientRect().left) - width / MEASURED_LETTERS;
    this.#columns = this.#wrap ? Math.max(MIN_COLUMNS, Math.floor((available * MEASURED_LETTERS) / width)) : MAX_COLUMNS;
    const { count } = this.#lines;
    this.#firstRows = new Uint32Array(count + 1);
    for (let line = 0, first = 0; line < count; ) {
      first += Math.ceil(this.#lines.lengthOf(line) / this.#columns) || 1;
      this.#firstRows[++line] = first;
    }
    this.#spacer.style.height = `${Math.min(this.#rowCount() * this.#rowHeight, MAX_HEIGHT_PIXELS)}px`;
    this.#isMeasured = true;
    this.#wanted?.();
    this.#wanted = null;
    this.#render();
  }

  #schedule() {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    requestAnimationFrame(() => {
      this.#isScheduled = false;
      this.#render();
    });
  }

  #render() {
    const top = this.#topRow();
    const first = Math.max(0, Math.floor(top) - MARGIN_ROWS);
    const last = Math.min(this.#rowCount(), Math.ceil(top) + this.#visibleRows() + MARGIN_ROWS);
    const rows = [];
    for (let row = first, line = this.#lineOf(first); row < last; row++) {
      if (row >= this.#firstRows[line + 1]) line++;
      rows.push(this.#buildRow(line, row - this.#firstRows[line], row + 1 === this.#firstRows[line + 1]));
    }
    const offset = this.#isScaled() ? this.scrollTop - (top - first) * this.#rowHeight : first * this.#rowHeight;
    this.#rows.style.transform = `translateY(${offset}px)`;
    fill(this.#rows, rows);
  }

  /** @param {number} line @param {number} index of the row in its line @param {boolean} isLast */
  #buildRow(line, index, isLast) {
    const start = index * this.#columns;
    const code = h("code", {}, this.#lines.render(line, start, Math.min(start + this.#columns, this.#lines.lengthOf(line))));
    const classes = `line ${this.#lines.classOf?.(line) ?? ""}`;
    const end = isLast ? this.#lines.renderEnd?.(line) : null;
    return h("div", { class: classes, "data-number": index ? null : line + 1, dataset: { line: line + 1 } }, code, end);
  }
}

customElements.define("line-view", LineView);
