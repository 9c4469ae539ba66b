import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { callSluice, runOnTerminal } from "../support/cli-streams.ts";
import { startCliSystem, type CliRun, type CliSystem } from "../support/cli.ts";

let system: CliSystem;
let folder: string;

beforeAll(async () => {
  system = await startCliSystem();
  folder = await mkdtemp(path.join(tmpdir(), "sluice-cli-"));
});
afterAll(async () => {
  await system.stop();
  await rm(folder, { recursive: true });
});

const call = (args: readonly string[], input = "") => callSluice(args, { env: system.env, input });

function expectDone(run: CliRun): void {
  expect(run.stderr).toBe("");
  expect(run.code).toBe(0);
}

const segmentRow = async (name: string) =>
  (await system.sql("SELECT * FROM segments WHERE name = $1", [name]))[0];

/** A segment with these ids, made by plain SQL. */
const make = (name: string, ...ids: readonly string[]) =>
  system.sql("INSERT INTO segments (name, ids) VALUES ($1, $2)", [name, ids]);

/** Everything that a command could have changed. */
const everything = async () =>
  JSON.stringify([await system.everything(), await system.sql("SELECT * FROM segments ORDER BY name")]);

describe("create, show and list", () => {
  test("ids from the command line and a file, a condition, a description", async () => {
    const file = path.join(folder, "ids.txt");
    await writeFile(file, "u2\nu3\n");
    const run = await call([
      ...["segment", "create", "testers", "--id", "u1,u2", "--id-file", file],
      ...["--if", '{"email": {"$endsWith": "@example.com"}}', "--description", "Who tests for us"],
    ]);
    expectDone(run);
    expect(run.stdout).toMatch(
      /^Created the segment testers: 3 ids, or email ends with "@example\.com"\.\nrevision \d+, in Redis\nNext: /,
    );
    expect(await segmentRow("testers")).toMatchObject({
      ids: ["u1", "u2", "u3"],
      condition: { email: { $endsWith: "@example.com" } },
      description: "Who tests for us",
    });
  });

  test("show and list name the flags that use it", async () => {
    await make("shown", ...Array.from({ length: 12 }, (_, n) => `u${n}`));
    const rules = [{ id: "r", if: { userId: { $inGroup: "shown" } }, rollout_pct: 100 }];
    await system.make("asks", { targeting: { rules } });
    const show = await call(["segment", "show", "shown"]);
    expectDone(show);
    expect(show.stdout).toMatch(/^ids +u0, u1, .*, u9 and 2 more$/m);
    expect(show.stdout).toMatch(/^or if +-$/m);
    expect(show.stdout).toMatch(/^used by +asks$/m);
    const list = await call(["segment", "list"]);
    expect(list.stdout).toMatch(/^SEGMENT +IDS +IF +USED BY +DESCRIPTION$/m);
    expect(list.stdout).toMatch(/^shown +12 +- +asks$/m);

    const json = JSON.parse((await call(["segment", "show", "shown", "--json"])).stdout) as object;
    expect(json).toMatchObject({ segment: { name: "shown" }, etag: expect.stringMatching(/^"\d+\.\d+"$/) });
    expect(JSON.parse((await call(["segment", "list", "--json"])).stdout)).toMatchObject({
      segments: expect.arrayContaining([expect.objectContaining({ name: "shown" })]),
    });
    expect((await call(["rule", "list", "asks"])).stdout).toContain('userId is in the segment "shown"');
  });

  test("a segment that SQL broke is shown as not valid", async () => {
    await system.sql(`INSERT INTO segments (name, condition) VALUES ('broken', '{"a": {"$b": 1}}')`);
    expect((await call(["segment", "show", "broken"])).stdout).toMatch(/^not valid +\S/m);
    expect((await call(["segment", "list"])).stdout).toMatch(/^broken +0 +not valid/m);
  });
});

