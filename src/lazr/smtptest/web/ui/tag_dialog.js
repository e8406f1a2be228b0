/** The dialog that changes the tags of mails. */

import { api } from "./api.js";
import { openDialog } from "./dialog.js";
import { button, fill, h } from "./dom.js";
import { countOf } from "./format.js";
import { findListed } from "./open_mail.js";
import { router } from "./router.js";
import { state } from "./state.js";
import { reportErrors } from "./toast.js";

/** Mails whose tags are read at the same time. */
const BATCH_SIZE = 20;

/**
 * Show the tags that all mails have, and let the user add and remove some.
 *
 * @param {string[]} ids
 */
export async function openTagDialog(ids) {
  if (!ids.length) return;
  const known = await api.tags();
  /** @type {Map<string, string[]>} */
  const before = new Map();
  for (let start = 0; start < ids.length; start += BATCH_SIZE) {
    const batch = ids.slice(start, start + BATCH_SIZE);
    const tagged = await Promise.all(batch.map(readTags));
    batch.forEach((id, index) => before.set(id, tagged[index]));
  }
  const counts = new Map();
  for (const tag of [...before.values()].flat()) counts.set(tag, (counts.get(tag) ?? 0) + 1);
  /** @type {Set<string>} */
  const added = new Set();
  /** @type {Set<string>} */
  const removed = new Set();

  const chips = h("div", { class: "row tag-chips" });
  const input = h("input", { list: "known-tags", placeholder: "Add a tag", "aria-label": "Tag", autofocus: true });
  const show = () => {
    const shown = [...new Set([...counts.keys(), ...added])].filter((tag) => !removed.has(tag)).sort();
    fill(
      chips,
      ...shown.map((tag) => {
        const part = added.has(tag) || counts.get(tag) === ids.length ? "" : ` (${counts.get(tag)} of ${ids.length})`;
        const remove = button(`Remove ${tag}`, () => (added.delete(tag), removed.add(tag), show(), input.focus()), { icon: "close", class: "plain" });
        return h("span", { class: "chip" }, tag + part, remove);
      }),
      shown.length === 0 && h("span", { class: "muted" }, "No tags yet"),
    );
  };
  const add = () => {
    for (const tag of input.value.split(",").map((text) => text.trim())) {
      if (tag) added.add(tag), removed.delete(tag);
    }
    input.value = "";
    show();
  };
  const save = () =>
    reportErrors(async () => {
      add();
      dialog.close();
      /** @type {Map<string, string[]>} Mails that get the same tags are changed together. */
      const changes = new Map();
      for (const [id, tags] of before) {
        const after = [...new Set([...tags.filter((tag) => !removed.has(tag)), ...added])].sort();
        if (after.join() === tags.join()) continue;
        const key = JSON.stringify(after);
        changes.set(key, [...(changes.get(key) ?? []), id]);
      }
      for (const [key, changed] of changes) {
        await api.setTags(changed, JSON.parse(key));
        for (const id of changed) state.emit("update", { ID: id, Tags: JSON.parse(key) });
      }
    });
  const form = h(
    "form",
    { class: "stack", onsubmit: (/** @type {Event} */ event) => (event.preventDefault(), input.value.trim() ? add() : save()) },
    chips,
    h("datalist", { id: "known-tags" }, ...known.map((tag) => h("option", { value: tag }))),
    h("div", { class: "row" }, input, h("button", { class: "visually-hidden", tabindex: "-1" }, "Add"), button("Save tags", save, { class: "primary" })),
  );
  const dialog = openDialog(ids.length === 1 ? "Tags" : `Tags of ${countOf(ids.length, "mail")}`, form);
  show();
  input.focus();
}

/**
 * Return the tags of a mail. Reading a mail marks it as read, so one that the list does not know is marked as before.
 *
 * @param {string} id
 * @returns {Promise<string[]>}
 */
async function readTags(id) {
  const listed = findListed(id);
  if (listed) return listed.Tags;
  const { Tags, Read } = await api.message(id);
  if (!Read && id !== router.route.id) await api.setRead([id], false);
  return Tags;
}
