import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { callSluice } from "../support/cli-streams.ts";

const run = promisify(execFile);

/** As people know them, not as the program lists them. */
const COMMANDS = [
  ...[
    "create",
    "target",
    "enable",
    "rollout",
    "kill",
    "archive",
    "restore",
    "delete",
    "list",
    "show",
    "explain",
  ],
  ...["rule", "segment", "variant", "bucket", "require", "preview", "override"],
  ...["describe", "gate", "status", "serve", "migrate", "publish", "dev", "completion", "help"],
];

let folder: string;
let script: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "sluice-completion-"));
  script = path.join(folder, "sluice.bash");
  const { stdout } = await callSluice(["completion", "bash"]);
  await writeFile(script, stdout);
});
afterAll(() => rm(folder, { recursive: true }));

test.each(["bash", "zsh", "fish"])("the script for %s names every command", async (shell) => {
  const { code, stdout, stderr } = await callSluice(["completion", shell]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(COMMANDS.filter((command) => !new RegExp(`\\b${command}\\b`).test(stdout))).toEqual([]);
  expect(stdout).toContain("allow-file");
});

describe("bash", () => {
  test("takes the script", async () => {
    await expect(run("bash", ["-n", script])).resolves.toEqual({ stdout: "", stderr: "" });
  });

  /** What bash offers for the last of these words. */
  async function complete(...words: readonly string[]): Promise<readonly string[]> {
    // The words are arguments of the shell, so that nothing of them is code.
    const code = `set -u
source "$0"
COMP_WORDS=(sluice "$@"); COMP_CWORD=$#
_sluice
(( \${#COMPREPLY[@]} == 0 )) || printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout } = await run("bash", ["-c", code, script, ...words]);
    return stdout.split("\n").filter((word) => word !== "");
  }

  test.each([
    { words: ["ro"], offers: ["rollout"] },
    { words: ["rule", ""], offers: ["--help", "add", "list", "move", "remove", "set"] },
    { words: ["rule", "mo"], offers: ["move"] },
    { words: ["segment", "s"], offers: ["set", "show"] },
    { words: ["rule", "add", "ai_search", "--b"], offers: ["--before", "--bucket-by"] },
    { words: ["rule", "list", "--"], offers: ["--help", "--json"] },
    { words: ["rule", "add", "--if", ""], offers: [] },
    { words: ["preview", "ai_search", "--format", ""], offers: ["csv", "ids", "json", "jsonl"] },
    { words: ["de"], offers: ["delete", "describe", "dev"] },
    { words: ["target", "ai_search", "--em"], offers: ["--employees-only"] },
    { words: ["target", "ai_search", "--no-"], offers: ["--no-employees-only", "--no-plan"] },
    { words: ["gate", "t"], offers: ["test"] },
    { words: ["gate", "ai_search", "--re"], offers: ["--redirect", "--remove", "--rewrite"] },
    { words: ["gate", "test", "--an"], offers: ["--anonymous"] },
    { words: ["gate", "test", "/ai", "--co"], offers: ["--cold", "--context"] },
    { words: ["delete", "ai_search", "-"], offers: ["--help", "--json", "--yes", "-y"] },
    { words: ["list", "--sort", ""], offers: ["created", "key", "rollout", "updated"] },
    { words: ["list", "--sort", "=", "c"], offers: ["created"] },
    { words: ["list", "--sort", "="], offers: ["created", "key", "rollout", "updated"] },
    { words: ["completion", "z"], offers: ["zsh"] },
    { words: ["help", "rest"], offers: ["restore"] },
    { words: ["target", "--allow", ""], offers: [] },
    { words: ["nope", "--"], offers: [] },
  ])("offers $offers after $words", async ({ words, offers }) => {
    expect((await complete(...words)).toSorted()).toEqual(offers);
  });

  test("offers every command at first", async () => {
    expect((await complete("")).toSorted()).toEqual([...COMMANDS, "--help", "--version"].toSorted());
  });

  test("offers files for an option that takes a file", async () => {
    expect(await complete("target", "--allow-file", `${folder}/slu`)).toEqual([script]);
    expect(await complete("segment", "add", "testers", "--id-file", `${folder}/slu`)).toEqual([script]);
  });

  test("has the script where it loads completions from", async () => {
    const { stdout } = await run("bash", ["-c", 'source "$0"; complete -p sluice', script]);
    expect(stdout).toBe("complete -o default -F _sluice sluice\n");
  });
});
