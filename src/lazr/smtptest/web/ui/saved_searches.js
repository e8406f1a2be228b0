/** Searches that the user keeps under a name. */

import { askText } from "./dialog.js";
import { settings } from "./settings.js";
import { showToast } from "./toast.js";

/**
 * Save a search under a name that the user types; a search that is saved already is removed.
 *
 * @param {string} query
 */
export async function saveSearch(query) {
  const { searches } = settings.values;
  const others = searches.filter((search) => search.query !== query);
  if (others.length < searches.length) {
    settings.set({ searches: others });
    showToast("Saved search removed", { action: "Undo", run: () => settings.set({ searches }) });
    return;
  }
  const name = (await askText("Save this search", "Name", { value: query, action: "Save" }))?.trim();
  if (name) settings.set({ searches: [...others.filter((search) => search.name !== name), { name, query }] });
}
