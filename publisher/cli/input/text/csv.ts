/** One record of a CSV text and its first line. */
export interface CsvRecord {
  /** From 1. A quoted field may span several lines. */
  readonly line: number;
  readonly fields: readonly string[];
}

/** One field and its end. A quoted field may contain commas, line ends and doubled quotes. */
const FIELD = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/y;

/**
 * Splits CSV (RFC 4180) into its records; without empty lines.
 *
 * @returns the records, or the line of a field with unbalanced quotes
 */
export function parseCsv(text: string): readonly CsvRecord[] | { readonly faultyLine: number } {
  const records: CsvRecord[] = [];
  let fields: string[] = [];
  let line = 1;
  let firstLine = 1;
  let at = 0;
  while (at < text.length || fields.length > 0) {
    FIELD.lastIndex = at;
    const [all = "", quoted, plain = "", end] = FIELD.exec(text) ?? [];
    if (end === undefined) return { faultyLine: line };
    fields.push(quoted?.replaceAll('""', '"') ?? plain);
    at += all.length;
    line += all.split("\n").length - 1;
    if (end === ",") continue;
    const isEmpty = fields.length === 1 && fields[0] === "" && quoted === undefined;
    if (!isEmpty) records.push({ line: firstLine, fields });
    fields = [];
    firstLine = line;
  }
  return records;
}
