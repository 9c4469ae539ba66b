import type { Paint, Style } from "./paint.ts";

/** A cell: one line of plain text, with a style or without. */
export type Cell = string | { readonly text: string; readonly style: Style };

/**
 * Formats rows as a table. The last column is cut to the width of the terminal.
 *
 * @param options.columns width of the terminal; undefined: no limit
 */
export function formatTable(
  headings: readonly string[],
  rows: readonly (readonly Cell[])[],
  options: { readonly paint: Paint; readonly columns: number | undefined },
): string {
  const widths = headings.map((heading, column) =>
    Math.max(displayWidth(heading), ...rows.map((row) => displayWidth(textOf(row[column])))),
  );
  const last = headings.length - 1;
  const before = widths.slice(0, last).reduce((sum, width) => sum + width + GAP.length, 0);
  const room = Math.max(10, (options.columns ?? Number.POSITIVE_INFINITY) - before);

  const line = (cells: readonly Cell[]) =>
    cells
      .map((cell, column) => {
        const text = column === last ? cutToWidth(textOf(cell), room) : textOf(cell);
        const padding = column === last ? "" : " ".repeat((widths[column] ?? 0) - displayWidth(text));
        return (typeof cell === "string" ? text : options.paint(cell.style, text)) + padding;
      })
      .join(GAP)
      .trimEnd();

  return [line(headings.map((text) => ({ text, style: "bold" }))), ...rows.map(line)].join("\n");
}

/** Formats names and values, one pair per line. */
export function formatPairs(
  pairs: readonly (readonly [name: string, value: string])[],
  paint: Paint,
): string {
  const width = Math.max(...pairs.map(([name]) => displayWidth(name)));
  return pairs
    .map(([name, value]) => `${paint("dim", name)}${" ".repeat(width - displayWidth(name))}${GAP}${value}`)
    .join("\n");
}

const GAP = "  ";

function textOf(cell: Cell | undefined): string {
  return typeof cell === "string" ? cell : (cell?.text ?? "");
}

const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

/** East Asian wide and fullwidth ranges, and emoji: two columns in a terminal. */
const WIDE =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;

/** The width of a text in terminal columns. The text must have no colours or control characters. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const { segment } of graphemes.segment(text)) width += WIDE.test(segment) ? 2 : 1;
  return width;
}

/** Cuts a text to a number of columns, never inside a character. */
export function cutToWidth(text: string, columns: number): string {
  if (displayWidth(text) <= columns) return text;
  let cut = "";
  let width = 0;
  for (const { segment } of graphemes.segment(text)) {
    width += WIDE.test(segment) ? 2 : 1;
    if (width > columns - 1) break;
    cut += segment;
  }
  return `${cut}…`;
}
