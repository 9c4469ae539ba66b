import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { callSluice } from "../support/cli-streams.ts";
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

async function expectUntouched(args: readonly string[], code: number, says: RegExp): Promise<void> {
  const before = await system.everything();
  const run = await call(args);
  expect(run).toMatchObject({ code, stdout: "" });
  expect(run.stderr).toMatch(says);
  expect(await system.everything()).toBe(before);
}

const variantsOf = async (key: string) => (await system.row(key))?.["variants"];

describe("variant", () => {
  test("set makes variants with their values, and says their shares", async () => {
    const file = path.join(folder, "large.json");
    await writeFile(file, '{"model": "large", "prompt": "Be brief."}');
    await system.make("made");
    const run = await call([
      ...["variant", "set", "made", "small=3", "large=1", "none=0"],
      ...["--value", `large=@${file}`, "--value", 'small="small"'],
    ]);
    expectDone(run);
    expect(run.stdout).toContain(
      "  + small: weight 3, 75 %\n  + large: weight 1, 25 %\n  + none: weight 0, 0 %\n",
    );
    expect(await variantsOf("made")).toEqual([
      { key: "small", weight: 3, value: "small" },
      { key: "large", weight: 1, value: { model: "large", prompt: "Be brief." } },
      { key: "none", weight: 0 },
    ]);
  });

  test.each([
    { from: "a=1 b=1", to: "a=3 b=1", moved: 25 },
    { from: "a=1 b=1", to: "a=1 b=1 c=2", moved: 50 },
    { from: "a=1 b=1 c=1", to: "a=1 b=1 c=0", moved: 33.33 },
    { from: "a=1 b=1", to: "a=50 b=50", moved: 0 },
    { from: "a=1", to: "a=1 b=1", moved: 50 },
  ])("set shows how many users change their variant: $from -> $to", async ({ from, to, moved }) => {
    const key = `moved_${from}_${to}`.replace(/[^a-z0-9]+/g, "_");
    await system.make(key);
    await call(["variant", "set", key, ...from.split(" ")]);
    const run = await call(["variant", "set", key, ...to.split(" ")]);
    expectDone(run);
    const told =
      /^ {2}([\d.]+) % of the users who have the flag change their variant; nobody else does$/m.exec(
        run.stdout,
      );
    expect(Number(told?.[1] ?? 0)).toBe(moved);
  });

  test("set keeps everything it does not name, and removes a value", async () => {
    await system.make("left", {
      variants: [
        { key: "a", weight: 1, value: { z: 1, a: [2] } },
        { key: "b", weight: 1, value: 2 },
      ],
    });
    const run = await call(["variant", "set", "left", "--without-value", "b"]);
    expectDone(run);
    expect(run.stdout).toContain("  b: no value\n");
    expect(await variantsOf("left")).toEqual([
      { key: "a", weight: 1, value: { z: 1, a: [2] } },
      { key: "b", weight: 1 },
    ]);
    const same = await call(["variant", "set", "left", "a=1", "--value", 'a={"z": 1, "a": [2]}']);
    expect(same.stdout).toContain("The variants of left are already like this: nothing was changed.");
  });

  test("null is a value", async () => {
    await system.make("nulls", { variants: [{ key: "a", weight: 1 }] });
    const run = await call(["variant", "set", "nulls", "--value", "a=null"]);
    expect(run.stdout).toContain("  a: new value\n");
    expect(await variantsOf("nulls")).toEqual([{ key: "a", weight: 1, value: null }]);
  });

  test("remove of the last variant makes the flag boolean", async () => {
    await system.make("fewer", {
      variants: [
        { key: "a", weight: 1 },
        { key: "b", weight: 1 },
      ],
    });
    expect((await call(["variant", "remove", "fewer", "a"])).stdout).toContain(
      "50 % of the users who have the flag change",
    );
    const run = await call(["variant", "remove", "fewer", "b"]);
    expectDone(run);
    expect(run.stdout).toContain("  - b\n  without variants the flag is boolean: on or off\n");
    expect(await variantsOf("fewer")).toEqual([]);
    expect((await call(["variant", "list", "fewer"])).stdout).toBe(
      "fewer has no variants: it is on or off.\n",
    );
  });

  test("list and show have weight, share and value", async () => {
    await system.make("shown", {
      variants: [
        { key: "a", weight: 1, value: { m: 1 } },
        { key: "b", weight: 2 },
      ],
    });
    expect((await call(["variant", "list", "shown"])).stdout).toBe(
      'VARIANT  WEIGHT  SHARE    VALUE\na        1       33.33 %  {"m":1}\nb        2       66.67 %  -\n',
    );
    const show = await call(["show", "shown"]);
    expect(show.stdout).toMatch(/^variant a +33\.33 % \(weight 1\), \{"m":1\}$/m);
    expect(show.stdout).toMatch(/^variant b +66\.67 % \(weight 2\)$/m);
  });

  test.each([
    { args: ["set", "faulty"], says: /there is nothing to change/ },
    { args: ["set", "faulty", "large"], says: /Write key=weight, like large=25/ },
    { args: ["set", "faulty", "large="], says: /Write key=weight, like large=25/ },
    { args: ["set", "faulty", "large=1.5"], says: /A weight must be a whole number from 0 to 10000/ },
    { args: ["set", "faulty", "large=10001"], says: /A weight must be a whole number from 0 to 10000/ },
    { args: ["set", "faulty", "Large=1"], says: /must begin with a lower-case letter/ },
    {
      args: ["set", "faulty", "off=1"],
      says: /^error: \/variants\/0\/key \(of off\) "off": must not be "off"/,
    },
    { args: ["set", "faulty", "a=0"], says: /^error: \/variants: at least one weight must be above 0/ },
    { args: ["set", "faulty", "a=1", "--value", "a"], says: /Write key=JSON or key=@FILE/ },
    { args: ["set", "faulty", "a=1", "--value", "a=secret"], says: /--value a is not JSON at column 1/ },
    { args: ["set", "faulty", "a=1", "--value", "a=@/nowhere"], says: /--value a: \/nowhere cannot be read/ },
    { args: ["set", "faulty", "a=1", "--value", "a=1", "--without-value", "a"], says: /both name a/ },
    {
      args: ["set", "faulty", "a=1", "--value", `a="${"x".repeat(4_096)}"`],
      says: /^error: \/variants\/0\/value \(--value of a\) "x+…": must have at most 4096 bytes of JSON/,
    },
  ])("what is wrong is said, and changes nothing: $args", async ({ args, says }) => {
    await system.sql("INSERT INTO feature_flags (key) VALUES ('faulty') ON CONFLICT DO NOTHING");
    await expectUntouched(["variant", ...args], 2, says);
  });

  test("standard input is read once", async () => {
    await system.make("once");
    const run = await call(
      ["variant", "set", "once", "a=1", "b=1", "--value", "a=@-", "--value", "b=@-"],
      "1",
    );
    expect(run).toMatchObject({ code: 2, stdout: "" });
    expect(run.stderr).toBe(
      "error: --value a and --value b cannot both read standard input\n  -> put one of them into a file\n",
    );
  });

  test("a variant that is missing, used by a rule or required by another flag is not removed", async () => {
    await system.make("used", {
      variants: [
        { key: "a", weight: 1 },
        { key: "b", weight: 1 },
        { key: "c", weight: 1 },
      ],
      targeting: { rules: [{ id: "r", if: {}, variant: "a" }] },
    });
    await system.make("user_of_it", { requires: [{ flag: "used", variant: "b" }] });
    await expectUntouched(
      ["variant", "remove", "used", "nope"],
      3,
      /used has no variant nope\n {2}Its variants are a, b, c\./,
    );
    await expectUntouched(["variant", "set", "used", "--value", "nope=1"], 3, /used has no variant nope/);
    await expectUntouched(
      ["variant", "remove", "used", "a"],
      4,
      /^error: the rule r uses a: change the rule first\n {2}-> `sluice rule set used r` changes --variant/,
    );
    await expectUntouched(["variant", "remove", "used", "b"], 4, /user_of_it/);
  });
});

