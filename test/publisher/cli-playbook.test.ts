import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ADMIN_TOKEN, startApiSystem, type ApiSystem } from "../support/api-system.ts";
import { runOnTerminal } from "../support/cli-streams.ts";
import { splitCommandLine } from "../support/command-line.ts";
import type { CliRun } from "../support/cli.ts";

/** The files that the commands of the two pages read. */
const FILES: { readonly [name: string]: string } = {
  "beta-customers.txt": "beta-1\nbeta-2\n",
  "users.csv": "userId,organization,plan,country\nu1,acme,free,DE\nu2,,,CH\n",
};

let system: ApiSystem;
let folder: string;

beforeAll(async () => {
  system = await startApiSystem();
  folder = await mkdtemp(path.join(tmpdir(), "sluice-cli-"));
  for (const [name, content] of Object.entries(FILES)) await writeFile(path.join(folder, name), content);
});
afterAll(async () => {
  await system.stop();
  await rm(folder, { recursive: true });
});

const readPage = (name: string): Promise<string> =>
  readFile(new URL(`../../docs/${name}`, import.meta.url), "utf8");

/** The lines of a page's `sh` blocks that call `sluice`. */
const commandsOf = (text: string): readonly string[] =>
  // A block in a list is indented.
  Array.from(text.matchAll(/^ *```sh\n([\s\S]*?)^ *```/gm), ([, block = ""]) => block)
    .flatMap((block) => block.split("\n").map((line) => line.trim()))
    .filter((line) => line.startsWith("sluice ") && !line.includes("--edge"));

function run(command: string, ...options: readonly string[]): Promise<CliRun> {
  const [, ...words] = splitCommandLine(command.replace(/ +# .*$/, ""));
  const args = words.map((word) => (word in FILES ? path.join(folder, word) : word));
  return runOnTerminal([...args, ...options], {
    isTTY: true,
    env: { SLUICE_URL: system.url, SLUICE_TOKEN: ADMIN_TOKEN, NO_COLOR: "1" },
    input: "y\n",
  });
}

async function expectDone(command: string): Promise<void> {
  const { code, stderr } = await run(command);
  expect([command, code, stderr.match(/^error: .*/gm)]).toEqual([command, 0, null]);
}

it("every command of docs/playbook.md does what it says, from the first to the last phase", async () => {
  const [, ...sections] = (await readPage("playbook.md")).split(/^## /m);
  const last = sections.findIndex((section) => section.startsWith("5."));
  const anyTime = sections.findIndex((section) => section.startsWith("At any time"));
  expect([last, anyTime]).toEqual([5, 6]);
  // The commands of "At any time" need the flag, so they run before phase 5 deletes it.
  const commands = commandsOf(
    [...sections.slice(0, last), ...sections.slice(anyTime), sections[last] ?? ""].join("\n"),
  );
  expect(commands.length).toBeGreaterThanOrEqual(20);
  for (const command of commands) await expectDone(command);
  expect(await system.sql("SELECT key FROM feature_flags")).toEqual([]);
  await system.sql("DELETE FROM segments");
});

it("every command of docs/targeting.md works, and `explain` answers as its comment says", async () => {
  const commands = commandsOf(await readPage("targeting.md"));
  let explained = 0;
  for (const command of commands) {
    if (!command.startsWith("sluice explain ")) {
      await expectDone(command);
      continue;
    }
    explained += 1;
    const [, value, variant = value] = / # (on|off)(?:, variant (\w+))?(?::|$)/.exec(command) ?? [];
    const answer = JSON.parse((await run(command, "--json")).stdout) as Record<string, unknown>;
    // "on" without a variant says nothing about variants.
    const expected = variant === "on" ? { value: true } : { value: value === "on", variant };
    expect({ command, ...answer }).toMatchObject({ command, ...expected });
  }
  expect(explained).toBeGreaterThan(15);
  expect(await system.sql("SELECT key FROM feature_flags")).toEqual([]);
  expect(await system.sql("SELECT name FROM segments")).toEqual([]);
});
