/** The inbox: the list of mails, and beside it the mail that the route names. */

import { addActions } from "./actions.js";
import { Component } from "./component.js";
import { custom, fill, h } from "./dom.js";
import { paths, router } from "./router.js";
import { reportErrors } from "./toast.js";

/** The list is shown first; what shows a mail is loaded after it, or when a mail is opened. */
const PRELOAD_MILLISECONDS = 1000;

class InboxPage extends Component {
  mount() {
    const list = custom("message-list");
    const view = custom("message-view");
    const show = () => {
      this.classList.toggle("has-mail", router.route.id !== "");
      view.hidden = !router.route.id;
      if (router.route.id) loadMessageView();
    };
    this.listen(router, "change", show);
    show();
    fill(this, h("h1", { class: "visually-hidden" }, "Inbox"), list, view);
    setTimeout(() => importMessageView().catch(() => {}), PRELOAD_MILLISECONDS); // it is tried again when a mail is opened
    const close = () => router.go(paths.inbox(router.route.query));
    const action = { label: "Back to the list", keys: ["u", "Escape"], group: "Mail", run: close, available: () => router.route.id !== "" };
    addActions(this.signal, [action]);
  }
}

/** @type {Promise<unknown> | null} */
let importing = null;
let failures = 0;

/** Import the module once it can be loaded: some browsers remember a failure by the URL, so that each attempt has another one. */
function importMessageView() {
  importing ??= (failures ? import(`./message_view.js?attempt=${failures}`) : import("./message_view.js")).catch((error) => {
    importing = null;
    failures++;
    throw error;
  });
  return importing;
}

const loadMessageView = () => reportErrors(importMessageView);

customElements.define("inbox-page", InboxPage);
