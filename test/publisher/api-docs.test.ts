import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ADMIN_TOKEN, startApiSystem, type ApiSystem } from "../support/api-system.ts";

let system: ApiSystem;

beforeAll(async () => {
  system = await startApiSystem();
});
afterAll(() => system.stop());

test("the examples of docs/api.md work, one after the other", async () => {
  const guide = await readFile(new URL("../../docs/api.md", import.meta.url), "utf8");
  const blocks = [...guide.matchAll(/^```sh\n([^]*?)^```$/gm)].map(([, block = ""]) => block);
  expect(blocks.length).toBeGreaterThan(5);
  const marked = blocks.map((block) => `${block}\necho; echo ----`).join("\n");

  const { stdout } = await promisify(execFile)("bash", ["-euo", "pipefail", "-c", marked], {
    env: { ...process.env, SLUICE_URL: system.url, SLUICE_TOKEN: ADMIN_TOKEN },
  });
  const answers = stdout.split("----").map((answer) => answer.trim());

  // What the comments behind the commands promise.
  const promised = blocks.flatMap((block, index) =>
    [...block.matchAll(/^# (.*)$/gm)].map(([, comment = ""]) => ({ comment, answer: answers[index] ?? "" })),
  );
  expect(promised.length).toBeGreaterThan(0);
  for (const { comment, answer } of promised) {
    for (const part of comment.split("…")) expect(answer).toContain(part.trim());
  }
  expect((await system.call("GET", "/api/v1/flags")).body["flags"]).toEqual([]);
});
