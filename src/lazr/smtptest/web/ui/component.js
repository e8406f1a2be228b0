/** The base of all custom elements of the page: a lifetime for listeners and requests. */

/**
 * Build a part of the page again; the focus stays on the link or button of the same name.
 *
 * @param {Element} part
 * @param {() => void} build
 */
export function rebuild(part, build) {
  const describe = (/** @type {Element} */ element) => element.getAttribute("aria-label") ?? element.getAttribute("href") ?? element.textContent;
  const focused = part.contains(document.activeElement) ? document.activeElement : null;
  const name = focused && describe(focused);
  build();
  if (focused?.isConnected || name === null) return;
  /** @type {HTMLElement[]} */ ([...part.querySelectorAll("a, button")]).find((element) => describe(element) === name)?.focus();
}

/**
 * An element that is built when it enters the document.
 *
 * A subclass implements `mount`. Everything that it registers with `listen`, `every` or `signal` ends when the element
 * leaves the document, so no element reacts after its page is gone.
 */
export class Component extends HTMLElement {
  #abort = new AbortController();

  /** Aborted when the element leaves the document; pass it to `fetch` and `addEventListener`. */
  get signal() {
    return this.#abort.signal;
  }

  connectedCallback() {
    this.#abort = new AbortController();
    this.mount();
  }

  disconnectedCallback() {
    this.#abort.abort();
  }

  /** Build the content of the element. */
  mount() {}

  /**
   * Call a function for each event until the element leaves the document.
   *
   * @param {EventTarget} target
   * @param {string} type
   * @param {(event: any) => void} listener
   */
  listen(target, type, listener) {
    target.addEventListener(type, listener, { signal: this.signal });
  }

  /**
   * Call a function now and then again at an interval, while the page is visible.
   *
   * @param {number} milliseconds
   * @param {() => Promise<void> | void} run
   */
  every(milliseconds, run) {
    const timer = setInterval(() => document.hidden || run(), milliseconds);
    this.signal.addEventListener("abort", () => clearInterval(timer));
    run();
  }
}
