import { readFile, readdir } from "node:fs/promises";
import { expect, test } from "vitest";

const root = new URL("../../", import.meta.url);
const read = (path: string): Promise<string> => readFile(new URL(path, root), "utf8");

const sourcesOf = async (folder: string): Promise<string> => {
  const names = await readdir(new URL(folder, root), { recursive: true });
  const files = names.filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"));
  return (await Promise.all(files.map((name) => read(`${folder}${name}`)))).join("\n");
};

/** The first group of every match, without repetition. */
const namesIn = (text: string, pattern: RegExp): readonly string[] => [
  ...new Set([...text.matchAll(pattern)].map(([, name = ""]) => name)),
];

const worker = await sourcesOf("worker/");
const config = await read("publisher/config.ts");
const publisher = await sourcesOf("publisher/");
const tests = `${await sourcesOf("test/")}\n${await read("vitest.config.ts")}`;

/** Every setting that the code reads. */
const known = {
  // `interface Bindings`.
  worker: namesIn(worker, /^ {2}readonly ([A-Z][A-Z0-9_]+)\?:/gm),
  // The table `VARIABLES`.
  publisher: namesIn(config, /^ {2}([A-Z][A-Z0-9_]+):/gm),
  // Settings that are read without a rule: colors, addresses of workers, the settings of tests.
  others: namesIn(
    `${publisher}\n${tests}`,
    /\benv(?:ironment)?\["(NO_COLOR|FORCE_COLOR|TERM|SLUICE_[A-Z_]+)"\]/g,
  ),
};

/** The rows of docs/settings.md: name and default. */
const rows = (await read("docs/settings.md"))
  .split("\n")
  .map((line) => line.split("|").map((cell) => cell.trim()))
  .filter(([, name = ""]) => /^`[A-Z][A-Z0-9_]+`$/.test(name))
  .map(([, name = "", fallback = ""]) => [name.replaceAll("`", ""), fallback.replaceAll("`", "")] as const);

test("docs/settings.md lists every setting that the code reads, and no other", () => {
  expect(known.worker.length).toBeGreaterThan(20);
  expect(known.publisher.length).toBeGreaterThan(15);
  expect(known.others.length).toBeGreaterThan(5);
  const documented = new Set(rows.map(([name]) => name));
  const all = new Set([...known.worker, ...known.publisher, ...known.others]);
  expect([...documented].toSorted()).toEqual([...all].toSorted());
});

test("docs/settings.md states the defaults of the code", () => {
  const inCode = [
    ...worker.matchAll(/read\.integer\(\s*"([A-Z_]+)",\s*([\d_]+)/g),
    ...config.matchAll(/read\.optional\(\s*"([A-Z_]+)",\s*"?([\w.]+)/g),
  ].map(([, name = "", value = ""]) => [name, value.replaceAll("_", "")]);
  expect(inCode.length).toBeGreaterThan(9);
  const documented = rows.map(([name, fallback]) => `${name}: ${fallback.replaceAll(",", "")}`);
  expect(documented).toEqual(expect.arrayContaining(inCode.map(([name, value]) => `${name}: ${value}`)));
});
