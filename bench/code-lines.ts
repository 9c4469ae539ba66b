// Counts the lines of product code, without comments and blank lines, per folder; `--root` names another checkout.
//
//   npx node bench/code-lines.ts [--root ../other]
import { readFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { sourceFiles } from "./support/source-files.ts";
import { countCodeLines } from "./support/split-source.ts";
import { toTable } from "./support/table.ts";

const { values } = parseArgs({ options: { root: { type: "string", default: "." } } });
const rows: { readonly folder: string; readonly files: number; readonly lines: number }[] = [];
for (const folder of ["worker", "publisher", "shared"]) {
  const files = await sourceFiles(values.root, folder, [".ts", ".mjs"]);
  const sources = await Promise.all(files.map((file) => readFile(path.join(values.root, file), "utf8")));
  const lines = sources.reduce((sum, source) => sum + countCodeLines(source), 0);
  rows.push({ folder, files: files.length, lines });
}
const sum = (of: "files" | "lines"): number => rows.reduce((total, row) => total + row[of], 0);
console.log(toTable([...rows, { folder: "all", files: sum("files"), lines: sum("lines") }]));
