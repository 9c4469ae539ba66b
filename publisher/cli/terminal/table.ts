import type { Paint, Style } from "./paint.ts";

/** A cell: plain text of one line, and how to colour it. */
export type Cell = string | { readonly text: string; readonly style: Style };

/**
 * Lays rows out in columns; the last column is cut to what a terminal has left.
 *
 * @param columns of the terminal; undefined never cuts
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

/** Lays names and values out, one pair a line. */
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

/** How many columns a text takes in a terminal; without colours and control characters in it. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const { segment } of graphemes.segment(text)) width += WIDE.test(segment) ? 2 : 1;
  return width;
}

/** Cuts a text to so many columns, never through a character. */
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
