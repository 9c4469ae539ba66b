import { readFile, readdir } from "node:fs/promises";
import { expect, test } from "vitest";

const root = new URL("../../", import.meta.url);
const read = (path: string): Promise<string> => readFile(new URL(path, root), "utf8");

const filesOf = async (folder: string, ext: string): Promise<readonly string[]> =>
  (await readdir(new URL(folder, root), { recursive: true }))
    .filter((name) => name.endsWith(ext))
    .map((name) => `${folder}${name}`);

test("every binding of the worker stands in a table of settings", async () => {
  const sources = await Promise.all((await filesOf("worker/", ".ts")).map(read));
  const names = new Set(
    sources.flatMap((source) =>
      [...source.matchAll(/^ {2}readonly ([A-Z][A-Z0-9_]+)\?:/gm)].map(([, name]) => name),
    ),
  );
  expect(names.size).toBeGreaterThan(20);
  const docs = await Promise.all(["README.md", ...(await filesOf("docs/", ".md"))].map(read));
  const settings = docs
    .join("\n")
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .flatMap((row) =>
      [...(row.split("|")[1] ?? "").matchAll(/`([A-Z][A-Z0-9_]+)`/g)].map(([, name]) => name),
    );
  expect([...names].filter((name) => !settings.includes(name))).toEqual([]);
});
