/** Every action of the page by name: the keyboard, the palette and the help show the same table. */

/**
 * @typedef {object} Action
 * @property {string} label What it does, such as "Delete".
 * @property {string[]} keys Such as "j", "Ctrl+K", or "g i" for one key after the other; none for the palette only.
 * @property {() => void} run
 * @property {string} [group] A heading in the help; "General" by default.
 * @property {() => boolean} [available] Whether it makes sense now; always by default.
 */

/** How long the second key of "g i" may take. */
const SEQUENCE_MILLISECONDS = 1500;

/** @type {Set<Action>} */
const actions = new Set();
let prefix = "";
let prefixTime = 0;

/**
 * Add actions until a signal ends them; of two with one key, the later one counts.
 *
 * @param {AbortSignal} signal
 * @param {Action[]} added
 */
export function addActions(signal, added) {
  for (const action of added) actions.add(action);
  signal.addEventListener("abort", () => added.forEach((action) => actions.delete(action)));
}

/** All actions of the parts of the page that are loaded. */
export const allActions = () => [...actions];

/** Whether an action makes sense now. @param {Action} action */
export const isAvailable = (action) => action.available?.() ?? true;

/** The actions that make sense now. */
export const availableActions = () => allActions().filter(isAvailable);

/** Run actions by their keys, except where the user types text. */
export function startKeyboard() {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing) return;
    const key = describeKey(event);
    const isText = isTextField(event.target);
    if (document.querySelector("dialog[open], :popover-open") || (isText && !event.ctrlKey && !event.metaKey)) return;
    const sequence = prefix && Date.now() - prefixTime < SEQUENCE_MILLISECONDS ? `${prefix} ${key}` : key;
    prefix = "";
    const found = availableActions().reverse();
    const action = found.find(({ keys }) => keys.includes(sequence)) ?? found.find(({ keys }) => keys.includes(key));
    if (action) {
      event.preventDefault();
      action.run();
    } else if (found.some(({ keys }) => keys.some((candidate) => candidate.startsWith(`${key} `)))) {
      prefix = key;
      prefixTime = Date.now();
    }
  });
}

/** @param {KeyboardEvent} event */
function describeKey(event) {
  // AltGr writes a letter, also where it counts as Ctrl and Alt. The events of autofill have no modifiers.
  if (event.getModifierState?.("AltGraph")) return event.key;
  const control = event.ctrlKey || event.metaKey ? "Ctrl+" : "";
  const alt = event.altKey ? "Alt+" : "";
  return control + alt + (control && event.key.length === 1 ? event.key.toUpperCase() : event.key);
}

/** @param {EventTarget | null} target */
function isTextField(target) {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !["checkbox", "radio", "button"].includes(target.type);
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement || target.isContentEditable;
}
