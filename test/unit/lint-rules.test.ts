import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** What decides the rules; copied beside the fixtures, so that the real ones are put to the test. */
const CONFIGURATION = [
  "oxlint.config.ts",
  "package.json",
  "tsconfig.json",
  "shared/tsconfig.json",
  "shared/platform.d.ts",
  "worker/tsconfig.json",
];

/** Named, since node_modules is here by a link, which oxlint would follow. */
const FOLDERS = ["shared", "worker", "publisher"];

interface Fixture {
  readonly file: string;
  readonly code: string;
  /** The rule, or TypeScript's error, that refuses it; absent where it must be accepted. */
  readonly refusedBy?: string;
}

const LINTED: readonly Fixture[] = [
  // What the others import.
  { file: "shared/flag-name.ts", code: `export const flagName = (key: string): string => key.trim();` },
  { file: "worker/answer.ts", code: `export const answer = (): Response => new Response("ok");` },
  { file: "publisher/clock.ts", code: `export const clock = (): number => Date.now();` },

  // shared/ imports only itself and structured-headers.
  { file: "shared/itself.ts", code: `export { flagName } from "./flag-name.ts";` },
  { file: "shared/headers.ts", code: `export { Token } from "structured-headers";` },
  {
    file: "shared/node-module.ts",
    code: `import { readFileSync } from "node:fs";\nexport const text = (): string => readFileSync("flags.json", "utf8");`,
    refusedBy: "eslint(no-restricted-imports)",
  },
  {
    file: "shared/node-module-type.ts",
    code: `import type { Stats } from "node:fs";\nexport type Size = Stats["size"];`,
    refusedBy: "eslint(no-restricted-imports)",
  },
  {
    file: "shared/from-worker.ts",
    code: `export { answer } from "../worker/answer.ts";`,
    refusedBy: "eslint(no-restricted-imports)",
  },
  {
    file: "shared/from-publisher.ts",
    code: `export { clock } from "../publisher/clock.ts";`,
    refusedBy: "eslint(no-restricted-imports)",
  },
  {
    file: "shared/a-package.ts",
    code: `import { Hono } from "hono";\nexport const app = new Hono();`,
    refusedBy: "eslint(no-restricted-imports)",
  },

  // shared/ has no clock, no chance, no environment and no I/O.
  {
    file: "shared/clock.ts",
    code: `export const now = (): number => Date.now();`,
    refusedBy: "eslint(no-restricted-globals)",
  },
  {
    file: "shared/date.ts",
    code: `export const today = (): string => new Date().toISOString();`,
    refusedBy: "eslint(no-restricted-globals)",
  },
  {
    file: "shared/timer.ts",
    code: `export const later = (then: () => void): unknown => setTimeout(then, 1000);`,
    refusedBy: "eslint(no-restricted-globals)",
  },
  {
    file: "shared/stopwatch.ts",
    code: `export const elapsed = (): number => performance.now();`,
    refusedBy: "eslint(no-restricted-globals)",
  },
  {
    file: "shared/chance.ts",
    code: `export const dice = (): number => Math.random();`,
    refusedBy: "eslint(no-restricted-properties)",
  },
  {
    file: "shared/global-object.ts",
    code: `export const now = (): number => globalThis.Date.now();`,
    refusedBy: "eslint(no-restricted-properties)",
  },
  {
    file: "shared/environment.ts",
    code: `export const home = (): string | undefined => process.env["HOME"];`,
    refusedBy: "eslint(no-restricted-globals)",
  },
  {
    file: "shared/output.ts",
    code: `export const say = (text: string): void => console.log(text);`,
    refusedBy: "eslint(no-console)",
  },
  {
    file: "shared/network.ts",
    code: `export const load = (): Promise<Response> => fetch("https://example.com/");`,
    refusedBy: "eslint(no-restricted-globals)",
  },
  {
    file: "shared/bytes.ts",
    code: `export const bytes = (text: string): Uint8Array => Buffer.from(text);`,
    refusedBy: "eslint(no-restricted-globals)",
  },

  // worker/ and publisher/ meet only in Redis.
  { file: "worker/from-shared.ts", code: `export { flagName } from "../shared/flag-name.ts";` },
  { file: "publisher/from-shared.ts", code: `export { flagName } from "../shared/flag-name.ts";` },
  { file: "publisher/node-module.ts", code: `export { readFileSync } from "node:fs";` },
  {
    file: "worker/from-publisher.ts",
    code: `export { clock } from "../publisher/clock.ts";`,
    refusedBy: "eslint(no-restricted-imports)",
  },
  {
    file: "worker/node-module.ts",
    code: `export { readFileSync } from "node:fs";`,
    refusedBy: "eslint(no-restricted-imports)",
  },
  {
    file: "worker/large-package.ts",
    code: `import { z } from "zod";\nexport const text = z.string();`,
    refusedBy: "eslint(no-restricted-imports)",
  },
  {
    file: "publisher/from-worker.ts",
    code: `export { answer } from "../worker/answer.ts";`,
    refusedBy: "eslint(no-restricted-imports)",
  },

  // Everywhere.
  {
    file: "publisher/any.ts",
    code: `export const first = (list: any): unknown => list;`,
    refusedBy: "typescript(no-explicit-any)",
  },
  {
    file: "publisher/assertion.ts",
    code: `export const first = (list: string[]): string => list[0]!;`,
    refusedBy: "typescript(no-non-null-assertion)",
  },
  {
    file: "publisher/default-export.ts",
    code: `const answer = 42;\nexport default answer;`,
    refusedBy: "import(no-default-export)",
  },
  {
    file: "publisher/lost-promise.ts",
    code: `const save = async (): Promise<void> => {};\nexport const leave = (): void => {\n  save();\n};`,
    refusedBy: "typescript(no-floating-promises)",
  },
  {
    file: "publisher/camelCase.ts",
    code: `export const answer = 42;`,
    refusedBy: "unicorn(filename-case)",
  },
];

