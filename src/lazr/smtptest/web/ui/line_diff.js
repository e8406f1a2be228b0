/** The difference of two lists (Myers' algorithm), of lines and of the words in changed lines. */

/** How many changes are looked for; texts that differ more count as replaced. Time and memory grow with its square. */
const MAX_CHANGES = 1500;
const MAX_WORDS = 200;
/** How many pairs of lines are compared word by word. */
const MAX_COMPARED_LINES = 500;

/** @typedef {{kind: "same" | "removed" | "added", old: number, new: number}} Step Positions from 0; of the next item where it has none. */
/** @typedef {{text: string, changed: boolean}} Piece */
/**
 * @typedef {object} DiffLine
 * @property {"same" | "removed" | "added"} kind
 * @property {number | null} old The line number, from 1.
 * @property {number | null} new
 * @property {Piece[]} pieces
 */

/**
 * Return how one list becomes the other.
 *
 * @param {string[]} before
 * @param {string[]} after
 * @returns {Step[]}
 */
export function diffItems(before, after) {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start++;
  let end = 0;
  while (end < Math.min(before.length, after.length) - start && before[before.length - 1 - end] === after[after.length - 1 - end]) end++;
  /** @type {Step[]} */
  const steps = [];
  for (let at = 0; at < start; at++) steps.push({ kind: "same", old: at, new: at });
  const middle = findShortest(before.slice(start, before.length - end), after.slice(start, after.length - end));
  for (const step of middle) steps.push({ ...step, old: step.old + start, new: step.new + start });
  for (let at = end; at > 0; at--) steps.push({ kind: "same", old: before.length - at, new: after.length - at });
  return steps;
}

/**
 * Myers, "An O(ND) Difference Algorithm and Its Variations" (1986), with a bound on D.
 *
 * @param {string[]} before
 * @param {string[]} after
 * @returns {Step[]}
 */
function findShortest(before, after) {
  const limit = Math.min(before.length + after.length, MAX_CHANGES);
  const reach = new Int32Array(2 * limit + 3); // by diagonal: the furthest position in `before`
  /** @type {Int32Array[]} */
  const trace = [];
  for (let changes = 0; changes <= limit; changes++) {
    trace.push(reach.slice(limit - changes, limit + changes + 3)); // diagonals -changes - 1 … changes + 1
    for (let diagonal = -changes; diagonal <= changes; diagonal += 2) {
      const at = diagonal + limit + 1;
      const isDown = diagonal === -changes || (diagonal !== changes && reach[at - 1] < reach[at + 1]);
      let old = isDown ? reach[at + 1] : reach[at - 1] + 1;
      while (old < before.length && old - diagonal < after.length && before[old] === after[old - diagonal]) old++;
      reach[at] = old;
      if (old >= before.length && old - diagonal >= after.length) return walkBack(before.length, after.length, trace);
    }
  }
  const removed = before.map((_, at) => /** @type {Step} */ ({ kind: "removed", old: at, new: 0 }));
  return [...removed, ...after.map((_, at) => /** @type {Step} */ ({ kind: "added", old: before.length, new: at }))];
}

/** @param {number} old @param {number} added @param {Int32Array[]} trace @returns {Step[]} */
function walkBack(old, added, trace) {
  /** @type {Step[]} */
  const steps = [];
  for (let changes = trace.length - 1; changes >= 0; changes--) {
    const reach = trace[changes];
    const diagonal = old - added;
    const at = diagonal + changes + 1;
    const isDown = diagonal === -changes || (diagonal !== changes && reach[at - 1] < reach[at + 1]);
    const previous = isDown ? diagonal + 1 : diagonal - 1;
    const from = changes ? reach[previous + changes + 1] : 0;
    const start = changes ? (isDown ? from : from + 1) : 0;
    while (old > start && added > start - diagonal) steps.push({ kind: "same", old: --old, new: --added });
    if (!changes) break;
    if (isDown) steps.push({ kind: "added", old, new: --added });
    else steps.push({ kind: "removed", old: --old, new: added });
  }
  return steps.reverse();
}

/**
 * Return the lines of a difference; in changed lines, the words that changed are marked.
 *
 * @param {string[]} before
 * @param {string[]} after
 * @returns {DiffLine[]}
 */
export function diffLines(before, after) {
  /** @type {DiffLine[]} */
  const lines = [];
  const steps = diffItems(before, after);
  let compared = 0;
  for (let at = 0; at < steps.length; ) {
    if (steps[at].kind === "same") {
      const step = steps[at++];
      lines.push({ kind: "same", old: step.old + 1, new: step.new + 1, pieces: [{ text: before[step.old], changed: false }] });
      continue;
    }
    let end = at;
    while (end < steps.length && steps[end].kind !== "same") end++;
    const hunk = steps.slice(at, end);
    const removed = hunk.filter(({ kind }) => kind === "removed").map((step) => step.old);
    const added = hunk.filter(({ kind }) => kind === "added").map((step) => step.new);
    const pairs = removed.map((old, index) => (index < added.length && compared++ < MAX_COMPARED_LINES ? diffWords(before[old], after[added[index]]) : null));
    removed.forEach((old, index) => lines.push({ kind: "removed", old: old + 1, new: null, pieces: pairs[index]?.[0] ?? [{ text: before[old], changed: false }] }));
    added.forEach((place, index) => lines.push({ kind: "added", old: null, new: place + 1, pieces: pairs[index]?.[1] ?? [{ text: after[place], changed: false }] }));
    at = end;
  }
  return lines;
}

/**
 * Return the pieces of two lines; null if they have little in common.
 *
 * @param {string} before
 * @param {string} after
 * @returns {[Piece[], Piece[]] | null}
 */
function diffWords(before, after) {
  const split = (/** @type {string} */ text) => text.match(/[\p{L}\p{N}]+|\s+|./gsu) ?? [];
  if (before.length + after.length > 20 * MAX_WORDS) return null;
  const [old, added] = [split(before), split(after)];
  if (old.length > MAX_WORDS || added.length > MAX_WORDS) return null;
  const steps = diffItems(old, added);
  const kept = steps.filter(({ kind, old: at }) => kind === "same" && old[at].trim()).length;
  if (!kept) return null;
  const collect = (/** @type {Step[]} */ chosen, /** @type {(step: Step) => string} */ textOf) => {
    /** @type {Piece[]} */
    const pieces = [];
    for (const step of chosen) {
      const changed = step.kind !== "same";
      const last = pieces[pieces.length - 1];
      if (last?.changed === changed) last.text += textOf(step);
      else pieces.push({ text: textOf(step), changed });
    }
    return pieces;
  };
  return [
    collect(steps.filter(({ kind }) => kind !== "added"), (step) => old[step.old]),
    collect(steps.filter(({ kind }) => kind !== "removed"), (step) => added[step.new]),
  ];
}
