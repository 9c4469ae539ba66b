import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ADMIN_TOKEN, startApiSystem, type ApiSystem } from "../support/api-system.ts";
import { runOnTerminal } from "../support/cli-streams.ts";
import { splitCommandLine } from "../support/command-line.ts";

const FILES: { readonly [name: string]: string } = {
  "beta-customers.txt": "beta-1\nbeta-2\n",
  "users.csv": "userId,organization,country\nu1,acme,DE\nu2,,CH\n",
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

it("every command of docs/playbook.md does what it says, from the first to the last phase", async () => {
  const text = await readFile(new URL("../../docs/playbook.md", import.meta.url), "utf8");
  const [, ...sections] = text.split(/^## /m);
  const last = sections.findIndex((section) => section.startsWith("5."));
  const anyTime = sections.findIndex((section) => section.startsWith("At any time"));
  expect([last, anyTime]).toEqual([5, 6]);
  // What can be done at any time is tried while the flag is still there.
  const commands = [...sections.slice(0, last), ...sections.slice(anyTime), sections[last] ?? ""]
    .flatMap((section) => Array.from(section.matchAll(/^```sh\n([\s\S]*?)^```/gm), ([, block = ""]) => block))
    .flatMap((block) => block.split("\n"))
    .filter((line) => line.startsWith("sluice ") && !line.includes("--edge"));
  expect(commands.length).toBeGreaterThanOrEqual(20);

  for (const command of commands) {
    const [, ...words] = splitCommandLine(command.replace(/ +# .*$/, ""));
    const args = words.map((word) => (word in FILES ? path.join(folder, word) : word));
    const run = await runOnTerminal(args, {
      isTTY: true,
      env: { SLUICE_URL: system.url, SLUICE_TOKEN: ADMIN_TOKEN, NO_COLOR: "1" },
      input: "y\n",
    });
    expect([command, run.code, run.stderr.match(/^error: .*/gm)]).toEqual([command, 0, null]);
  }
  expect(await system.sql("SELECT key FROM feature_flags")).toEqual([]);
});
