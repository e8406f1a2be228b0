/** The mails that are selected in the list. */

/** Dispatches `change`. */
class Selection extends EventTarget {
  /** @type {Set<string>} */
  ids = new Set();

  get size() {
    return this.ids.size;
  }

  /** @param {string} id */
  has(id) {
    return this.ids.has(id);
  }

  /**
   * Select mails, or no longer select them.
   *
   * @param {Iterable<string>} ids
   * @param {boolean} selected
   */
  set(ids, selected) {
    for (const id of ids) {
      if (selected) this.ids.add(id);
      else this.ids.delete(id);
    }
    this.dispatchEvent(new Event("change"));
  }

  /** @param {string} id */
  toggle(id) {
    this.set([id], !this.ids.has(id));
  }

  clear() {
    if (this.ids.size) this.set([...this.ids], false);
  }
}

export const selection = new Selection();
