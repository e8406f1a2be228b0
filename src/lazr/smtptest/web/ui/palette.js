/** The palette: every action, found by typing a part of its name. */

import { availableActions } from "./actions.js";
import { openDialog } from "./dialog.js";
import { fill, h } from "./dom.js";

export function openPalette() {
  const actions = availableActions().sort((one, other) => one.label.localeCompare(other.label));
  let found = actions;
  let selected = 0;
  const input = h("input", {
    type: "search",
    placeholder: "Type an action",
    role: "combobox",
    "aria-label": "Action",
    "aria-expanded": "true",
    "aria-controls": "palette-options",
    autocomplete: "off",
  });
  const list = h("ul", { id: "palette-options", role: "listbox", "aria-label": "Actions" });
  const dialog = openDialog("Actions", input, list);

  const show = () => {
    const options = found.map((action, index) =>
      h(
        "li",
        { role: "option", id: `palette-${index}`, "aria-selected": `${index === selected}`, onclick: () => run(index) },
        h("span", {}, action.label),
        h("span", {}, ...action.keys.map((key) => h("kbd", {}, key))),
      ),
    );
    fill(list, options.length ? options : h("li", { role: "option", "aria-disabled": "true" }, "No action has this name."));
    input.setAttribute("aria-activedescendant", found.length ? `palette-${selected}` : "");
    options[selected]?.scrollIntoView({ block: "nearest" });
  };
  /** @param {number} index */
  const run = (index) => {
    dialog.close();
    found[index]?.run();
  };

  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/);
    found = actions.filter(({ label }) => words.every((word) => label.toLowerCase().includes(word)));
    selected = 0;
    show();
  });
  input.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && found.length) {
      selected = (selected + step + found.length) % found.length;
      show();
    } else if (event.key === "Enter") run(selected);
    else return;
    event.preventDefault();
  });
  show();
  input.focus();
}
