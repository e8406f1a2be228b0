/** The open mail and its neighbors: the list knows the order, and the mail view asks for it. */

import { paths, router } from "./router.js";

/** @typedef {import("./api.js").Summary} Summary */
/**
 * @typedef {object} ListOrder
 * @property {(id: string, step: 1 | -1) => Promise<string>} findNeighbor
 * @property {(id: string) => Summary | undefined} findListed
 */

/** @type {ListOrder | null} */
let listOrder = null;

/**
 * Set the list that the neighbors are taken from, until a signal ends it.
 *
 * @param {AbortSignal} signal
 * @param {ListOrder} order
 */
export function setListOrder(signal, order) {
  listOrder = order;
  signal.addEventListener("abort", () => listOrder === order && (listOrder = null));
}

/**
 * Open a mail; the search of the list and the tab stay.
 *
 * @param {string} id
 * @param {{replace?: boolean}} [options] `replace`: do not add an entry to the history.
 */
export function openMail(id, options) {
  router.go(paths.mail(id, router.route.tab, router.route.query), options);
}

/**
 * Return the mail after or before another one in the list; "" at its ends.
 *
 * @param {string} id
 * @param {1 | -1} step
 */
export const findNeighbor = async (id, step) => (await listOrder?.findNeighbor(id, step)) ?? "";

/**
 * Return a mail as the list has it, if it is loaded there.
 *
 * @param {string} id
 */
export const findListed = (id) => listOrder?.findListed(id);

/**
 * Open the mail after (1) or before (-1) the open one in the list, and return whether there is one.
 *
 * @param {1 | -1} step
 */
export async function openNeighbor(step) {
  const id = await findNeighbor(router.route.id, step);
  if (id) openMail(id, { replace: true });
  return id !== "";
}
