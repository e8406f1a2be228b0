/** The HTML of a mail in a frame without scripts and without an origin, as different devices and themes show it. */

import { url } from "../api.js";
import { fill, h } from "../dom.js";
import { state } from "../state.js";
import { linkify } from "./text_tab.js";
import { choice, MailTab, note, toggle } from "./mail_tab.js";

// Attributes and styles that make a browser load a picture of another server. A quote separates the two runs of white
// space, so that untrusted HTML takes linear time.
const REMOTE_CONTENT = /(?:\b(?:src|srcset|background|poster)\s*=|url\(|,)\s*(?:["']\s*)?(?:https?:)?\/\/[^\s"']/i;

/** What stays the same from mail to mail while the page is open. */
const view = { width: "full", theme: "light" };

class PreviewTab extends MailTab {
  #remote = false;
  #images = true;

  async build() {
    const { message } = this.mail;
    if (!message.HTML) {
      const text = message.Text.trim() ? h("pre", { class: "mail-text", dir: "auto" }, linkify(message.Text)) : note("This mail has neither HTML nor text.");
      return [text];
    }
    await state.firstLoad;
    this.#remote = state.configuration?.RemoteContent ?? false;
    const build = () =>
      h("iframe", {
        title: "The HTML of the mail",
        sandbox: "allow-popups allow-popups-to-escape-sandbox",
        referrerpolicy: "no-referrer",
        src: url(`/view/${message.ID}.html`, { embed: 1, remote: this.#remote ? 1 : "", images: this.#images ? "" : 0 }),
      });
    const consequence = h("span");
    const describe = () =>
      fill(
        consequence,
        this.#remote
          ? "Remote pictures are loaded. Their servers see when you read this mail."
          : "Remote pictures are not loaded. Loading them tells their servers when you read this mail.",
      );
    let frame = build();
    const load = () => {
      const next = build(); // another address of the same frame would be an entry in the history
      frame.replaceWith(next);
      frame = next;
      describe();
    };
    const place = h("div", { class: "preview-place" }, frame);
    const show = () => {
      place.dataset.width = view.width;
      place.dataset.theme = view.theme;
    };
    show();
    describe();
    const remote = h("div", { class: "remote-note" }, consequence);
    remote.append(toggle("Load remote content", this.#remote, (pressed) => ((this.#remote = pressed), load())));
    const bar = h(
      "div",
      { class: "tab-bar" },
      choice("Width", { full: "Full", 768: "Tablet", 375: "Phone" }, view.width, (width) => ((view.width = width), show())),
      choice("Theme", { light: "Light", dark: "Dark", forced: "Forced dark" }, view.theme, (theme) => ((view.theme = theme), show())),
      toggle("Images", this.#images, (pressed) => ((this.#images = pressed), load())),
      h("a", { class: "button", href: url(`/view/${message.ID}.html`), target: "_blank", rel: "noopener" }, "Open alone"),
    );
    return [bar, REMOTE_CONTENT.test(message.HTML) ? remote : null, place];
  }
}

customElements.define("preview-tab", PreviewTab);