/** What shared/tsconfig.json refuses by itself: only ECMAScript and shared/platform.d.ts are there. */
const TYPED: readonly Fixture[] = [
  {
    file: "shared/typed-good.ts",
    code: `export const hash = (bytes: Uint8Array): Promise<ArrayBuffer> => crypto.subtle.digest("SHA-256", bytes);`,
  },
  { file: "shared/typed-fetch.ts", code: `void fetch("https://example.com/");`, refusedBy: "TS2304" },
  { file: "shared/typed-console.ts", code: `console.log("on");`, refusedBy: "TS2584" },
  { file: "shared/typed-process.ts", code: `export const home = process.env["HOME"];`, refusedBy: "TS2591" },
  { file: "shared/typed-buffer.ts", code: `export const bytes = Buffer.from("a");`, refusedBy: "TS2591" },
  { file: "shared/typed-timer.ts", code: `setTimeout(() => {}, 1000);`, refusedBy: "TS2304" },
  {
    file: "shared/typed-node.ts",
    code: `export const load = () => import("node:fs");`,
    refusedBy: "TS2591",
  },
  {
    file: "shared/typed-random.ts",
    code: `export const bytes = crypto.getRandomValues(new Uint8Array(1));`,
    refusedBy: "TS2339",
  },
];

/** Where the fixtures of a run stand, in the repository's layout. */
async function layOut(fixtures: readonly Fixture[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "sluice-lint-rules-"));
  for (const file of CONFIGURATION) await cp(join(ROOT, file), join(folder, file), { recursive: true });
  await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"), "junction");
  for (const { file, code } of fixtures) {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await writeFile(join(folder, file), `${code}\n`);
  }
  return folder;
}

/** Runs one of the repository's tools in a folder; what it prints, whatever its exit code. */
function run(tool: string, script: string, args: readonly string[], cwd: string): Promise<string> {
  const file = join(ROOT, "node_modules", tool, script);
  return new Promise((resolve) => {
    execFile(process.execPath, [file, ...args], { cwd, maxBuffer: 2 ** 24 }, (_error, stdout) =>
      resolve(stdout),
    );
  });
}

/** What of the findings matters: a bad fixture may be refused for more than the one thing, a good one for nothing. */
function relevant(codes: readonly (string | undefined)[], refusedBy: string | undefined) {
  return [...new Set(refusedBy === undefined ? codes : codes.filter((code) => code === refusedBy))];
}

type Findings = readonly { readonly code: string; readonly filename: string }[];

async function lint(folder: string): Promise<Findings> {
  const args = ["--type-aware", "--format", "json", ...FOLDERS];
  const output = await run("oxlint", "bin/oxlint", args, folder);
  return (JSON.parse(output) as { diagnostics: Findings }).diagnostics;
}

const codesIn = (findings: Findings, file: string): readonly string[] =>
  findings.filter(({ filename }) => filename === file).map(({ code }) => code);

