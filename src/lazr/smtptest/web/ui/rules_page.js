/** The page of rules: what the server does wrong on purpose, live, and how to change it. */

import { addActions } from "./actions.js";
import { api } from "./api.js";
import { Component } from "./component.js";
import { button, custom, fill, h } from "./dom.js";
import { countOf, formatCount } from "./format.js";
import { buildWithFullAccess } from "./page_access.js";
import { buildPresetList } from "./preset_list.js";
import { paths, router } from "./router.js";
import "./rule_editor.js";
import { buildRule, DEFAULT_FIELDS } from "./rule_form.js";
import { state } from "./state.js";
import { reportErrors, showToast } from "./toast.js";

/** @typedef {{At: number, Session: number, Said: string, Act: string, Count: number}} Call */
/** @typedef {{ID: number, Text: string, Enabled: boolean, Exhausted: boolean, Rule: Record<string, any> | null, Count: number, Calls: Call[]}} Rule */

const UNDO_SECONDS = 10;

/** Refuses one recipient for a time, as a busy server does. */
const NEXT_RECIPIENT = { ...DEFAULT_FIELDS, code: "451", enhanced: "4.3.0", text: "Try again later", times: "1" };

class RulesPage extends Component {
  #list = h("ol", { class: "rules", "aria-label": "Rules, in the order in which they are tried" });
  #empty = h("p", { class: "muted" }, "There is no rule: the server accepts mail as usual. Choose a preset, or write a rule.");
  #editor = custom("rule-editor", { hidden: true });
  #removeAll = button("Remove all", () => this.#removeRules(), { icon: "trash", text: true });
  /** @type {Map<number, {item: RuleItem, data: string}>} */
  #known = new Map();
  /** @type {Rule[]} */
  #rules = [];
  #loads = 0;

