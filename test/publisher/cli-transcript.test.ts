import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ADMIN_TOKEN, startApiSystem, type ApiSystem } from "../support/api-system.ts";
import { callSluice } from "../support/cli-streams.ts";
import { runSluice } from "../support/cli.ts";
import { splitCommandLine } from "../support/command-line.ts";

let system: ApiSystem;
let folder: string;

beforeAll(async () => {
  system = await startApiSystem();
  folder = await mkdtemp(path.join(tmpdir(), "sluice-cli-"));
});
afterAll(async () => {
  await system.stop();
  await rm(folder, { recursive: true });
});

it("every transcript in docs/cli.md is correct", async () => {
  const text = await readFile(new URL("../../docs/cli.md", import.meta.url), "utf8");
  const transcripts = Array.from(text.matchAll(/```console\n([\s\S]*?)```/g), ([, block = ""]) => block);
  const steps = transcripts.flatMap((transcript) => transcript.split(/^\$ sluice /m).slice(1));
  expect(steps.length).toBeGreaterThanOrEqual(12);

  const [, people = ""] = /```csv\n([\s\S]*?)```/.exec(text) ?? [];
  const sample = path.join(folder, "people.csv");
  await writeFile(sample, people);

  for (const step of steps) {
    const [line = "", ...expected] = step.trimEnd().split("\n");
    const words = splitCommandLine(line).map((word) => (word === "people.csv" ? sample : word));
    const run = await callSluice(words, {
      env: { SLUICE_URL: system.url, SLUICE_TOKEN: ADMIN_TOKEN },
    });
    expect([line, run.code, run.stderr]).toEqual([line, 0, ""]);
    const shown = run.stdout
      .replace(/\d{4}-\d\d-\d\d \d\d:\d\d UTC/g, "<time>")
      .replace(/\d+\.\d{4}(?= of )/g, "<place>");
    expect([line, shown.trimEnd()]).toEqual([line, expected.join("\n")]);
  }
});

it("--help lists every command of the transcript", async () => {
  const { stdout, code } = await runSluice(["--help"]);
  expect(code).toBe(0);
  for (const command of ["create", "target", "enable", "rollout", "kill"]) {
    expect(stdout).toMatch(new RegExp(`^  sluice ${command} ai_search`, "m"));
  }
});