describe("the lint rules", () => {
  let folder = "";
  let findings: Findings = [];

  beforeAll(async () => {
    folder = await layOut(LINTED);
    findings = await lint(folder);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test.for(LINTED)("$file: $refusedBy", ({ file, refusedBy }) => {
    const codes = codesIn(findings, file);
    expect(relevant(codes, refusedBy)).toEqual(refusedBy === undefined ? [] : [refusedBy]);
  });
});

interface Room {
  /** Its folder, as "shared/flag". */
  readonly room: string;
  readonly entries: readonly string[];
  readonly imports: readonly string[];
}

/** The table of rooms in CONTRIBUTING.md: room, entry, what, may import. */
const ROOMS: readonly Room[] = (await readFile(join(ROOT, "CONTRIBUTING.md"), "utf8"))
  .split("\n")
  .map((line) => line.split("|").map((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name)))
  .filter(([, [room = ""] = []]) => /^(?:shared|worker|publisher)\/[a-z/-]+\/$/.test(room))
  .map(([, rooms = [], entries = [], , imports = []]) => ({
    room: (rooms[0] ?? "").slice(0, -1),
    entries,
    imports: imports.filter((place) => place.endsWith("/")).map((place) => place.slice(0, -1)),
  }));

/** One file per ordered pair of rooms, in the first, that imports from the second. */
const PAIRS = ROOMS.flatMap(({ room, imports }) =>
  ROOMS.filter((other) => other.room !== room).map((other) => {
    const isAllowed =
      imports.includes(other.room) || (!room.startsWith("shared/") && other.room.startsWith("shared/"));
    return {
      room,
      file: `${room}/to-${other.room.replaceAll("/", "-")}.ts`,
      code: `export { door } from "${toSpecifier(room, other.room)}/door.ts";`,
      isAllowed,
    };
  }),
);

function toSpecifier(from: string, to: string): string {
  const way = posix.relative(from, to);
  return way.startsWith(".") ? way : `./${way}`;
}

describe("the borders between rooms", () => {
  let folder = "";
  let findings: Findings = [];

  beforeAll(async () => {
    const doors = ROOMS.map(({ room }) => ({ file: `${room}/door.ts`, code: "export const door = true;" }));
    folder = await layOut([...doors, ...PAIRS]);
    findings = await lint(folder);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test("CONTRIBUTING.md lists every folder of the product as a room", async () => {
    const folders = new Set<string>();
    for (const part of FOLDERS) {
      for (const entry of await readdir(join(ROOT, part), { recursive: true, withFileTypes: true })) {
        if (entry.isFile() && entry.parentPath !== join(ROOT, part)) {
          folders.add(posix.relative(ROOT, entry.parentPath));
        }
      }
    }
    expect(ROOMS.map(({ room }) => room).toSorted()).toEqual([...folders].toSorted());
  });

  test("no folder of the product has more than 16 entries", async () => {
    for (const room of [...FOLDERS, ...ROOMS.map(({ room }) => room)]) {
      expect({ room, entries: (await readdir(join(ROOT, room))).length }).toEqual({
        room,
        entries: expect.toSatisfy((entries: number) => entries <= 16),
      });
    }
  });

  test.for(ROOMS)("the entry of $room exists", async ({ room, entries }) => {
    expect(await readdir(join(ROOT, room))).toEqual(expect.arrayContaining([...entries]));
  });

  test.for(ROOMS)("$room imports only what CONTRIBUTING.md allows", ({ room }) => {
    const pairs = PAIRS.filter((pair) => pair.room === room);
    const refused = pairs.filter(({ file }) =>
      codesIn(findings, file).includes("eslint(no-restricted-imports)"),
    );
    expect(refused.map(({ file }) => file)).toEqual(
      pairs.filter(({ isAllowed }) => !isAllowed).map(({ file }) => file),
    );
  });

  test("every room has a neighbour that it must not import", () => {
    expect(ROOMS.length).toBeGreaterThan(30);
    for (const { room } of ROOMS) {
      expect(PAIRS.filter((pair) => pair.room === room && !pair.isAllowed)).not.toEqual([]);
    }
  });
});

describe("the types of shared/", () => {
  let folder = "";
  let output = "";

  beforeAll(async () => {
    folder = await layOut(TYPED);
    output = await run("typescript", "bin/tsc", ["-p", "shared", "--pretty", "false"], folder);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test.for(TYPED)("$file: $refusedBy", ({ file, refusedBy }) => {
    const codes = output
      .split("\n")
      .filter((line) => line.startsWith(`${file}(`))
      .map((line) => /error (TS\d+):/.exec(line)?.[1]);
    expect(relevant(codes, refusedBy)).toEqual(refusedBy === undefined ? [] : [refusedBy]);
  });
});