  mount() {
    buildWithFullAccess(this, "The rules of the server", () => this.#build());
  }

  #build() {
    const presets = h("section", { "aria-labelledby": "presets-heading" }, h("h2", { id: "presets-heading" }, "Presets: faults of real servers"));
    const head = h(
      "div",
      { class: "row" },
      h("h1", {}, "Rules"),
      button("New rule", () => this.#edit(), { icon: "rules", text: true, class: "primary" }),
      button("Make the next RCPT fail", () => this.#failNextRecipient()),
      this.#removeAll,
    );
    const introduction = h("p", { class: "muted" }, "Rules make the server misbehave. They are tried from the first to the last; the first one that matches acts.");
    fill(this, h("div", { class: "page" }, head, introduction, this.#editor, this.#empty, this.#list, presets));
    for (const type of ["save", "cancel"]) this.listen(this.#editor, type, () => this.#closeEditor(type));
    this.listen(state, "rules", () => this.#load());
    this.listen(state, "connection", () => state.connection === "live" && this.#load());
    reportErrors(async () => presets.append(...buildPresetList(await api.presets(), () => this.#load())));
    this.#load();
    addActions(this.signal, [
      { label: "New rule", keys: ["n"], group: "Rules", run: () => this.#edit() },
      { label: "Remove all rules", keys: [], group: "Rules", run: () => this.#removeRules(), available: () => this.#rules.length > 0 },
    ]);
    const prefill = () => {
      const recipient = router.route.page === "rules" && new URLSearchParams(location.search).get("recipient");
      if (recipient) this.#edit(buildRule({ ...DEFAULT_FIELDS, match: { to: recipient } }));
    };
    this.listen(router, "change", prefill);
    prefill();
  }

  #load() {
    const number = (this.#loads += 1);
    return reportErrors(async () => {
      const rules = await api.rules(this.signal);
      if (number === this.#loads) this.#show(rules); // else a newer answer comes
    });
  }

  /** Update the list in place, so that the focus stays. @param {Rule[]} rules */
  #show(rules) {
    this.#rules = rules;
    this.#empty.hidden = rules.length > 0;
    this.#removeAll.hidden = !rules.length;
    const known = this.#known;
    this.#known = new Map();
    rules.forEach((rule, index) => {
      const data = JSON.stringify([index, rule]);
      const entry = known.get(rule.ID) ?? { item: this.#buildItem(rule.ID), data: "" };
      if (entry.data !== data) entry.item.update(rule, index + 1);
      this.#known.set(rule.ID, { item: entry.item, data });
      known.delete(rule.ID);
      const place = this.#list.children[index] ?? null;
      if (place !== entry.item.element) this.#list.insertBefore(entry.item.element, place);
    });
    for (const { item } of known.values()) item.element.remove();
  }

  /** @param {number} number */
  #buildItem(number) {
    return new RuleItem({
      toggle: (isEnabled) => this.#change(() => api.changeRule(number, { Enabled: isEnabled })),
      edit: (rule, place) => this.#edit(rule.Rule ?? undefined, number, place),
      rearm: (rule) => this.#change(() => api.changeRule(number, { Rule: rule.Rule })),
      remove: (rule, place) => this.#remove(rule, place),
    });
  }

  /** Return whether a change has succeeded. @param {() => Promise<unknown>} run */
  async #change(run) {
    const isDone = await reportErrors(async () => (await run(), true));
    await this.#load();
    return isDone === true;
  }

  /** Add the rule, and lead to its form. */
  async #failNextRecipient() {
    await failNextRecipient();
    await this.#load();
    /** @type {HTMLElement | null | undefined} */ (this.#list.lastElementChild?.querySelector(".change"))?.focus();
  }

  /** @param {Rule} removed @param {number} place */
  async #remove(removed, place) {
    if (!(await this.#change(() => api.removeRule(removed.ID)))) return;
    offerUndo(`Rule ${place} is removed.`, [removed], this.#rules.length >= place ? "The rule is back, as the last one." : "The rule is back.");
    /** @type {HTMLElement | null} */ (this.#list.children[place - 1]?.querySelector("button") ?? this.querySelector("button"))?.focus();
  }

  async #removeRules() {
    const removed = this.#rules;
    if (await this.#change(() => api.removeRule())) offerUndo(`${countOf(removed.length, "rule")} removed.`, removed, "The rules are back.");
  }

  /** @param {Record<string, any>} [rule] @param {number} [number] @param {number} [place] */
  #edit(rule, number, place) {
    this.#editor.hidden = false;
    this.#editor.edit(rule, number, place);
  }

  /** @param {string} type */
  #closeEditor(type) {
    this.#editor.hidden = true;
    if (location.search) router.go(paths.rules(), { replace: true }); // the recipient of the prefilled rule
    if (type === "save") this.#load();
    this.querySelector("button")?.focus();
  }
}

customElements.define("rules-page", RulesPage);

/** Make the server refuse the next recipient, with a way to take this back. */
export function failNextRecipient() {
  return reportErrors(async () => {
    const [{ ID: number }] = await api.addRule(buildRule(NEXT_RECIPIENT));
    await state.loadRules();
    const remove = async () => {
      await api.removeRule(number);
      await state.loadRules();
    };
    showToast("The next RCPT gets 451 4.3.0 Try again later.", { seconds: UNDO_SECONDS, action: "Undo", run: () => reportErrors(remove) });
  });
}

/** @param {string} text @param {Rule[]} removed @param {string} restored The message when they are back. */
function offerUndo(text, removed, restored) {
  const kept = removed.filter(({ Rule }) => Rule !== null);
  if (!kept.length) return showToast(text);
  const restore = () =>
    reportErrors(async () => {
      for (const { Rule: definition, Enabled } of kept) {
        const [added] = await api.addRule(definition);
        if (!Enabled) await api.changeRule(added.ID, { Enabled });
      }
      showToast(restored);
    });
  return showToast(text, { seconds: UNDO_SECONDS, action: "Undo", run: restore });
}

/** One rule of the list. */
class RuleItem {
  element = h("li", { class: "card" });
  #switch;
  #text = h("code");
  #count = h("strong");
  #unit = h("span");
  #calls = h("ol", { class: "calls" });
  #details = h("details", {}, h("summary", {}, "Latest calls"), this.#calls);
  #note = h("p", { class: "muted", hidden: true }, "A test in Python has made this rule, with a function in it; it can be changed only there.");
  #place = h("span", { class: "muted" });
  #edit;
  #rearm;
  #remove;
  #exhausted;
  /** @type {Rule | undefined} */
  #rule;

  /**
   * @param {{toggle: (isEnabled: boolean) => void, edit: (rule: Rule, place: number) => void, rearm: (rule: Rule) => void,
   *     remove: (rule: Rule, place: number) => void}} actions
   */
  constructor(actions) {
    const run = (/** @type {(rule: Rule, place: number) => void} */ action) => () => this.#rule && action(this.#rule, Number(this.#place.textContent));
    this.#switch = h("input", { type: "checkbox", role: "switch", onchange: () => actions.toggle(this.#switch.checked) });
    this.#edit = button("Change", run(actions.edit), { icon: "settings", class: "plain change" });
    this.#remove = button("Remove", run(actions.remove), { icon: "trash", class: "plain" });
    this.#rearm = button("Arm again", run(actions.rearm), { title: "Start its count again" });
    this.#exhausted = h("p", { class: "row warning", hidden: true }, "It has acted as often as it may.", this.#rearm);
    const count = h("span", { class: "calls-count", title: "How often it acted" }, this.#count, " ", this.#unit);
    const head = h("div", { class: "rule-head" }, this.#switch, this.#place, this.#text, count, this.#edit, this.#remove);
    fill(this.element, head, this.#exhausted, this.#note, this.#details);
  }

  /** @param {Rule} rule @param {number} place From 1, in the order in which they are tried. */
  update(rule, place) {
    this.#rule = rule;
    this.#place.textContent = `${place}`;
    this.#place.title = `ID ${rule.ID}`;
    this.#switch.setAttribute("aria-label", `Rule ${place} is on`);
    for (const [control, text] of /** @type {[Element, string][]} */ ([[this.#edit, "Change"], [this.#remove, "Remove"]])) {
      for (const name of ["aria-label", "title"]) control.setAttribute(name, `${text} rule ${place}`);
    }
    this.#exhausted.hidden = !rule.Exhausted;
    this.#rearm.hidden = rule.Rule === null;
    this.#switch.checked = rule.Enabled;
    this.element.classList.toggle("off", !rule.Enabled);
    this.#text.textContent = rule.Text.replace(/\.optional\(\)$/, "");
    this.#count.textContent = formatCount(rule.Count);
    this.#unit.textContent = rule.Count === 1 ? "time" : "times";
    this.#edit.hidden = rule.Rule === null;
    this.#note.hidden = rule.Rule !== null;
    this.#details.hidden = !rule.Calls.length;
    const calls = rule.Calls.toReversed().map((call) =>
      h("li", {}, h("a", { href: paths.sessions(call.Session) }, `Session ${call.Session}`), " ", h("code", {}, call.Said || "(no command)"), " → ", h("code", { class: "bad" }, call.Act)),
    );
    fill(this.#calls, ...calls);
  }
}
