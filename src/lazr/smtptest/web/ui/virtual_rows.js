/** Only the rows that can be seen are in the document; the others are a height that scrolls. */

import { h } from "./dom.js";

/** Rows above and below the visible ones, so that a fast scroll does not show gaps. */
const MARGIN_ROWS = 8;

/**
 * @typedef {object} RowSource
 * @property {() => number} count
 * @property {(index: number) => string} keyAt What identifies the row; its element stays with it when it moves.
 * @property {(index: number) => string} describe The row is built again when this text changes.
 * @property {(index: number, element: HTMLElement) => void} build Fill the element of a row.
 * @property {(index: number, element: HTMLElement) => void} decorate Set what changes without building it again.
 */

export class VirtualRows {
  /** @type {Map<string, {element: HTMLElement, description: string, index: number, top: number}>} */
  #rows = new Map();
  #rowHeight = 64;
  #top = 0;

  /**
   * @param {HTMLElement} scroller The element that scrolls.
   * @param {RowSource} source
   */
  constructor(scroller, source) {
    this.scroller = scroller;
    this.source = source;
    this.canvas = h("div", { class: "canvas", role: "rowgroup" });
    scroller.append(this.canvas);
  }

  /** Whether the list shows its first row. */
  get isAtTop() {
    return this.#top < 4;
  }

  /** Remember where the user scrolled to; an element that is hidden forgets it. */
  rememberPosition() {
    if (this.scroller.clientHeight) this.#top = this.scroller.scrollTop;
  }

  /**
   * Measure the rows again: the size, the density or the zoom has changed.
   *
   * @param {number} kept A row that stays visible if it is.
   */
  measure(kept) {
    const probe = h("div", { class: "mail-row", role: "presentation" });
    this.canvas.append(probe);
    const height = probe.offsetHeight;
    probe.remove();
    if (!height || !this.scroller.clientHeight) return;
    const top = (this.#top / this.#rowHeight) * height;
    const keptTop = kept * this.#rowHeight;
    const isVisible = keptTop > this.#top - this.#rowHeight && keptTop < this.#top + this.scroller.clientHeight;
    this.#rowHeight = height;
    this.canvas.style.height = `${this.source.count() * height}px`;
    this.scroller.scrollTop = this.#top = top;
    if (isVisible) this.reveal(kept);
  }

  /** The visible rows with a margin. */
  get range() {
    const first = Math.floor(this.#top / this.#rowHeight) - MARGIN_ROWS;
    const rows = Math.ceil(this.scroller.clientHeight / this.#rowHeight) + 2 * MARGIN_ROWS;
    const start = Math.max(0, Math.min(first, this.source.count() - rows));
    return { first: start, last: Math.min(this.source.count(), start + rows) };
  }

  /** The number of rows that are visible at the same time. */
  get pageRows() {
    return Math.max(1, Math.floor(this.scroller.clientHeight / this.#rowHeight) - 1);
  }

  /**
   * Bring the document up to date.
   *
   * @param {number} kept The row that has the focus: it stays in the document wherever it is.
   * @param {boolean} [onlyNew] Leave the rows that are there as they are, because only the place of the list has changed.
   */
  render(kept, onlyNew = false) {
    this.canvas.style.height = `${this.source.count() * this.#rowHeight}px`;
    this.rememberPosition();
    const { first, last } = this.range;
    const indices = Array.from({ length: last - first }, (_, offset) => first + offset);
    if (kept >= 0 && kept < first) indices.unshift(kept);
    else if (kept >= last && kept < this.source.count()) indices.push(kept);
    const shown = new Set(indices.map((index) => this.#place(index, onlyNew)));
    for (const [key, { element }] of this.#rows) {
      if (shown.has(key)) continue;
      element.remove();
      this.#rows.delete(key);
    }
    let next = this.canvas.firstElementChild;
    // The order of the document is the order of the list, for screen readers.
    for (const key of shown) {
      const element = /** @type {HTMLElement} */ (this.#rows.get(key)?.element);
      if (element === next) next = next.nextElementSibling;
      else this.canvas.insertBefore(element, next);
    }
  }

  /** Build all rows again at the next `render`, because something about all of them has changed. */
  invalidate() {
    for (const row of this.#rows.values()) row.description = "\0";
  }

  /** @param {number} index */
  elementAt(index) {
    return this.#rows.get(this.source.keyAt(index))?.element;
  }

  /**
   * Return the place of a row from an element inside it; -1 outside of the rows.
   *
   * @param {EventTarget | null} target
   */
  indexOf(target) {
    const element = target instanceof Element ? target.closest('[role="row"]') : null;
    return [...this.#rows.values()].find((row) => row.element === element)?.index ?? -1;
  }

  /**
   * Scroll as little as makes a row visible.
   *
   * @param {number} index
   */
  reveal(index) {
    const top = index * this.#rowHeight;
    const height = this.scroller.clientHeight;
    if (!height) return;
    if (top < this.scroller.scrollTop) this.scroller.scrollTop = top;
    else if (top + this.#rowHeight > this.scroller.scrollTop + height) this.scroller.scrollTop = top + this.#rowHeight - height;
    this.rememberPosition();
  }

  scrollToTop() {
    this.scroller.scrollTop = this.#top = 0;
  }

  /** @param {number} index @param {boolean} onlyNew */
  #place(index, onlyNew) {
    const key = this.source.keyAt(index);
    let row = this.#rows.get(key);
    if (row && onlyNew) return key;
    const description = this.source.describe(index);
    if (!row) {
      row = { element: h("div", { role: "row", class: "mail-row" }), description: "\0", index: -1, top: -1 };
      this.#rows.set(key, row);
    }
    if (row.description !== description) {
      row.description = description;
      this.source.build(index, row.element);
    }
    const top = index * this.#rowHeight;
    if (row.top !== top || row.index !== index) {
      row.index = index;
      row.top = top;
      row.element.style.transform = `translateY(${top}px)`;
      row.element.setAttribute("aria-rowindex", `${index + 1}`);
    }
    this.source.decorate(index, row.element);
    return key;
  }
}
