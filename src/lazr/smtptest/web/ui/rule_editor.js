/** The editor of one rule: a form for the usual cases, and its JSON for all of them. */

import { ApiError, api } from "./api.js";
import { Component } from "./component.js";
import { button, fill, h } from "./dom.js";
import { field, select, showProblem } from "./form.js";
import { findProblems } from "./json_schema.js";
import { ACTIONS, buildRule, CONTENT_ACTIONS, DEFAULT_FIELDS, FIELDS_BY_PATH, NOTICES, readFields, SELECTORS, TRIGGERS } from "./rule_form.js";
import { reportErrors } from "./toast.js";

/** @typedef {import("./rule_form.js").Rule} Rule */

/** Dispatches `save` when the server has accepted the rule, and `cancel`. */
class RuleEditor extends Component {
  #form = h("div", { class: "fields" });
  #json = h("textarea", { rows: 18, spellcheck: "false" });
  #problem = h("p", { class: "bad", role: "alert", hidden: true });
  #note = h("p", { class: "muted" }, "This rule has more than the form can show. Change it in the JSON.");
  /** @type {import("./rule_form.js").RuleFields} */
  #fields = DEFAULT_FIELDS;
  /** @type {Record<string, any> | null} */
  #schema = null;
  /** @type {number | undefined} The rule that is changed; a new one without. */
  #number;
  #heading = h("h2");
  #save = h("button", { class: "primary" });

