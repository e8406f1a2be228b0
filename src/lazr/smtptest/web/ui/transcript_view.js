/** The dialogue of a session: who said what when, with pauses, refusals, and content that unfolds. */

import { Component } from "./component.js";
import { fill, h, icon } from "./dom.js";
import { countOf, formatSize } from "./format.js";
import { paths } from "./router.js";

/** @typedef {{At: number, Who: string, Text: string, Content: boolean, Refused: boolean}} Line */

/** @type {Record<string, [string, string]>} The class and the name of each side. */
const SIDES = { C: ["client", "Client"], S: ["server", "Server"], "*": ["event", "Event"] };

/** Shorter pauses are not shown: the scheduler of a busy machine causes them. */
const MIN_PAUSE_SECONDS = 0.1;
const MAX_PAUSE_REMS = 6;

class TranscriptView extends Component {
  #list = h("ol", { class: "transcript", "aria-label": "Transcript" });
  /** @type {Line[]} */
  #lines = [];
  #range = "";

  mount() {
    fill(this, this.#list);
  }

  /**
   * Show a transcript. Called again with more lines, it adds them, so that nothing moves that is being read.
   *
   * @param {Line[]} lines
   * @param {{first?: number, last?: number}} [transaction] The lines to highlight, the last one included.
   */
  update(lines, { first = -1, last = -1 } = {}) {
    const range = `${first} ${last}`;
    const isLonger = range === this.#range && !this.#lines.at(-1)?.Content && this.#lines.every((line, i) => isSameLine(line, lines[i]));
    if (!isLonger) this.#list.replaceChildren();
    for (let i = isLonger ? this.#lines.length : 0; i < lines.length; i += 1) {
      const line = lines[i];
      const previous = lines[i - 1];
      const start = i;
      if (line.Content) while (lines[i + 1]?.Content) i += 1;
      this.#addPause(line, previous);
      if (start === first) this.#list.append(h("li", { class: "mark" }, "This mail"));
      const item = line.Content ? buildContent(lines.slice(start, i + 1)) : buildLine(line, previous);
      if (start >= first && start <= last) item.classList.add("current");
      this.#list.append(item);
    }
    this.#lines = lines;
    this.#range = range;
  }

  /** Scroll to the highlighted transaction. */
  scrollToTransaction() {
    this.#list.querySelector(".current")?.scrollIntoView({ block: "center" });
  }

  /** @param {Line} line @param {Line | undefined} previous */
  #addPause(line, previous) {
    const seconds = previous ? line.At - previous.At : 0;
    if (seconds < MIN_PAUSE_SECONDS) return;
    const cause = line.Who === "C" ? "waiting for the client" : line.Who === "S" ? "waiting for the server" : "nothing happened";
    const pause = h("li", { class: "pause" }, `${formatSeconds(seconds)} s ${cause}`);
    pause.style.minHeight = `${Math.min(1.5 + Math.log10(seconds * 10), MAX_PAUSE_REMS)}rem`;
    this.#list.append(pause);
  }
}

customElements.define("transcript-view", TranscriptView);

/** @param {number} seconds */
export const formatSeconds = (seconds) => (seconds < 100 ? seconds.toFixed(seconds < 10 ? 3 : 1) : `${Math.round(seconds)}`);

/** @param {Line} line @param {Line | undefined} other */
const isSameLine = (line, other) => line.At === other?.At && line.Who === other.Who && line.Text === other.Text;

/** @param {Line} line @param {Line} [previous] */
function buildLine(line, previous) {
  const [side] = SIDES[line.Who] ?? SIDES["*"];
  const isRule = line.Who === "*" && line.Text.startsWith("rule:");
  const text = h("code", {}, line.Refused && [icon("close"), h("span", { class: "visually-hidden" }, "Refused: ")], line.Text || " ");
  const item = h("li", { class: side }, ...buildLabels(line, previous), text);
  item.classList.toggle("refused", line.Refused);
  item.classList.toggle("rule", isRule);
  if (isRule) item.append(h("a", { href: paths.rules() }, "Rules"));
  return item;
}

/** @param {Line[]} lines Following lines of content. */
function buildContent(lines) {
  const text = h("pre");
  const summary = h("summary", {}, `Content, about ${formatSize(measureContent(lines))} (${countOf(lines.length, "line")} kept)`);
  const details = h("details", {}, summary, text);
  details.addEventListener("toggle", () => (text.textContent = lines.map((line) => line.Text).join("\n")), { once: true });
  return h("li", { class: "client content" }, ...buildLabels(lines[0]), details);
}

/** Time and side; for readers, a side that repeats is only heard. @param {Line} line @param {Line} [previous] */
function buildLabels(line, previous) {
  const name = (SIDES[line.Who] ?? SIDES["*"])[1];
  const isRepeated = previous?.Who === line.Who && !previous.Content;
  const label = h("span", { class: isRepeated ? "visually-hidden" : "" }, name);
  return [h("span", { class: "at" }, previous?.At === line.At ? "" : formatSeconds(line.At)), h("span", { class: "who" }, label)];
}

/** Count the bytes of content: those that are shown, and those that a line such as "(… 147 octets …)" stands for. @param {Line[]} lines */
function measureContent(lines) {
  const encoder = new TextEncoder();
  return lines.reduce((size, { Text }) => {
    const hidden = /^\(… ([\d,]+) octets …\)$/.exec(Text);
    return size + (hidden ? Number(hidden[1].replaceAll(",", "")) : encoder.encode(Text).length + 2);
  }, 0);
}
