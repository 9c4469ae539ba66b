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

test("the table of the bill is the output of bench/bill.ts", async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    fileURLToPath(new URL("bench/bill.ts", root)),
  ]);
  const [, table = ""] = (await read("docs/operations.md")).split("<!-- bill -->");
  expect(rowsOf(stdout).length).toBeGreaterThan(5);
  expect(rowsOf(table)).toEqual(rowsOf(stdout));
});

/** The sections of the page below a `###` heading, by heading. */
const sectionsOf = (doc: string): ReadonlyMap<string, string> =>
  new Map(
    doc
      .split(/^### /m)
      .slice(1)
      .map((section) => {
        const [heading = "", ...lines] = section.split(/^## /m)[0]?.split("\n") ?? [];
        return [heading, lines.join("\n")];
      }),
  );

test("every fault of a worker has a heading, and its section says what visitors see, what you see and what to do", async () => {
  const [, union = ""] = (await read("worker/isolate/fault.ts")).split("export type FaultWord =");
  const words = [...(union.split(";")[0] ?? "").matchAll(/"([a-z-]+)"/g)].map(([, word]) => word ?? "");
  expect(words.length).toBeGreaterThan(15);
  const sections = sectionsOf(await read("docs/operations.md"));
  for (const word of words) {
    const items = [...(sections.get(`\`${word}\``) ?? "").matchAll(/^- \*\*(.+?):\*\* \S/gm)];
    expect([word, items.map(([, item]) => item)]).toEqual([word, ["Visitors", "You see", "Do"]]);
  }
});

test("every event that a publisher logs has a row in the table of events", async () => {
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
  const table = sectionsOf(await read("docs/operations.md")).get("Events in the publisher's log") ?? "";
  const documented = rowsOf(table).map((row) => /^\|`([^`]+)`\|/.exec(row)?.[1]);
  expect([...new Set(events)].filter((event) => !documented.includes(event))).toEqual([]);
});