test("variants of several rules are not removed", async () => {
  await system.make("given", {
    variants: ["a", "b", "c"].map((key) => ({ key, weight: 1 })),
    targeting: {
      rules: [
        { id: "r", if: {}, variant: "a" },
        { id: "s", if: {}, variant: "c" },
        { id: "t", if: {}, variant: "b" },
      ],
    },
  });
  await expectUntouched(
    ["variant", "remove", "given", "a", "b"],
    4,
    /^error: the rule r uses a, the rule t uses b: change these rules first\n/,
  );
});

test("an unchanged weight is not printed", async () => {
  await system.make("halved", { variants: ["a", "b"].map((key) => ({ key, weight: 50 })) });
  expect((await call(["variant", "remove", "halved", "a"])).stdout).toContain("  - a\n  b: 50 % -> 100 %\n");
});

test("users without a variant are mentioned", async () => {
  const hint =
    /^Its variants are assigned by organization: users without it do not get the flag, even by the allowlist/m;
  await system.make("drawn");
  expect((await call(["bucket", "drawn", "--by", "organization"])).stdout).not.toMatch(hint);
  expect((await call(["variant", "set", "drawn", "a=1"])).stdout).not.toMatch(hint);
  expect((await call(["variant", "set", "drawn", "b=1"])).stdout).toMatch(hint);
  expect((await call(["bucket", "drawn", "--salt", "other"])).stdout).toMatch(hint);
  expect((await call(["bucket", "drawn", "--by", "targetingKey"])).stdout).not.toMatch(/variants/);

  // What is said is so.
  await call(["enable", "drawn"]);
  await call(["target", "drawn", "--allow", "vip"]);
  await call(["bucket", "drawn", "--by", "organization"]);
  await call(["rule", "add", "drawn", "--if", '{"country": "DE"}', "--rollout", "100"]);
  await call(["rule", "add", "drawn", "--if", '{"country": "CH"}', "--variant", "a"]);
  const isOn = async (...args: readonly string[]) =>
    (JSON.parse((await call(["explain", "drawn", "--json", ...args])).stdout) as { value: boolean }).value;
  expect(await isOn("--user", "vip")).toBe(false);
  expect(await isOn("--user", "u1", "--attribute", "country=DE")).toBe(false);
  expect(await isOn("--user", "u1", "--attribute", "country=CH")).toBe(true);
  expect(await isOn("--user", "vip", "--attribute", "organization=acme")).toBe(true);
});

