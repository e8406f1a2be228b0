/** The tab Wire: the SMTP session that brought the mail, with its transaction highlighted. */

import { ApiError, api } from "../api.js";
import { Component } from "../component.js";
import { custom, fill, h } from "../dom.js";
import { buildRefusal } from "../page_access.js";
import { followSession } from "../session_view.js";
import { state } from "../state.js";

/** `<wire-tab mail="ID">` */
class WireTab extends Component {
  mount() {
    const mail = this.getAttribute("mail") ?? "";
    const view = custom("session-view");
    fill(this, h("p", { class: "muted", role: "status" }, "Loading the session …"));
    followSession(this, async () => {
      const found = await this.#load(mail);
      if (!found) return null;
      view.update(found.Session, found.Transcript, { first: found.FirstLine, last: found.LastLine, messages: found.Messages, mail });
      if (!view.isConnected) {
        fill(this, view);
        view.scrollToTransaction();
      }
      return found.Session;
    });
  }

  /** @param {string} mail */
  async #load(mail) {
    try {
      return await api.detail(mail, "session", this.signal);
    } catch (error) {
      if (!(error instanceof ApiError) || ![403, 404].includes(error.status)) throw error;
      const refusal = error.status === 403 && buildRefusal("The session of a mail", state.configuration?.Mailbox ?? "");
      fill(this, refusal || h("div", { class: "empty" }, h("h2", {}, "The session is not known"), h("p", {}, error.message)));
      return null;
    }
  }
}

customElements.define("wire-tab", WireTab);
