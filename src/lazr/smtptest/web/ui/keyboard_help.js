/** The help: all keys of this page; those that do nothing now are marked. */

import { allActions, isAvailable } from "./actions.js";
import { openDialog } from "./dialog.js";
import { h } from "./dom.js";

export function openKeyboardHelp() {
  /** @type {Map<string, Map<string, import("./actions.js").Action>>} By group and name: some actions are there twice. */
  const groups = new Map();
  for (const action of allActions().filter(({ keys }) => keys.length)) {
    const group = groups.get(action.group ?? "General") ?? new Map();
    groups.set(action.group ?? "General", group);
    if (!group.has(action.label) || isAvailable(action)) group.set(action.label, action);
  }
  const sections = [...groups].map(([group, actions]) =>
    h(
      "section",
      {},
      h("h3", {}, group),
      h("dl", {}, ...[...actions.values()].flatMap(buildEntry)),
    ),
  );
  openDialog("Keyboard", h("div", { class: "keyboard-help" }, ...sections));
}

/** @param {import("./actions.js").Action} action */
function buildEntry(action) {
  const note = isAvailable(action) ? null : h("span", { class: "muted" }, " (not now)");
  return [h("dt", {}, ...action.keys.map((key) => h("kbd", {}, key))), h("dd", { class: note && "muted" }, h("span", {}, action.label), note)];
}
