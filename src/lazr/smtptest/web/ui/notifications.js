/** New mail in the title, in the favicon, and as desktop notifications. */

import { ROOT } from "./api.js";
import { countOf } from "./format.js";
import { openMail } from "./open_mail.js";
import { settings } from "./settings.js";
import { state } from "./state.js";

/** Many mails at once are one notification. */
const PAUSE_MILLISECONDS = 2000;
const ICON_PIXELS = 32;
const DOT_COLOR = "#d92d20";

/** The title that the page has set, and the one that is shown. */
let title = document.title;
let shown = document.title;
/** @type {import("./api.js").Summary[]} */
let arrived = [];
let timer = 0;

export function startNotifications() {
  new MutationObserver(showTitle).observe(document.head, { childList: true, subtree: true, characterData: true });
  state.addEventListener("totals", () => (showTitle(), showIcon()));
  state.addEventListener("new", (event) => {
    if (!settings.values.notifications || !document.hidden || Notification.permission !== "granted") return;
    arrived.push(/** @type {CustomEvent} */ (event).detail);
    timer ||= setTimeout(notify, arrived.length === 1 ? 0 : PAUSE_MILLISECONDS);
  });
}

/** Put the number of unread mails before the title, whatever sets it. */
function showTitle() {
  if (document.title !== shown) title = document.title;
  const text = state.unread ? `(${state.unread}) ${title}` : title;
  shown = text;
  if (document.title !== text) document.title = text;
}

/** Put a dot on the icon while there are unread mails. */
async function showIcon() {
  const link = document.querySelector('link[rel="icon"]');
  const plain = `${ROOT}/ui/icon.svg`;
  const hasDot = link?.getAttribute("href")?.startsWith("data:") ?? false;
  if (!link || hasDot === state.unread > 0) return;
  if (!state.unread) return link.setAttribute("href", plain);
  const image = new Image(ICON_PIXELS, ICON_PIXELS);
  image.src = plain;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = ICON_PIXELS;
  const context = canvas.getContext("2d");
  if (!context || !state.unread) return;
  context.drawImage(image, 0, 0, ICON_PIXELS, ICON_PIXELS);
  context.fillStyle = DOT_COLOR;
  context.arc(24, 8, 8, 0, 2 * Math.PI);
  context.fill();
  link.setAttribute("href", canvas.toDataURL());
}

function notify() {
  timer = 0;
  const mails = arrived;
  arrived = [];
  const latest = mails.at(-1);
  if (!latest) return;
  const text = mails.length > 1 ? countOf(mails.length, "new mail") : latest.Subject || "(no subject)";
  const body = `${latest.From?.Address ?? ""} to ${latest.Recipients?.[0] ?? latest.To?.[0]?.Address ?? ""}`;
  const notification = new Notification(text, { body, tag: "smtptest" });
  notification.onclick = () => {
    window.focus();
    openMail(latest.ID);
    notification.close();
  };
  timer = setTimeout(notify, PAUSE_MILLISECONDS);
}