describe("bucket", () => {
  test("sets attribute and salt, and warns that buckets are re-randomized", async () => {
    await system.make("dealt");
    await call(["enable", "dealt"]);
    await call(["rollout", "dealt", "10"]);
    const run = await call(["bucket", "dealt", "--by", "organization", "--salt", "second"]);
    expectDone(run);
    expect(run.stdout).toMatch(
      /^dealt assigns buckets by organization, with the salt second\.\nrevision \d+, in Redis\nThe buckets are re-randomized: other users are in its 10 % than before\.\n$/,
    );
    expect(await system.row("dealt")).toMatchObject({ bucket_by: "organization", salt: "second" });
    expect((await call(["bucket", "dealt"])).stdout).toBe("bucket by  organization\nsalt       second\n");
    expect((await call(["show", "dealt"])).stdout).toMatch(/^bucket by +organization\nsalt +second$/m);
    expectDone(await call(["bucket", "dealt", "--no-salt", "--by", "targetingKey"]));
    expect(await system.row("dealt")).toMatchObject({ bucket_by: "targetingKey", salt: null });
  });

  test("sends nothing without a change: without a salt, the key is the salt", async () => {
    await system.make("undealt");
    const before = await system.everything();
    const run = await call(["bucket", "undealt", "--by", "targetingKey", "--salt", "undealt"]);
    expect(run.stdout).toMatch(/^undealt already assigns buckets by .*: nothing was changed\./);
    expect(await system.everything()).toBe(before);
    expect((await call(["bucket", "undealt"])).stdout).toContain("salt       undealt (its key)\n");
  });

  test.each([
    { args: ["--by", "a b"], says: /^error: \/bucket_by "a b": must name an attribute/ },
    { args: ["--by", ""], says: /--by is empty/ },
    { args: ["--salt", "A:b"], says: /^error: \/salt \(--salt\) "A:b": must begin with a lower-case letter/ },
  ])("$args is refused", async ({ args, says }) => {
    await system.sql("INSERT INTO feature_flags (key) VALUES ('dealt_faulty') ON CONFLICT DO NOTHING");
    await expectUntouched(["bucket", "dealt_faulty", ...args], 2, says);
  });
});