describe("set, add and remove", () => {
  test("set changes only the named members", async () => {
    await make("set", "u1", "u2");
    const run = await call(["segment", "set", "set", "--if", '{"country": "DE"}']);
    expectDone(run);
    expect(run.stdout).toContain('The segment set is now: 2 ids, or country is "DE".\n');
    expect(await segmentRow("set")).toMatchObject({ ids: ["u1", "u2"], condition: { country: "DE" } });
    expectDone(await call(["segment", "set", "set", "--no-if", "--id", "u9", "--description", "words"]));
    expect(await segmentRow("set")).toMatchObject({ ids: ["u9"], condition: null, description: "words" });
  });

  test("add and remove take ids from the command line, a file and standard input", async () => {
    await make("ids", "u1");
    const added = await call(["segment", "add", "ids", "u2,u3", "u4"]);
    expectDone(added);
    expect(added.stdout).toContain("u2, u3, u4 are in the segment ids, which now has 4 ids.\n");
    expectDone(await call(["segment", "add", "ids", "--id-file", "-"], "u5\r\nu5\r\n"));
    const removed = await call(["segment", "remove", "ids", "u1", "--id-file", "-"], "u2\n");
    expect(removed.stdout).toContain("u1, u2 are not listed in the segment ids, which now has 3 ids.\n");
    expect(await segmentRow("ids")).toMatchObject({ ids: ["u3", "u4", "u5"] });
  });

  test("name the flags that use the segment", async () => {
    await make("concerning");
    const rules = [{ id: "r", if: { userId: { $inGroup: "concerning" } }, off: true }];
    await system.make("concerned", { targeting: { rules } });
    expect((await call(["segment", "add", "concerning", "u1"])).stdout).toContain(
      "Rules of concerned use it.\n",
    );
  });

  test("six concurrent edits all succeed", async () => {
    await make("together");
    const runs = await Promise.all([
      ...Array.from({ length: 3 }, (_, n) => call(["segment", "add", "together", `u${n}`])),
      ...Array.from({ length: 3 }, (_, n) => call(["segment", "set", "together", "--description", `${n}`])),
    ]);
    expect(runs.map(({ code }) => code)).toEqual([0, 0, 0, 0, 0, 0]);
    expect((await segmentRow("together"))?.["ids"]).toHaveLength(3);
  });

  test("ten thousand ids at once", async () => {
    await make("large");
    const ids = Array.from({ length: 10_000 }, (_, n) => `user-${n}`).join("\n");
    const run = await call(["segment", "add", "large", "--id-file", "-"], ids);
    expectDone(run);
    expect(run.stdout).toContain(
      "user-0, user-1, user-2, user-3, user-4 and 9995 more are in the segment large",
    );
    const more = await call(["segment", "add", "large", "one-more"]);
    expect(more).toMatchObject({ code: 2, stdout: "" });
    expect(more.stderr).toMatch(/^error: \/add.*10001 ids, more than 10000/);
    const create = await call(["segment", "create", "larger", "--id-file", "-"], `${ids}\none-more`);
    expect(create).toMatchObject({ code: 2, stdout: "" });
    expect(create.stderr).toMatch(/^error: \/ids: must have at most 10000/);
  });

  test("report that nothing was changed, and send nothing", async () => {
    await make("same", "u1", "u2");
    await call(["segment", "set", "same", "--if", '{"a": 1, "b": 2}', "--description", "d"]);
    const before = await everything();
    for (const args of [
      ["add", "same", "u2", "u1"],
      ["remove", "same", "u3"],
      ["set", "same", "--id", "u2,u1", "--if", '{"b": 2, "a": 1}', "--description", "d"],
    ]) {
      const run = await call(["segment", ...args]);
      expectDone(run);
      expect(run.stdout).toMatch(/: nothing was changed\.\nrevision \d+, in Redis\n$/);
    }
    expect(await everything()).toBe(before);
    const one = await call(["segment", "add", "same", "u1", "u4"]);
    expect(one.stdout).toContain("u1, u4 are in the segment same, which now has 3 ids.");
    expect((await call(["segment", "set", "same", "--id", "u1,u2,u5"])).stdout).toContain("is now: 3 ids");
  });
});

