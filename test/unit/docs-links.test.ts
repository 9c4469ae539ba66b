import { existsSync } from "node:fs";
import { readFile, readdir } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const pages = (await readdir(path.join(root, "docs"))).map((name) => `docs/${name}`);
const files = [
  "README.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  "bench/README.md",
  "test/cases/README.md",
  ...pages,
];
const texts = new Map(
  await Promise.all(
    files.map(async (file) => [file, await readFile(path.join(root, file), "utf8")] as const),
  ),
);

const withoutCode = (text: string): string => text.replaceAll(/^```.*?^```$/gms, "");

/** The anchors of a page, made from its headings as GitHub makes them. */
function anchorsOf(text: string): readonly string[] {
  return [...withoutCode(text).matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

/** Every link to a file or a heading of the project: the page that has it, and its target. */
const links = [...texts].flatMap(([file, text]) =>
  [...withoutCode(text).matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g)].map(
    ([, target = "", anchor]) => ({
      file,
      target: target === "" ? file : path.join(path.dirname(file), target),
      anchor,
    }),
  ),
);

test("every link of the docs leads to a file and a heading", () => {
  expect(links.length).toBeGreaterThan(80);
  const broken = links.filter(({ target, anchor }) => {
    if (!existsSync(path.join(root, target))) return true;
    const text = texts.get(target);
    return anchor !== undefined && text !== undefined && !anchorsOf(text).includes(anchor);
  });
  expect(broken).toEqual([]);
});

test("every path that the docs name exists", () => {
  const named = [...texts].flatMap(([file, text]) =>
    [
      ...withoutCode(text).matchAll(
        /`((?:shared|worker|publisher|migrations|test|bench|examples|docs)\/[\w./-]*)`/g,
      ),
    ].map(([, name = ""]) => ({ file, name })),
  );
  expect(named.length).toBeGreaterThan(80);
  expect(named.filter(({ name }) => !existsSync(path.join(root, name)))).toEqual([]);
});

test("docs/README.md lists every page", () => {
  const listed = links.filter(({ file }) => file === "docs/README.md").map(({ target }) => target);
  expect(pages.filter((page) => page !== "docs/README.md" && !listed.includes(page))).toEqual([]);
});
