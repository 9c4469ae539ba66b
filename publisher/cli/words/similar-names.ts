import { visible } from "../terminal/visible.ts";

/** Most edits between a typed name and a similar one. */
const MAX_EDITS = 3;

/** A line for the user with the names that are most like one that does not exist; empty without any. */
export function didYouMean(typed: string, names: readonly string[]): readonly string[] {
  const similar = similarNames(typed, names).map((name) => visible(name, 64));
  return similar.length === 0 ? [] : [`did you mean ${similar.join(" or ")}?`];
}

/** The names that are most like one that does not exist, best first, at most three. */
export function similarNames(typed: string, names: readonly string[]): string[] {
  const limit = Math.min(MAX_EDITS, Math.floor(typed.length / 2));
  return names
    .map((name) => ({ name, edits: editDistance(typed, name) }))
    .filter(({ edits }) => edits <= limit)
    .sort((a, b) => a.edits - b.edits)
    .slice(0, 3)
    .map(({ name }) => name);
}

/** Levenshtein's distance, row by row. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let line = 1; line <= from.length; line++) {
    const next = [line];
    for (let column = 1; column <= to.length; column++) {
      const replaced = (row[column - 1] ?? 0) + (from[line - 1] === to[column - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
