import { execFile } from "node:child_process";
import { readFile, readdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const root = new URL("../../", import.meta.url);
const read = (path: string): Promise<string> => readFile(new URL(path, root), "utf8");

/** The rows of Markdown tables, without the padding that a formatter chooses. */
const rowsOf = (text: string): readonly string[] =>
  text
    .split("\n")
    .filter((line) => line.startsWith("|") && !/^\|[-:| ]+\|$/.test(line))
    .map((line) =>
      line
        .split("|")
        .map((cell) => cell.trim())
        .join("|"),
    );

test("the bill is what its script prints", async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    fileURLToPath(new URL("bench/bill.ts", root)),
  ]);
  const [, table = ""] = (await read("docs/operations.md")).split("<!-- bill -->");
  expect(rowsOf(stdout).length).toBeGreaterThan(5);
  expect(rowsOf(table)).toEqual(rowsOf(stdout));
});

test("every fault that a worker can say is told of", async () => {
  const [, union = ""] = (await read("worker/isolate/fault.ts")).split("export type FaultWord =");
  const words = [...(union.split(";")[0] ?? "").matchAll(/"([a-z-]+)"/g)].map(([, word]) => word ?? "");
  expect(words.length).toBeGreaterThan(15);
  const doc = await read("docs/operations.md");
  expect(words.filter((word) => !doc.includes(`\`${word}\``))).toEqual([]);
});

test("every event that a publisher logs is told of", async () => {
  const files = (await readdir(new URL("publisher/", root), { recursive: true })).filter(
    // publisher/dev/ is the local system: its "postgres.log" is a file.
    (file) => file.endsWith(".ts") && !file.startsWith("dev/"),
  );
  const sources = await Promise.all(files.map((file) => read(`publisher/${file}`)));
  const events = sources.flatMap((source) =>
    [...source.matchAll(/"((?:publish|kill|listen|override|postgres|serve|api)\.[a-z_]+)"/g)].map(
      ([, event]) => event ?? "",
    ),
  );
  expect(events.length).toBeGreaterThan(10);
  const doc = await read("docs/operations.md");
  expect([...new Set(events)].filter((event) => !doc.includes(`\`${event}\``))).toEqual([]);
});