describe("require", () => {
  beforeAll(async () => {
    await system.make("base", {
      variants: [
        { key: "a", weight: 1 },
        { key: "b", weight: 1 },
      ],
    });
    await system.make("other");
  });

  test("add, list, replace and remove", async () => {
    await system.make("needy");
    const run = await call(["require", "add", "needy", "base=a", "other"]);
    expectDone(run);
    expect(run.stdout).toContain("  + base=a\n  + other\nneedy is off for users without base=a, other.\n");
    expect(await system.row("needy")).toMatchObject({
      requires: [{ flag: "base", variant: "a" }, { flag: "other" }],
    });
    expect((await call(["require", "list", "needy"])).stdout).toBe("base=a\nother\n");
    expect((await call(["show", "needy"])).stdout).toMatch(/^needs +base=a, other$/m);

    expectDone(await call(["require", "add", "needy", "base"]));
    expect((await call(["require", "list", "needy"])).stdout).toBe("base\nother\n");
    expect((await call(["require", "add", "needy", "base"])).stdout).toContain("nothing was changed");

    const removed = await call(["require", "remove", "needy", "base", "other"]);
    expect(removed.stdout).toContain("  - base\n  - other\nneedy needs no other flag now.\n");
    expect((await call(["require", "list", "needy"])).stdout).toBe("needy needs no other flag.\n");
  });

  test("list names what a flag needs", async () => {
    await system.make("listed_all", { requires: [{ flag: "base", variant: "a" }, { flag: "other" }] });
    await system.make("listed_few", { targeting: { plans: ["pro"] }, requires: [{ flag: "other" }] });
    const { stdout } = await call(["list", "--search", "listed_"]);
    expect(stdout).toMatch(/^listed_all .* everybody with base=a and other {2}/m);
    expect(stdout).toMatch(/^listed_few .* plans: pro, with other {2}/m);
  });

  test("enable and rollout show the prerequisites", async () => {
    await system.make("dependent", { requires: [{ flag: "other" }] });
    const { stdout } = await call(["enable", "dependent"]);
    expect(stdout).toContain("dependent is on, for everybody with other, at 0 %.\n");
    expect(stdout).toContain("It is off for users without other.\n");
  });

  test.each([
    { args: ["add", "circle", "circle"], code: 4, says: /^error: circle cannot need itself\n/ },
    {
      args: ["add", "circle", "nowhere"],
      code: 3,
      says: /^error: there is no flag nowhere\n {2}-> /,
    },
    {
      args: ["add", "circle", "othr"],
      code: 3,
      says: /^error: there is no flag othr\n {2}-> did you mean other\?/,
    },
    {
      args: ["add", "circle", "base=z"],
      code: 3,
      says: /^error: base has no variant z\n {2}Its variants are a, b\.\n {2}-> /,
    },
    { args: ["add", "circle", "other=z"], code: 3, says: /The flag has no variants: it is on or off/ },
    { args: ["add", "circle", "base="], code: 2, says: /Write flag or flag=variant/ },
    { args: ["add", "circle", "A"], code: 2, says: /A key must begin with a lower-case letter/ },
    { args: ["remove", "circle", "base"], code: 3, says: /circle does not need base\n {2}It needs other\./ },
    {
      args: ["add", "other", "base", "circle"],
      code: 4,
      says: /^error: the flags would need each other in a circle: other -> circle -> other\n/,
    },
  ])("$args is refused", async ({ args, code, says }) => {
    await system.sql(
      `INSERT INTO feature_flags (key, requires) VALUES ('circle', '[{"flag": "other"}]') ON CONFLICT DO NOTHING`,
    );
    await expectUntouched(["require", ...args], code, says);
  });

  test("a prerequisite of other flags is not deleted", async () => {
    await system.make("needed");
    await system.make("needs_it", { requires: [{ flag: "needed" }] });
    await expectUntouched(["delete", "needed", "--yes"], 4, /flag needed is required by needs_it/);
  });
});

test("--json puts JSON alone on standard output", async () => {
  await system.make("machine");
  for (const args of [
    ["variant", "set", "machine", "a=1"],
    ["variant", "remove", "machine", "a"],
    ["bucket", "machine", "--by", "organization"],
    ["require", "add", "machine", "other"],
    ["require", "remove", "machine", "other"],
    ["rule", "add", "machine", "--if", "{}", "--off"],
  ]) {
    const run = await call([...args, "--json"]);
    expectDone(run);
    expect(JSON.parse(run.stdout)).toMatchObject({ flag: { key: "machine" }, published: true });
  }
  for (const args of [
    ["variant", "list", "machine"],
    ["bucket", "machine"],
    ["require", "list", "machine"],
  ]) {
    expect(JSON.parse((await call([...args, "--json"])).stdout)).toMatchObject({ key: "machine" });
  }
});
