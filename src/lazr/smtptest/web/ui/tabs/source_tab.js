/** The exact source of a mail: every octet, the defects at their lines, and the MIME tree at the side. */

import { api } from "../api.js";
import { button, custom, fill, h } from "../dom.js";
import { countOf, formatCount, formatSize } from "../format.js";
import "../line_view.js";
import { buildMimeTree } from "../mime_tree.js";
import { pythonBytes } from "../quoting.js";
import { SourceLines } from "../source_lines.js";
import { copyText } from "../toast.js";
import { MailTab, toggle } from "./mail_tab.js";

/** @typedef {import("../mail_details.js").Part} Part */
/** @typedef {import("../mail_details.js").Defect} Defect */

/** A longer defect marks only its line. */
const MAX_MARKED_OCTETS = 200;

class SourceTab extends MailTab {
  async build() {
    const { mail } = this;
    const octets = await mail.source();
    const lines = new SourceLines(octets);
    const view = custom("line-view", { "aria-label": "Source", class: "source" });
    view.wrap = true;
    const line = Number(/^#L(\d{1,9})$/.exec(location.hash)?.[1] ?? 0);
    if (line && line <= lines.count) lines.areas = [{ start: lines.starts[line - 1], end: lines.starts[line], class: "marked" }];
    view.show(lines);
    if (line) view.scrollToLine(line - 1);

    /** @type {Part | null} */
    let part = null;
    const copy = button("Copy as b\"…\"", () => copyText(pythonBytes(part ? octets.subarray(part.HeaderStart, part.BodyEnd) : octets), part ? "Part" : "Source"), {
      title: "Copy the octets of the source, or of the chosen part, as Python bytes",
    });
    const choosePart = (/** @type {Part | null} */ chosen) => {
      part = chosen;
      lines.areas = part
        ? [
            { start: part.HeaderStart, end: part.HeaderEnd, class: "part-header" },
            { start: part.BodyStart, end: part.BodyEnd, class: "part-body" },
          ]
        : [];
      if (part) view.scrollToLine(lines.lineAt(part.HeaderStart < part.HeaderEnd ? part.HeaderStart : part.BodyStart));
      view.refresh();
    };
    const bar = h(
      "div",
      { class: "tab-bar" },
      this.#buildSearch(view, lines),
      toggle("Wrap lines", true, (pressed) => (view.wrap = pressed)),
      copy,
      h("a", { class: "button", href: api.sourceUrl(mail.id), download: `${mail.id}.eml` }, "Download"),
      h("span", { class: "muted" }, `${countOf(lines.count, "line")}, ${formatSize(octets.length)}`),
    );
    const parts = this.#buildSection("MIME parts", async () => [h("h2", {}, "MIME parts"), buildMimeTree((await mail.structure()).Part, choosePart)]);
    const defects = this.#buildSection("Defects", async () => {
      const found = await mail.defects();
      pinDefects(lines, found);
      view.refresh();
      return [h("h2", {}, `Defects (${found.length})`), buildDefects(lines, found, view)];
    });
    return [bar, h("div", { class: "source-place" }, view, h("div", { class: "source-side", role: "group", "aria-label": "Parts and defects", tabindex: "0" }, parts, defects))];
  }

  /**
   * Return a section that is filled later: the source is there before a large mail is parsed.
   *
   * @param {string} title
   * @param {() => Promise<Node[]>} build
   */
  #buildSection(title, build) {
    const section = h("section", { "aria-label": title }, h("h2", {}, title), h("p", { class: "muted" }, "Loading …"));
    build().then(
      (content) => fill(section, content),
      (error) => this.signal.aborted || fill(section, h("h2", {}, title), h("p", { class: "muted" }, error.message)),
    );
    return section;
  }

  /** @param {any} view @param {SourceLines} lines */
  #buildSearch(view, lines) {
    const input = h("input", { type: "search", placeholder: "Find", "aria-label": "Find in the source" });
    const status = h("span", { class: "muted", role: "status" });
    let from = 0;
    const find = () => {
      const wanted = new TextEncoder().encode(input.value);
      const at = wanted.length ? (findOctets(lines.octets, wanted, from) ?? findOctets(lines.octets, wanted, 0)) : null;
      lines.marks = lines.marks.filter((mark) => mark.class !== "found");
      status.textContent = at === null && wanted.length ? "Not found" : "";
      if (at !== null) {
        lines.marks.push({ start: at, end: at + wanted.length, class: "found" });
        const line = lines.lineAt(at);
        view.scrollToLine(line, 3, at - lines.starts[line]);
        from = at + 1;
      }
      view.refresh();
    };
    input.addEventListener("input", () => {
      from = 0;
      find();
    });
    input.addEventListener("keydown", (event) => event.key === "Enter" && find());
    return [input, status];
  }
}

/**
 * Return where octets are; ASCII letters are found in both cases.
 *
 * @param {Uint8Array} octets
 * @param {Uint8Array} wanted
 * @param {number} from
 */
function findOctets(octets, wanted, from) {
  const lower = (/** @type {number} */ octet) => (octet >= 0x41 && octet <= 0x5a ? octet + 0x20 : octet);
  const folded = wanted.map(lower);
  for (let at = from; at <= octets.length - folded.length; at++) {
    let index = 0;
    while (index < folded.length && lower(octets[at + index]) === folded[index]) index++;
    if (index === folded.length) return at;
  }
  return null;
}

/** @param {SourceLines} lines @param {Defect} defect @returns {number | null} The line from 0; null if unknown. */
function lineOf(lines, { Start: start, Line: line }) {
  if (typeof start === "number") return lines.lineAt(start);
  return typeof line === "number" ? Math.min(line, lines.count) - 1 : null;
}

/** @param {SourceLines} lines @param {Defect[]} defects */
function pinDefects(lines, defects) {
  for (const defect of defects) {
    const line = lineOf(lines, defect);
    if (line === null) continue;
    lines.remarks.set(line, [...(lines.remarks.get(line) ?? []), defect.Reason]);
    const length = (defect.End ?? 0) - (defect.Start ?? 0);
    if (defect.Start !== null && defect.End !== null && length > 0 && length <= MAX_MARKED_OCTETS) lines.marks.push({ start: defect.Start, end: defect.End, class: "defect" });
  }
}

/** @param {SourceLines} lines @param {Defect[]} defects @param {any} view */
function buildDefects(lines, defects, view) {
  if (!defects.length) return h("p", { class: "good" }, "The parser found none.");
  return h(
    "ul",
    { class: "defect-list" },
    defects.map((defect) => {
      const line = lineOf(lines, defect);
      const text = `${defect.Where}: ${defect.Reason}`;
      return h("li", {}, line === null ? text : button(`Line ${formatCount(line + 1)}`, () => view.scrollToLine(line)), line === null ? null : ` ${text}`);
    }),
  );
}

customElements.define("source-tab", SourceTab);
