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

/** The rules of a flag as they stand in Postgres. */
async function rulesOf(key: string): Promise<readonly unknown[]> {
  const { targeting } = (await system.row(key)) ?? {};
  return (targeting as { rules?: unknown[] } | undefined)?.rules ?? [];
}

const rule = (id: string, more = {}) => ({ id, if: { country: "DE" }, off: true, ...more });

/** A flag with these rules. */
const makeRuled = (key: string, ...ids: readonly string[]) =>
  system.make(key, { targeting: { rules: ids.map((id) => rule(id)) } });

const idsOf = async (key: string) => (await rulesOf(key)).map((one) => (one as { id: string }).id);

describe("rule add", () => {
  test("adds a rule, and says it in words", async () => {
    await system.make("added");
    const run = await call([
      ...["rule", "add", "added", "--id", "acme", "--description", "Pilot customer", "--rollout", "25"],
      ...["--if", '{"organization": "acme", "age": {"$gte": 18}}', "--bucket-by", "organization"],
    ]);
    expectDone(run);
    expect(run.stdout).toContain(
      '  + acme (1 of 1): organization is "acme" and age is at least 18: 25 %, by organization\n',
    );
    expect(run.stdout).toMatch(/^revision \d+, in Redis$/m);
    expect(await rulesOf("added")).toEqual([
      {
        id: "acme",
        description: "Pilot customer",
        if: { organization: "acme", age: { $gte: 18 } },
        rollout_pct: 25,
        bucket_by: "organization",
      },
    ]);
  });

  test.each([
    { args: ["--rollout", "0.5"], outcome: { rollout_pct: 0.5 } },
    { args: ["--off"], outcome: { off: true } },
    { args: ["--variant", "large"], outcome: { variant: "large" } },
  ])("leads to $outcome", async ({ args, outcome }) => {
    const key = `leads_${args.length}_${Object.keys(outcome)[0] ?? ""}`;
    await system.make(key, { variants: [{ key: "large", weight: 1 }] });
    expectDone(await call(["rule", "add", key, "--if", "{}", ...args]));
    expect(await rulesOf(key)).toEqual([{ id: "rule-1", if: {}, ...outcome }]);
  });

  test.each([
    { place: [], ids: ["a", "b", "rule-1"] },
    { place: ["--first"], ids: ["rule-1", "a", "b"] },
    { place: ["--before", "b"], ids: ["a", "rule-1", "b"] },
    { place: ["--after", "a"], ids: ["a", "rule-1", "b"] },
  ])("inserts the rule at the position: $place", async ({ place, ids }) => {
    const key = `placed_${place[0]?.slice(2) ?? "last"}`;
    await makeRuled(key, "a", "b");
    expectDone(await call(["rule", "add", key, "--if", "{}", "--off", ...place]));
    expect(await idsOf(key)).toEqual(ids);
  });

  test("takes the first id that is free", async () => {
    await makeRuled("numbered", "rule-1", "rule-3");
    expectDone(await call(["rule", "add", "numbered", "--if", "{}", "--off"]));
    expect(await idsOf("numbered")).toEqual(["rule-1", "rule-3", "rule-2"]);
  });

  test("reads its condition from a file, and from standard input", async () => {
    const file = path.join(folder, "condition.json");
    await writeFile(file, '\ufeff{"country": "FR"}\n');
    await system.make("from_file");
    expectDone(await call(["rule", "add", "from_file", "--if", `@${file}`, "--off"]));
    expectDone(await call(["rule", "add", "from_file", "--if", "@-", "--off"], '{"country": "IT"}'));
    expectDone(await call(["rule", "add", "from_file", "--if", "-", "--off"], '{"country": "ES"}'));
    expectDone(await call(["rule", "add", "from_file", "--if", file, "--off"]));
    expect(await rulesOf("from_file")).toMatchObject(
      ["FR", "IT", "ES", "FR"].map((country) => ({ if: { country } })),
    );
  });

  test("an id that is taken is a conflict", async () => {
    await makeRuled("taken", "a");
    const run = await call(["rule", "add", "taken", "--id", "a", "--if", "{}", "--off"]);
    expect(run).toMatchObject({ code: 4, stdout: "" });
    expect(run.stderr).toBe(
      "error: taken has a rule a already\n  -> `sluice rule set taken a` changes it; or use another --id\n",
    );
  });

  test("explains that only rules apply at 0 %", async () => {
    await system.make("hinted");
    const run = await call(["rule", "add", "hinted", "--if", "{}", "--off"]);
    expect(run.stdout).toContain("only allowed ids and users that a rule includes get it until");
  });
});

