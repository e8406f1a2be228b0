/** "Copy as …": code that finds the open mail again, with buttons to copy it. */

import { api } from "./api.js";
import { buildSnippets } from "./code_snippets.js";
import { openDialog } from "./dialog.js";
import { button, h } from "./dom.js";
import { state } from "./state.js";
import { copyText } from "./toast.js";

/** @param {import("./mail_details.js").MailDetails} mail */
export async function openCopyMenu(mail) {
  const [envelope, codes] = await Promise.all([mail.envelope(), mail.get("codes")]);
  const configuration = state.configuration;
  const login = configuration?.Mailbox ? "token" : configuration?.LoginRequired ? "password" : "none";
  const snippets = buildSnippets(mail.message, envelope, codes, { server: location.origin, login, user: configuration?.User ?? "" });
  const sections = snippets.map(({ title, about, text }) =>
    h(
      "section",
      { class: "snippet", "aria-label": title },
      h("header", {}, h("h3", {}, title), h("span", { class: "muted" }, about), button(`Copy ${title}`, () => copyText(text, title), { icon: "copy" })),
      h("pre", { tabindex: "0" }, text),
    ),
  );
  const copySource = async () => copyText(new TextDecoder().decode(await mail.source()), "Source");
  const source = h(
    "section",
    { class: "snippet", "aria-label": ".eml" },
    h("header", {}, h("h3", {}, ".eml"), h("span", { class: "muted" }, "The file has the exact bytes; the clipboard has text.")),
    h("div", { class: "row" }, h("a", { class: "button", href: api.sourceUrl(mail.id), download: `${mail.id}.eml` }, "Download .eml"), button("Copy the source as text", copySource)),
  );
  openDialog("Copy as …", sections, source);
}
