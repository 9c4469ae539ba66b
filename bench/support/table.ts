/** A row of a table: text is left-aligned, numbers are right-aligned, `undefined` is a dash. */
export type Row = Readonly<Record<string, string | number | undefined>>;

/** A Markdown table that is also aligned for a terminal. The first row defines the columns. */
export function toTable(rows: readonly Row[]): string {
  const names = Object.keys(rows[0] ?? {});
  const columns = names.map((name) => {
    const cells = rows.map((row) => toCell(row[name]));
    const width = Math.max(name.length, 3, ...cells.map((cell) => cell.length));
    const isNumeric = rows.some((row) => typeof row[name] === "number");
    const pad = (text: string): string => (isNumeric ? text.padStart(width) : text.padEnd(width));
    const rule = isNumeric ? `${"-".repeat(width - 1)}:` : "-".repeat(width);
    return [pad(name), rule, ...cells.map(pad)];
  });
  const lines = (columns[0] ?? []).map((_, line) => columns.map((column) => column[line]).join(" | "));
  return lines.map((line) => `| ${line} |`).join("\n");
}

function toCell(value: Row[string]): string {
  if (value === undefined) return "-";
  return typeof value === "number" ? value.toLocaleString("en-US", { maximumFractionDigits: 3 }) : value;
}