describe("rule set", () => {
  test("changes only the named members", async () => {
    await system.make("set", {
      targeting: { rules: [rule("a", { description: "words" }), rule("b", { description: "other" })] },
    });
    const run = await call(["rule", "set", "set", "a", "--rollout", "50", "--bucket-by", "organization"]);
    expectDone(run);
    expect(run.stdout).toContain(
      '  a: country is "DE": off\n  a now: country is "DE": 50 %, by organization\n',
    );
    expect(await rulesOf("set")).toEqual([
      {
        ...{ id: "a", description: "words", if: { country: "DE" } },
        ...{ rollout_pct: 50, bucket_by: "organization" },
      },
      rule("b", { description: "other" }),
    ]);
    expectDone(await call(["rule", "set", "set", "a", "--no-bucket-by", "--description", "", "--if", "{}"]));
    expect(await rulesOf("set")).toMatchObject([{ id: "a", if: {}, rollout_pct: 50 }, { id: "b" }]);
    expect(Object.keys((await rulesOf("set"))[0] ?? {}).toSorted()).toEqual(["id", "if", "rollout_pct"]);
  });

  test("sends nothing for an equal rule, in any order of members", async () => {
    await system.make("same", {
      targeting: { rules: [{ id: "a", if: { country: "DE", age: { $lt: 9, $gt: 1 } }, off: true }] },
    });
    const before = await system.everything();
    const run = await call([
      ...["rule", "set", "same", "a", "--off", "--if", '{"age": {"$gt": 1, "$lt": 9}, "country": "DE"}'],
    ]);
    expect(run.stdout).toContain("The rules of same are already like this: nothing was changed.");
    expect(await system.everything()).toBe(before);
  });
});

describe("rule remove and move", () => {
  test("remove takes several, and the last one", async () => {
    await makeRuled("removed", "a", "b", "c");
    const run = await call(["rule", "remove", "removed", "a", "c"]);
    expectDone(run);
    expect(run.stdout).toContain('  - a: country is "DE": off\n  - c: country is "DE": off\n');
    expect(await idsOf("removed")).toEqual(["b"]);
    expectDone(await call(["rule", "remove", "removed", "b"]));
    expect(await system.row("removed")).toMatchObject({ targeting: {} });
  });

  test.each([
    { place: ["--first"], ids: ["b", "a", "c"] },
    { place: ["--last"], ids: ["a", "c", "b"] },
    { place: ["--before", "a"], ids: ["b", "a", "c"] },
    { place: ["--after", "c"], ids: ["a", "c", "b"] },
    { place: ["--after", "a"], ids: ["a", "b", "c"] },
  ])("move $place", async ({ place, ids }) => {
    const key = `moved_${place.join("").slice(2)}`;
    await makeRuled(key, "a", "b", "c");
    expectDone(await call(["rule", "move", key, "b", ...place]));
    expect(await idsOf(key)).toEqual(ids);
  });

  test.each([
    { args: ["remove", "ruled", "secnod"] },
    { args: ["set", "ruled", "secnod", "--off"] },
    { args: ["move", "ruled", "secnod", "--first"] },
    { args: ["move", "ruled", "first", "--before", "secnod"] },
    { args: ["add", "ruled", "--if", "{}", "--off", "--after", "secnod"] },
  ])("an unknown rule suggests similar rules: $args.0", async ({ args }) => {
    await system.sql("DELETE FROM feature_flags WHERE key = 'ruled'");
    await makeRuled("ruled", "first", "second");
    const run = await call(["rule", ...args]);
    expect(run).toMatchObject({ code: 3, stdout: "" });
    expect(run.stderr).toBe(
      "error: ruled has no rule secnod\n" +
        "  Its rules are first, second.\n" +
        "  -> did you mean second?\n" +
        "     `sluice rule list ruled` shows them\n",
    );
  });
});

