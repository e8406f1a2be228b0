/** Numbers, times and addresses as people read them. */

import { settings } from "./settings.js";

/** @typedef {import("./api.js").Address} Address */

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Return a size as searches write it: 1 KB is 1,024 bytes. @param {number} octets */
export function formatSize(octets) {
  const units = ["B", "KB", "MB", "GB"];
  let value = octets;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit && value < 9.95 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** @param {number} count */
export const formatCount = (count) => count.toLocaleString("en");

/** @param {number} count @param {string} noun in the singular */
export const countOf = (count, noun) => `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;

/**
 * Return how long ago a time was, such as "5 min"; the date after a week.
 *
 * @param {string} time in ISO 8601
 */
export function formatAge(time) {
  const seconds = (Date.now() - Date.parse(time)) / 1000;
  if (!(seconds >= 45)) return "now";
  if (seconds < HOUR) return `${Math.round(seconds / MINUTE) || 1} min`;
  if (seconds < DAY) return `${Math.round(seconds / HOUR)} h`;
  if (seconds < 7 * DAY) return `${Math.round(seconds / DAY)} d`;
  return new Date(time).toLocaleDateString("en-CA", { timeZone: zone() });
}

/** @param {string} time in ISO 8601 */
export function formatTime(time) {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return time;
  const text = date.toLocaleString("sv-SE", { timeZone: zone() });
  return settings.values.timeZone === "UTC" ? `${text} UTC` : text;
}

/** @param {Address} address */
export const formatAddress = ({ Name, Address }) => (Name && Name !== Address ? `${Name} <${Address}>` : Address);

function zone() {
  return settings.values.timeZone === "UTC" ? "UTC" : undefined;
}
