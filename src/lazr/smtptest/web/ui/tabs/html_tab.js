/** The HTML source of a mail with line numbers; `#L12` in the address marks a line. */

import { button, custom, h } from "../dom.js";
import { formatCount } from "../format.js";
import { HtmlLines } from "../html_lines.js";
import "../line_view.js";
import { copyText } from "../toast.js";
import { MailTab, note, toggle } from "./mail_tab.js";

class HtmlTab extends MailTab {
  build() {
    const { HTML: html, Truncated: truncated } = this.mail.message;
    if (!html) return [note("This mail has no HTML.")];
    const lines = new HtmlLines(html);
    const view = custom("line-view", { "aria-label": "HTML source", class: "html-source" });
    view.wrap = true;
    const line = Number(/^#L(\d{1,9})$/.exec(location.hash)?.[1] ?? 0);
    lines.marked = line - 1;
    view.show(lines);
    if (line) view.scrollToLine(line - 1);
    const cut = truncated?.find(({ Field }) => Field === "HTML");
    const bar = h(
      "div",
      { class: "tab-bar" },
      toggle("Wrap lines", true, (pressed) => (view.wrap = pressed)),
      button("Copy", () => copyText(html, "HTML"), { icon: "copy", text: true }),
      h("span", { class: "muted" }, `${formatCount(lines.count)} lines`, cut ? `, the beginning of ${formatCount(cut.Characters)} characters; the tab Source has all` : null),
    );
    return [bar, view];
  }
}

customElements.define("html-tab", HtmlTab);