  mount() {
    const form = h("form", { class: "rule-editor", "aria-label": "Rule", novalidate: true, onsubmit: (/** @type {Event} */ event) => (event.preventDefault(), this.#submit()) });
    const json = field("Rule as JSON", this.#json, "As in rules.schema.json. It is checked while you type.");
    const cancel = button("Cancel", () => this.dispatchEvent(new Event("cancel")));
    fill(form, this.#heading, h("div", { class: "columns" }, h("div", {}, this.#note, this.#form), h("div", {}, json)), this.#problem, h("div", { class: "row" }, this.#save, cancel));
    fill(this, form);
    this.#json.setAttribute("aria-errormessage", (this.#problem.id = "rule-problem"));
    this.listen(this.#json, "input", () => this.#readJson());
    this.listen(this.#form, "input", () => this.#readForm());
    reportErrors(async () => {
      this.#schema = await api.rulesSchema();
      this.#readJson();
    });
  }

  /**
   * Show a rule to change, or a new one.
   *
   * @param {Rule} [rule]
   * @param {number} [number] The ID of the rule of the server that `rule` is.
   * @param {number} [place] Its number in the list.
   */
  edit(rule = buildRule(DEFAULT_FIELDS), number, place = number) {
    this.#number = number;
    this.#heading.textContent = number === undefined ? "New rule" : `Change rule ${place}`;
    this.#save.textContent = number === undefined ? "Add the rule" : "Save the rule";
    const { optional, ...shown } = rule; // every rule that comes over HTTP is optional
    this.#writeJson(shown);
    this.#readJson();
    this.scrollIntoView({ block: "nearest" });
    (this.#form.hidden ? this.#json : this.#form.querySelector("select"))?.focus();
  }

  /** @param {Rule} rule */
  #writeJson(rule) {
    this.#json.value = JSON.stringify(rule, null, 2);
  }

  #readForm() {
    const values = Object.fromEntries([...new FormData(/** @type {HTMLFormElement} */ (this.#form.closest("form"))).entries()].map(([name, value]) => [name, `${value}`]));
    const previous = this.#fields;
    const match = { ...previous.match };
    for (const name of Object.keys(SELECTORS)) if (`match.${name}` in values) match[name] = values[`match.${name}`];
    this.#fields = { ...previous, ...values, match };
    if (this.#fields.when !== "END_OF_DATA" && CONTENT_ACTIONS.includes(this.#fields.action)) this.#fields.action = "reply";
    this.#writeJson(buildRule(this.#fields));
    this.#check();
    if (previous.when !== this.#fields.when || previous.action !== this.#fields.action) this.#buildForm();
  }

  #readJson() {
    const rule = this.#check();
    const fields = rule && readFields(rule);
    this.#form.hidden = !fields;
    this.#note.hidden = this.#form.hidden === false || !rule;
    if (!fields) return;
    this.#fields = fields;
    this.#buildForm();
  }

  /** Return the rule of the JSON, or null with a message if it is invalid. @returns {Rule | null} */
  #check() {
    let text = "";
    let rule = null;
    let path = "";
    try {
      rule = JSON.parse(this.#json.value);
      const name = rule?.preset === undefined ? "rule" : "preset";
      const problems = this.#schema ? findProblems(rule, this.#schema.$defs[name], this.#schema) : [];
      text = problems.map((problem) => `${problem.path || "The rule"} ${problem.text}`).join("\n");
      path = problems[0]?.path ?? "";
    } catch (error) {
      text = `This is not JSON yet: ${error instanceof Error ? error.message : error}`;
    }
    showProblem(this.#json, this.#problem, text);
    for (const control of this.#form.querySelectorAll("input")) control.setAttribute("aria-invalid", `${FIELDS_BY_PATH[path] === control.name}`);
    this.#save.disabled = text !== "";
    return text ? null : rule;
  }

  #buildForm() {
    const fields = this.#fields;
    const focused = document.activeElement instanceof HTMLElement && this.#form.contains(document.activeElement) ? document.activeElement.getAttribute("name") : null;
    const named = (/** @type {string} */ name, /** @type {import("./form.js").Control} */ control) => (control.setAttribute("name", name), control);
    const input = (/** @type {string} */ name, /** @type {string} */ value, properties = {}) => named(name, h("input", { value, ...properties }));
    const number = (/** @type {string} */ name, /** @type {string} */ value, properties = {}) => input(name, value, { type: "number", min: "0", step: "any", ...properties });
    const actions = Object.entries(ACTIONS).filter(([name]) => fields.when === "END_OF_DATA" || !CONTENT_ACTIONS.includes(name));
    const triggers = Object.entries(TRIGGERS).map(([name, { text }]) => [name, text]);
    const set = (/** @type {string} */ legend, /** @type {Node[]} */ ...children) => h("fieldset", {}, h("legend", {}, legend), ...children);
    fill(
      this.#form,
      set("When", field("Trigger", named("when", select(Object.fromEntries(triggers), fields.when)))),
      set("Only if", ...TRIGGERS[fields.when].match.map((name) => field(SELECTORS[name][0], input(`match.${name}`, fields.match[name] ?? ""), SELECTORS[name][1]))),
      set(
        "Then",
        field("Action", named("action", select(Object.fromEntries(actions), fields.action))),
        ...(fields.action === "reply"
          ? [
              field("Code", number("code", fields.code, { min: "200", max: "559", step: "1" })),
              field("Enhanced code", input("enhanced", fields.enhanced, { placeholder: "5.1.1" })),
              field("Text", input("text", fields.text)),
            ]
          : []),
        ...(fields.action in NOTICES
          ? [
              ...(NOTICES[fields.action].fields.includes("status") ? [field("Status", input("status", fields.status, { placeholder: NOTICES[fields.action].status }))] : []),
              ...(NOTICES[fields.action].fields.includes("text") ? [field("Text", input("message", fields.message))] : []),
              field("Comes back after (seconds)", number("later", fields.later)),
            ]
          : []),
        ...(fields.action === "throttle" ? [field("Bytes per second", number("speed", fields.speed))] : []),
        field("Delay in seconds", number("delay", fields.delay)),
      ),
      set(
        "How often",
        field("Skip the first", number("skip", fields.skip, { step: "1" }), "Matches that pass first"),
        field("At most (times)", number("times", fields.times, { step: "1" }), "Empty: always"),
        field("Chance in percent", number("probability", fields.probability, { max: "100" }), "Empty: always"),
      ),
    );
    if (focused) /** @type {HTMLElement | null} */ (this.#form.querySelector(`[name="${focused}"]`))?.focus();
  }

  async #submit() {
    const rule = this.#check();
    if (!rule) return this.#json.focus();
    this.#save.disabled = true;
    await reportErrors(async () => {
      try {
        if (this.#number === undefined) await api.addRule(rule);
        else await api.changeRule(this.#number, { Rule: rule });
        this.dispatchEvent(new Event("save"));
      } catch (error) {
        if (!(error instanceof ApiError) || error.status !== 400) throw error;
        showProblem(this.#json, this.#problem, error.message);
      }
    });
    this.#save.disabled = false;
  }
}

customElements.define("rule-editor", RuleEditor);
