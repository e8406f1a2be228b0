/** Pages for full access: the token of a mailbox gets the reason instead of their content. */

import { fill, h } from "./dom.js";
import { paths } from "./router.js";
import { state } from "./state.js";

/**
 * Build a page as soon as the configuration is known; for the token of a mailbox, say why there is none.
 *
 * @param {import("./component.js").Component} page
 * @param {string} subject What the page shows, such as "The rules of the server".
 * @param {() => void} build
 */
export function buildWithFullAccess(page, subject, build) {
  let isBuilt = false;
  const show = () => {
    if (!state.configuration || isBuilt) return;
    isBuilt = true;
    if (state.hasFullAccess) build();
    else fill(page, buildRefusal(subject, state.configuration.Mailbox));
  };
  page.listen(state, "configuration", show);
  show();
}

/** @param {string} subject @param {string} mailbox */
export function buildRefusal(subject, mailbox) {
  return h(
    "div",
    { class: "empty" },
    h("h1", {}, "This needs access to all mails"),
    h("p", {}, `You are logged in with the token of the mailbox “${mailbox}”. ${subject} can concern the mails of others, so a mailbox does not show them.`),
    h("p", {}, h("a", { href: paths.inbox() }, "Go to the inbox")),
  );
}