describe("delete", () => {
  test("needs --yes where nobody can be asked, and a yes where somebody can", async () => {
    await make("doomed", "u1");
    const run = await call(["segment", "delete", "doomed"]);
    expect(run).toMatchObject({ code: 2, stdout: "" });
    expect(run.stderr).toContain("-> sluice segment delete doomed --yes");
    const asked = { isTTY: true, env: { ...system.env, NO_COLOR: "1" } };
    const no = await runOnTerminal(["segment", "delete", "doomed"], { ...asked, input: "n\n" });
    expect(no.code).toBe(1);
    expect(no.stderr).toContain("Delete the segment doomed (1 id)? [y/N] ");
    expect(await segmentRow("doomed")).toBeDefined();
    const yes = await runOnTerminal(["segment", "delete", "doomed"], { ...asked, input: "y\n" });
    expect(yes.code).toBe(0);
    expect(yes.stdout).toContain("The segment doomed is deleted.");
    expect(await segmentRow("doomed")).toBeUndefined();
  });

  test("a segment that rules use is not deleted", async () => {
    await make("in_use");
    const rules = [{ id: "r", if: { userId: { $inGroup: "in_use" } }, off: true }];
    await system.make("uses_it", { targeting: { rules } });
    const before = await everything();
    const run = await call(["segment", "delete", "in_use", "--yes"]);
    expect(run).toMatchObject({ code: 4, stdout: "" });
    expect(run.stderr).toMatch(/uses_it.*\n {2}-> `sluice segment show in_use` shows the current segment\n$/);
    expect(await everything()).toBe(before);
  });
});

/** What makes a command whole. */
const MORE: { readonly [command: string]: readonly string[] } = {
  set: ["--description", "words"],
  add: ["u1"],
  remove: ["u1"],
  delete: ["--yes"],
};

describe("an invalid command is rejected, and nothing changes", () => {
  beforeAll(() => make("faulty", "u1"));

  test.each([
    {
      args: ["create", "Beta"],
      code: 2,
      says: /^error: <name> "Beta" is not valid\. It contains "B" \(U\+0042\)\. A name must begin with a lower-case letter/,
    },
    { args: ["create", "faulty"], code: 4, says: /faulty|name/ },
    { args: ["create", "new", "--if", "["], code: 2, says: /--if is not JSON at column 2/ },
    { args: ["create", "new", "--if", "[]"], code: 2, says: /--if is not a JSON object/ },
    {
      args: ["create", "new", "--if", '{"a": {"$b": 1}}'],
      code: 2,
      says: /^error: \/condition\/a\/\$b: unknown operator "\$b"/,
    },
    {
      args: ["set", "faulty", "--if", '{"userId": {"$inGroup": "faulty"}}'],
      code: 2,
      says: /^error: \/condition\/userId\/\$inGroup[^:]*: /,
    },
    { args: ["set", "faulty"], code: 2, says: /there is nothing to change/ },
    { args: ["add", "faulty"], code: 2, says: /no id is given/ },
    { args: ["add", "faulty", "u1,,u2"], code: 2, says: /An item is empty/ },
    {
      args: ["add", "faulty", "x".repeat(257)],
      code: 2,
      says: /^error: \/add\/0 "x+…": must have at most 256/,
    },
    { args: ["add", "faulty", "u\0"], code: 2, says: /\/add\/0 "u\\u\{0\}": contains a control character/ },
    {
      args: ["add", "faulty", "--id-file", "/nowhere"],
      code: 2,
      says: /--id-file: \/nowhere cannot be read/,
    },
    ...["show", "set", "add", "remove", "delete"].map((command) => ({
      args: [command, "fautly", ...(MORE[command] ?? [])],
      code: 3,
      says: /^error: there is no segment fautly\n {2}-> did you mean faulty\?\n {5}`sluice segment list` shows all/,
    })),
  ])("$args", async ({ args, code, says }) => {
    const before = await everything();
    const run = await call(["segment", ...args]);
    expect(run).toMatchObject({ code, stdout: "" });
    expect(run.stderr).toMatch(says);
    expect(run.stderr).not.toMatch(/^\s+at |[^\P{Cc}\n]/mu);
    expect(await everything()).toBe(before);
  });
});