describe("rule list, show and list", () => {
  beforeAll(async () => {
    await system.make("listed", {
      owner: "lister",
      targeting: {
        allowlist: ["u1", "u2"],
        blocklist: ["u3"],
        rules: [
          {
            id: "europe",
            if: { $or: [{ country: { $in: ["DE", "FR"] } }, { $not: { plan: { $exists: true } } }] },
            rollout_pct: 10,
          },
        ],
      },
    });
  });

  test("are in words", async () => {
    const list = await call(["rule", "list", "listed"]);
    expectDone(list);
    expect(list.stdout).toMatch(/^RULE +GETS +IF +DESCRIPTION\neurope +10 % +\(/);
    const words = '(country is one of "DE", "FR" or not (plan is present))';
    expect(list.stdout).toContain(words);
    expect((await call(["show", "listed"])).stdout).toMatch(/^rule europe +\(country .*: 10 %$/m);
    expect((await call(["list", "--owner", "lister"])).stdout).toContain(
      "everybody; 2 ids always in; 1 id never in; 1 rule",
    );
  });

  test("are JSON for machines", async () => {
    const run = await call(["rule", "list", "listed", "--json"]);
    expect(JSON.parse(run.stdout)).toMatchObject({ key: "listed", rules: [{ id: "europe" }] });
  });

  test("report an empty list", async () => {
    await system.make("bare");
    expect((await call(["rule", "list", "bare"])).stdout).toBe(
      "bare has no rules: the percentage decides.\n",
    );
  });

  test("target leaves rules alone, and --clear takes them too", async () => {
    await makeRuled("targeted", "a");
    expectDone(await call(["target", "targeted", "--allow", "u1"]));
    expect(await idsOf("targeted")).toEqual(["a"]);
    const run = await call(["target", "targeted", "--clear"]);
    expect(run.stdout).toContain("  rules: none\n");
    expect(await system.row("targeted")).toMatchObject({ targeting: {} });
  });
});

test("six concurrent edits all succeed", async () => {
  await system.make("together");
  const runs = await Promise.all(
    Array.from({ length: 6 }, (_, n) =>
      call(["rule", "add", "together", "--id", `r${n}`, "--if", "{}", "--off"]),
    ),
  );
  expect(runs.map(({ code }) => code)).toEqual([0, 0, 0, 0, 0, 0]);
  expect((await idsOf("together")).toSorted()).toEqual(["r0", "r1", "r2", "r3", "r4", "r5"]);
});

describe("an invalid rule is rejected, and nothing changes", () => {
  const add = (...more: readonly string[]) => ["rule", "add", "faulty", ...more];

  beforeAll(() => makeRuled("faulty", "a"));

  test.each([
    { fault: "no condition", args: add("--off"), says: /the condition of the rule is missing/ },
    { fault: "no outcome", args: add("--if", "{}"), says: /the result of the rule is missing/ },
    {
      fault: "two outcomes",
      args: add("--if", "{}", "--off", "--rollout", "5"),
      says: /--rollout and --off cannot be combined/,
    },
    {
      fault: "two places",
      args: add("--if", "{}", "--off", "--first", "--before", "a"),
      says: /--first and --before name different positions/,
    },
    { fault: "no place", args: ["rule", "move", "faulty", "a"], says: /the new position is missing/ },
    {
      fault: "itself for a place",
      args: ["rule", "move", "faulty", "a", "--after", "a"],
      says: /is the rule itself/,
    },
    { fault: "no change", args: ["rule", "set", "faulty", "a"], says: /there is nothing to change/ },
    {
      fault: "no JSON",
      args: add("--if", '{"country": secret}', "--off"),
      says: /--if is not JSON at column 13/,
    },
    { fault: "no object", args: add("--if", "[]", "--off"), says: /--if is not a JSON object/ },
    {
      fault: "no JSON and no file",
      args: add("--if", "country", "--off"),
      says: /--if: country cannot be read\n {2}The file does not exist/,
    },
    {
      fault: "an id of an option",
      args: add("--if", "{}", "--off", "--before", "9"),
      says: /^error: --before "9" is not valid\. It begins with "9"\. A name must begin/,
    },
    { fault: "no file", args: add("--if", "@/nowhere", "--off"), says: /--if: \/nowhere cannot be read/ },
    {
      fault: "no name of a file",
      args: add("--if", "@a\0b", "--off"),
      says: /--if: a\\u\{0\}b cannot be read/,
    },
    {
      fault: "an id that is none",
      args: add("--if", "{}", "--off", "--id", "A"),
      says: /must begin with a lower-case letter/,
    },
    {
      fault: "an unknown operator",
      args: add("--if", '{"country": {"$is": 1}}', "--off", "--id", "x"),
      says: /^error: \/targeting\/rules\/1\/if\/country\/\$is \(--if of x\)[^:]*: unknown operator "\$is"/,
    },
    {
      fault: "a pattern that repeats what may be empty",
      args: add("--if", '{"email": {"$regex": "(a*)*$"}}', "--off"),
      says: /^error: \/targeting\/rules\/1\/if\/email\/\$regex \(--if of rule-1\)[^:]*: .* repeats something that may be empty/,
    },
    {
      fault: "a segment that is not there",
      args: add("--if", '{"userId": {"$inGroup": "nobody"}}', "--off"),
      says: /^error: \/targeting\/rules\/1\/if\/userId\/\$inGroup \(--if of rule-1\)[^:]*: there is no segment "nobody"/,
    },
    {
      fault: "a variant that is not there",
      args: add("--if", "{}", "--variant", "large"),
      says: /^error: \/targeting\/rules\/1\/variant \(--variant of rule-1\) "large": is not the key of one of this flag's variants/,
    },
    {
      fault: "no attribute to bucket by",
      args: add("--if", "{}", "--rollout", "5", "--bucket-by", "a b"),
      says: /^error: \/targeting\/rules\/1\/bucket_by \(--bucket-by of rule-1\) "a b": must name an attribute/,
    },
  ])("$fault", async ({ args, says }) => {
    const before = await system.everything();
    const run = await call(args);
    expect(run).toMatchObject({ code: 2, stdout: "" });
    expect(run.stderr).toMatch(says);
    expect(run.stderr).not.toMatch(/secret/);
    expect(await system.everything()).toBe(before);
  });

  test("a rule too many, and a condition too large", async () => {
    const ids = Array.from({ length: 100 }, (_, n) => `r${n}`);
    await makeRuled("many", ...ids);
    const before = await system.everything();
    const many = await call(["rule", "add", "many", "--if", "{}", "--off"]);
    expect(many).toMatchObject({ code: 2, stdout: "" });
    expect(many.stderr).toMatch(/^error: \/targeting\/rules: must have at most 100 items$/m);
    const parts = Object.fromEntries(Array.from({ length: 1_001 }, (_, n) => [`a${n}`, n]));
    const large = await call(["rule", "set", "many", "r0", "--if", "@-"], JSON.stringify(parts));
    expect(large).toMatchObject({ code: 2, stdout: "" });
    expect(large.stderr).toMatch(/^error: \/targeting\/rules\/0\/if\S* \(.*of r0\).*: is too large/m);
    const huge = await call(["rule", "set", "many", "r0", "--if", "@-"], `{"a": "${"x".repeat(1_048_576)}"}`);
    expect(huge).toMatchObject({ code: 2, stdout: "" });
    expect(huge.stderr).toMatch(/^error: --if: standard input is larger than 1 MiB\n/);
    const deep = `${'{"$not": '.repeat(10_000)}{}${"}".repeat(10_000)}`;
    const nested = await call(["rule", "set", "many", "r0", "--if", deep]);
    expect(nested).toMatchObject({ code: 2, stdout: "" });
    expect(nested.stderr).toMatch(/^error: --if: its JSON is nested deeper than 64 objects and lists\n/);
    expect(await system.everything()).toBe(before);
  });

  test("targeting that SQL broke is not overwritten by rule commands", async () => {
    await system.sql(
      `INSERT INTO feature_flags (key, targeting) VALUES ('broken_rules', '{"rules": [{"id": 1}]}')`,
    );
    for (const args of [
      ["list", "broken_rules"],
      ["remove", "broken_rules", "a"],
    ]) {
      const run = await call(["rule", ...args]);
      expect(run).toMatchObject({ code: 4, stdout: "" });
      expect(run.stderr).toMatch(/^error: the targeting of broken_rules is not valid\n/);
    }
    expectDone(await call(["target", "broken_rules", "--clear"]));
  });
});
