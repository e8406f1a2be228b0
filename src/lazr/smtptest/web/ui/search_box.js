/** The search in the head of the page: completion, saved searches, and help about the language. */

import { addActions } from "./actions.js";
import { Component } from "./component.js";
import { button, fill, h, icon } from "./dom.js";
import { paths, router } from "./router.js";

/** The words of the language are loaded when the user begins to search. */
const loadTerms = () => import("./search_terms.js");

const TYPING_MILLISECONDS = 250;

class SearchBox extends Component {
  /** @type {import("./search_terms.js").Completion[]} */
  #completions = [];
  #active = -1;
  #timer = 0;
  #request = new AbortController();
  #input = h("input", {
    type: "search",
    role: "combobox",
    placeholder: "Search mails",
    "aria-label": "Search mails",
    "aria-autocomplete": "list",
    "aria-expanded": "false",
    "aria-controls": "search-completions",
    autocomplete: "off",
    spellcheck: "false",
    maxlength: "1024",
  });
  #options = h("ul", { id: "search-completions", role: "listbox", "aria-label": "Completions", hidden: true });

  mount() {
    const help = h("button", { type: "button", class: "plain", popovertarget: "search-help", "aria-label": "Help about searching", title: "Help about searching" }, icon("help"));
    const form = h("form", { role: "search", onsubmit: (/** @type {Event} */ event) => (event.preventDefault(), this.#commit()) }, icon("search"), this.#input, h("kbd", {}, "/"), help);
    fill(this, form, this.#options, this.#buildHelp());
    this.listen(this.#input, "input", () => this.#type());
    this.listen(this.#input, "focus", () => this.#complete());
    this.listen(this.#input, "blur", () => this.#hide());
    this.listen(this.#input, "keydown", (event) => this.#keydown(event));
    this.listen(this.#options, "mousedown", (event) => event.preventDefault()); // the field keeps the focus
    this.listen(router, "change", () => this.#follow());
    this.#input.value = router.route.query;
    const focus = () => (this.#input.focus(), this.#input.select());
    addActions(this.signal, [
      { label: "Search", keys: ["/"], group: "List", run: focus },
      { label: "Show unread mails only", keys: [], run: () => router.go(paths.inbox("is:unread")) },
      { label: "Clear the search", keys: [], run: () => router.go(paths.inbox()), available: () => router.route.query !== "" },
    ]);
  }

  #buildHelp() {
    const close = () => popover.hidePopover();
    const insert = (/** @type {string} */ example) => {
      close();
      this.#input.value = `${this.#input.value.trim()} ${example}`.trim();
      this.#input.focus();
      this.#commit();
    };
    const rows = h("tbody");
    const show = async () => {
      const { TERMS } = await loadTerms();
      fill(rows, ...TERMS.map(([example, text]) => h("tr", {}, h("td", {}, button(example, () => insert(example), { class: "plain mono" })), h("td", {}, text))));
    };
    const popover = h(
      "div",
      { id: "search-help", popover: "auto", role: "dialog", "aria-label": "How to search", onbeforetoggle: show },
      h("h2", {}, "How to search"),
      h("p", {}, "A mail must match all terms. Press one to add it to your search."),
      h("table", {}, rows),
      button("Close", close),
    );
    return popover;
  }

  /** Show the search of the address bar, unless the user is typing another one. */
  #follow() {
    clearTimeout(this.#timer);
    const { page, query } = router.route;
    if (this.#input.value.trim() === query) return;
    if (page === "inbox" || document.activeElement !== this.#input) this.#input.value = query;
  }

  #type() {
    clearTimeout(this.#timer);
    if (router.route.page === "inbox") this.#timer = setTimeout(() => this.#isComplete() && this.#search(), TYPING_MILLISECONDS);
    this.#complete();
  }

  /** Whether the text can be searched for while the user types: a term without its value is invalid. */
  #isComplete() {
    return !this.#input.value.endsWith(":") && !this.#completions.some(({ isValue }) => isValue);
  }

  #commit() {
    clearTimeout(this.#timer);
    this.#hide();
    this.#search();
  }

  #search() {
    const text = this.#input.value.trim();
    const { page, query } = router.route;
    if (page === "inbox" && text === query) return;
    router.go(paths.inbox(text), { replace: page === "inbox" && query !== "" && text !== "" });
  }

  async #complete() {
    this.#request.abort();
    this.#request = new AbortController();
    const { signal } = this.#request;
    const { value, selectionStart } = this.#input;
    const before = value.slice(0, selectionStart ?? value.length);
    const completions = await loadTerms()
      .then(({ findCompletions }) => findCompletions(value, before, signal))
      .catch(() => []);
    if (signal.aborted || document.activeElement !== this.#input) return;
    this.#completions = completions;
    this.#active = -1;
    this.#showOptions();
  }

  #showOptions() {
    const options = this.#completions.map(({ label, text }, index) =>
      h(
        "li",
        { role: "option", id: `search-completion-${index}`, "aria-selected": `${index === this.#active}`, onclick: () => this.#accept(index) },
        h("span", { class: "mono" }, label),
        h("span", { class: "muted" }, text),
      ),
    );
    fill(this.#options, ...options);
    this.#options.hidden = !options.length;
    this.#input.setAttribute("aria-expanded", `${options.length > 0}`);
    this.#input.setAttribute("aria-activedescendant", this.#active < 0 ? "" : `search-completion-${this.#active}`);
    options[this.#active]?.scrollIntoView({ block: "nearest" });
  }

  #hide() {
    this.#request.abort();
    this.#completions = [];
    this.#active = -1;
    this.#showOptions();
  }

  /** @param {number} index */
  #accept(index) {
    const { replacement, start, end } = this.#completions[index];
    const { value } = this.#input;
    this.#input.value = value.slice(0, start) + replacement + value.slice(end).trimStart();
    const position = start + replacement.length;
    this.#input.setSelectionRange(position, position);
    clearTimeout(this.#timer);
    if (replacement.endsWith(":")) this.#complete();
    else this.#commit();
  }

  /** @param {KeyboardEvent} event */
  #keydown(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const size = this.#completions.length;
    if (step && size) {
      this.#active = ((this.#active < 0 && step < 0 ? 0 : this.#active) + step + size) % size;
      this.#showOptions();
    } else if (event.key === "ArrowDown") this.#leave();
    else if ((event.key === "Enter" || event.key === "Tab") && this.#active >= 0) this.#accept(this.#active);
    else if (event.key === "Escape" && size) this.#hide();
    else if (event.key === "Escape") this.#leave();
    else return;
    event.preventDefault();
  }

  /** Give the focus to the list. */
  #leave() {
    this.#input.blur();
    const row = document.querySelector('message-list [role="row"][tabindex="0"]');
    if (row instanceof HTMLElement) row.focus();
  }
}

customElements.define("search-box", SearchBox);
