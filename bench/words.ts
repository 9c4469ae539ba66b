// Counts the words that plain English replaces, one pattern per row: in comments, in string literals (errors, pages,
// command output), in docs, and apart from these in identifiers.
//
//   npx node bench/words.ts                          the table, over worker, publisher, shared, docs and README.md
//   npx node bench/words.ts --list publisher/write   each place in these folders or files
//   npx node bench/words.ts --root ../other          the same for another checkout
import { readFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { sourceFiles } from "./support/source-files.ts";
import { splitSource } from "./support/split-source.ts";
import { toTable, type Row as TableRow } from "./support/table.ts";

interface Row {
  readonly name: string;
  readonly pattern: RegExp;
  /** The words that count inside identifiers, where the row has single words. */
  readonly identifiers?: readonly string[];
}

const ROWS: readonly Row[] = [
  { name: "mend", pattern: /\bmend(?:s|ed|ing)?\b/gi, identifiers: ["mend", "mends", "mended"] },
  {
    name: "stand(s) in, on, behind",
    pattern:
      /\b(?:stands?|stood|standing)\s+(?:in|on|at|behind|beside|under|below|above|there|here|for|before)\b/gi,
    identifiers: ["stands", "standing"],
  },
  { name: "told, tells", pattern: /\b(?:told|tells)\b/gi, identifiers: ["tell", "tells", "told"] },
  { name: "whoever, whatever, what is", pattern: /\b(?:whoever|whatever|what\s+is)\b/gi },
  {
    name: "goes by, is led, comes to",
    pattern: /\b(?:go(?:es)?\s+by|(?:is|are|be|been|was|were)\s+led|comes?\s+to)\b/gi,
  },
  {
    name: "lets ... not through",
    pattern: /\blets?\b[^.;\n]{0,40}\bnot\s+through\b|\bnot\s+let\s+through\b/gi,
  },
  { name: "has not the plan", pattern: /\bha(?:s|ve)\s+not\s+(?:the|a|an)\b/gi },
  {
    name: "draws anew, is drawn",
    pattern: /\b(?:anew|drawn|draws)\b/gi,
    identifiers: ["draw", "draws", "drawn", "anew"],
  },
  { name: "a place", pattern: /\ba\s+place\b/gi, identifiers: ["place", "places"] },
  { name: "held, what is held", pattern: /(?<!off:)\bheld\b/gi, identifiers: ["held"] },
  { name: "gives", pattern: /\bgives\b/gi },
  { name: "All of it was so.", pattern: /\ball of it was so\b/gi },
  { name: "FOR THEM / SO IT / BECAUSE", pattern: /\b(?:FOR THEM|SO IT|BECAUSE)\b/g },
];

const PLACES = ["worker", "publisher", "shared", "docs", "README.md"];
type Column = "comments" | "strings" | "docs" | "identifiers";

interface Hit {
  readonly file: string;
  readonly line: number;
  readonly row: string;
  readonly column: Column;
  readonly text: string;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { list: { type: "boolean", default: false }, root: { type: "string", default: "." } },
});

const hits: Hit[] = [];
for (const place of positionals.length === 0 ? PLACES : positionals) {
  for (const file of await sourceFiles(values.root, place, [".ts", ".mjs", ".md"])) {
    const source = await readFile(path.join(values.root, file), "utf8");
    hits.push(...(file.endsWith(".md") ? find(file, "docs", source) : findInCode(file, source)));
  }
}

if (values.list) {
  for (const { file, line, row, column, text } of hits)
    console.log(`${file}:${line}  ${column}  [${row}]  ${text}`);
} else {
  console.log(toTable([...ROWS.map(({ name }) => countRow(name)), countRow(undefined)]));
}

function countRow(row: string | undefined): TableRow {
  const count = (column: Column): number =>
    hits.filter((hit) => hit.column === column && (row === undefined || hit.row === row)).length;
  return {
    word: row ?? "all",
    comments: count("comments"),
    strings: count("strings"),
    docs: count("docs"),
    identifiers: count("identifiers"),
  };
}

function findInCode(file: string, source: string): readonly Hit[] {
  const { code, comments, strings } = splitSource(source);
  return [
    ...find(file, "comments", comments),
    ...find(file, "strings", strings),
    ...findIdentifiers(file, code),
  ];
}

function find(file: string, column: Column, text: string): readonly Hit[] {
  return ROWS.flatMap(({ name, pattern }) =>
    [...text.matchAll(pattern)].map(({ index }) => toHit(file, column, name, text, index)),
  );
}

/** Identifiers, cut into their words: `toldApart` has "told". */
function findIdentifiers(file: string, code: string): readonly Hit[] {
  return [...code.matchAll(/[A-Za-z_$][\w$]*/g)].flatMap(({ 0: identifier, index }) => {
    const words = identifier.split(/(?=[A-Z])|_/).map((word) => word.toLowerCase());
    return ROWS.filter(({ identifiers = [] }) => identifiers.some((word) => words.includes(word))).map(
      ({ name }) => toHit(file, "identifiers", name, code, index),
    );
  });
}

function toHit(file: string, column: Column, row: string, text: string, index: number): Hit {
  const before = text.slice(0, index).split("\n");
  const line = (text.split("\n")[before.length - 1] ?? "").trim();
  return { file, line: before.length, row, column, text: line.slice(0, 120) };
}
