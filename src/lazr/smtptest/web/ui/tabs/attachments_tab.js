/** The attachments and the inline parts of a mail. */

import { api } from "../api.js";
import { button, h } from "../dom.js";
import { formatSize } from "../format.js";
import { flattenParts } from "../mail_details.js";
import { isMismatch } from "../mime_tree.js";
import { state } from "../state.js";
import { copyText } from "../toast.js";
import { MailTab, note } from "./mail_tab.js";

/** @typedef {import("../mail_details.js").Attachment} Attachment */

class AttachmentsTab extends MailTab {
  async build() {
    const { mail } = this;
    const { Attachments: attachments, Inline: inline } = mail.message;
    if (!attachments.length && !inline.length) return [note("This mail has no attachments.")];
    const structure = await mail.structure().catch(() => null);
    const detected = new Map(structure ? flattenParts(structure.Part).map((part) => [part.PartID, part.DetectedType]) : []);
    const installCommand = await state.findMissingExtra("thumbnails");
    const build = (/** @type {Attachment} */ part) => buildCard(mail.id, part, detected.get(part.PartID) ?? "", !installCommand);
    return [
      installCommand && [...attachments, ...inline].some((part) => isPicture(part, detected.get(part.PartID) ?? "")) ? note("This server makes no thumbnails; to install them: ", h("code", {}, installCommand)) : null,
      h("ul", { class: "attachments" }, attachments.map(build)),
      inline.length ? h("h2", {}, "Inline parts") : null,
      h("ul", { class: "attachments" }, inline.map(build)),
    ];
  }
}

/** @param {Attachment} part @param {string} detected */
const isPicture = (part, detected) => part.ContentType.startsWith("image/") || detected.startsWith("image/");

/** @param {string} id @param {Attachment} part @param {string} detected @param {boolean} canShowPictures */
function buildCard(id, part, detected, canShowPictures) {
  const name = part.FileName || part.ContentID || `part ${part.PartID}`;
  const hasThumbnail = canShowPictures && isPicture(part, detected);
  const thumbnail = hasThumbnail ? h("img", { src: api.thumbnailUrl(id, part.PartID), alt: "", width: "180", height: "120", loading: "lazy" }) : h("span", { class: "file-type mono" }, name.match(/\.(\w{1,5})$/)?.[1] ?? "file");
  const sum = (/** @type {"MD5" | "SHA1" | "SHA256"} */ kind) => [
    h("dt", {}, kind),
    h("dd", {}, h("code", {}, part.Checksums[kind]), button(`Copy ${kind} of ${name}`, () => copyText(part.Checksums[kind], kind), { icon: "copy", class: "plain" })),
  ];
  return h(
    "li",
    { class: "attachment" },
    h("div", { class: "thumbnail" }, thumbnail),
    h(
      "div",
      { class: "attachment-facts" },
      h("strong", {}, name),
      h("span", { class: "muted" }, `${part.ContentType}, ${formatSize(part.Size)}`),
      isMismatch(part.ContentType, detected) ? h("span", { class: "warning" }, `The content is ${detected}, not ${part.ContentType}.`) : null,
      part.ContentID && part.FileName ? h("span", { class: "muted mono" }, `cid:${part.ContentID}`) : null,
      h("div", { class: "row" }, h("a", { class: "button", href: api.partUrl(id, part.PartID), download: name }, "Download")),
      h("details", {}, h("summary", {}, "Checksums"), h("dl", { class: "mail-facts" }, sum("SHA256"), sum("SHA1"), sum("MD5"))),
    ),
  );
}

customElements.define("attachments-tab", AttachmentsTab);
