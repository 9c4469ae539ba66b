import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { callSluice, runOnTerminal } from "../support/cli-streams.ts";
import { startCliSystem, type CliSystem } from "../support/cli.ts";

let system: CliSystem;
let folder: string;

beforeAll(async () => {
  system = await startCliSystem();
  folder = await mkdtemp(path.join(tmpdir(), "sluice-cli-"));
  await system.make("plans", { targeting: { plans: ["pro"] } });
  await system.sql("UPDATE feature_flags SET enabled = true, rollout_pct = 100 WHERE key = 'plans'");
  await system.make("models", {
    variants: [
      { key: "small", weight: 1 },
      { key: "large", weight: 0 },
    ],
    targeting: { rules: [{ id: "swiss", if: { country: "CH" }, off: true }] },
  });
  await system.sql("UPDATE feature_flags SET enabled = true, rollout_pct = 100 WHERE key = 'models'");
  await system.make("chat", { requires: [{ flag: "models" }] });
  await system.sql("UPDATE feature_flags SET enabled = true, rollout_pct = 100 WHERE key = 'chat'");
});
afterAll(async () => {
  await system.stop();
  await rm(folder, { recursive: true });
});

const preview = (args: readonly string[], input = "") =>
  callSluice(["preview", ...args], { env: system.env, input });

async function file(name: string, content: string): Promise<string> {
  const at = path.join(folder, name);
  await writeFile(at, content);
  return at;
}

/** What is asked for, as JSON. */
async function counts(args: readonly string[], input: string): Promise<Readonly<Record<string, unknown>>> {
  const run = await preview([...args, "--json"], input);
  expect(run).toMatchObject({ code: 0, stderr: "" });
  return JSON.parse(run.stdout) as Readonly<Record<string, unknown>>;
}

describe("who changes", () => {
  test("is printed in words, and nothing is saved", async () => {
    const before = await system.everything();
    const draft = await file("draft.json", '{"targeting": {"rules": null}}');
    const people = await file("people.csv", "userId,country\nu1,CH\nu2,DE\nu3,CH\n");
    const run = await preview(["models", "--draft", draft, "--contexts", people]);
    expect(run).toEqual({
      code: 0,
      stderr: "",
      stdout:
        "models for 3 contexts; nothing is saved:\n" +
        "on now     1 of 3\n" +
        "on after   3 of 3\n" +
        "gain       2 (small: 2), for example u1, u3\n" +
        "lose       0\n" +
        "unchanged  1\n" +
        "\n" +
        "Flags that also change, because they need models:\n" +
        "FLAG  GAIN  LOSE\n" +
        "chat  2     0\n",
    });
    expect(await system.everything()).toBe(before);
  });

  test("shows how many users would change their variant", async () => {
    const draft = await file(
      "weights.json",
      '{"variants": [{"key": "small", "weight": 0}, {"key": "large", "weight": 1}]}',
    );
    const run = await preview(["models", "--draft", draft, "--contexts", "-"], "u1\nu2\n");
    expect(run.stdout).toContain("change variant  2 (small -> large: 2), for example u1, u2\n");
  });

  test.each([
    { args: ["--disable"], changes: { loses: { count: 2 } } },
    { args: ["--rollout", "0"], changes: { loses: { count: 2 } } },
    { args: ["--rollout", "100"], changes: { gains: { count: 0 }, loses: { count: 0 }, unchanged: 2 } },
    { args: ["--enable", "--rollout", "0"], changes: { loses: { count: 2 } } },
  ])("by $args", async ({ args, changes }) => {
    const input = "userId,plan\nu1,pro\nu2,pro\n";
    expect(await counts(["plans", ...args, "--contexts", "-"], input)).toMatchObject(changes);
  });

  test("an option overrides the draft", async () => {
    const draft = await file("percent.json", '{"rollout_pct": 0, "enabled": false}');
    expect(
      await counts(
        ["plans", "--draft", draft, "--rollout", "100", "--enable", "--contexts", "-"],
        '[{"plan": "pro"}]',
      ),
    ).toMatchObject({ loses: { count: 0 } });
  });

  test("contexts without an id are reported", async () => {
    const run = await preview(
      ["plans", "--rollout", "50", "--contexts", "-"],
      '{"plan": "pro"}\n{"userId": "u1"}\n',
    );
    expect(run).toMatchObject({
      code: 0,
      stderr:
        "1 context of 2 have neither userId nor anonymousId: they have no bucket, so percentages below 100 and variants exclude them.\n",
    });
  });
});

describe("a sample", () => {
  // Two of three are on the plan, and lose the flag.
  const SAMPLES = {
    "a JSON array":
      '[{"userId": "u1", "plan": "pro"}, {"userId": "u2"}, {"anonymousId": "anon-1", "plan": "pro"}]',
    "JSON lines":
      '{"userId": "u1", "plan": "pro"}\n\n{"userId": "u2"}\r\n{"anonymousId": "a", "plan": "pro"}',
    CSV: "userId,anonymousId,plan\nu1,,pro\nu2,,\n,anon-1,pro\n",
    "CSV with quotes":
      '"userId","plan","note"\n"u1","pro","a ""b"", c"\n"u2","free",""\n"u3","pro","two\nlines"\n',
  };

  test.each(Object.entries(SAMPLES))("is %s", async (_name, input) => {
    expect(await counts(["plans", "--disable", "--contexts", "-"], input)).toMatchObject({
      contexts: 3,
      loses: { count: 2 },
    });
  });

  test("is ids, one per line, anonymous ones among them", async () => {
    const answer = await counts(
      ["models", "--disable", "--contexts", "-"],
      "u1\nanon-abcdefghijklmnopqrstuv\n\n007\n",
    );
    expect(answer).toMatchObject({
      contexts: 3,
      loses: { count: 3 },
      examples: { loses: ["u1", "anon-abcdefghijklmnopqrstuv", "007"] },
    });
  });

  test("is what --format says", async () => {
    const args = ["models", "--disable", "--format", "ids", "--contexts", "-"];
    expect(await counts(args, "a,b\nplan\n")).toMatchObject({ examples: { loses: ["a,b", "plan"] } });
    const csv = ["models", "--disable", "--format", "csv", "--contexts", "-"];
    expect(await counts(csv, "company.size\n5\n")).toMatchObject({ contexts: 1, examples: { loses: [] } });
  });

  test("has attributes of their types", async () => {
    const rules = [
      { id: "r", if: { age: { $gt: 17 }, tags: { $contains: "a" }, "company.size": 5 }, off: true },
    ];
    await system.make("typed", { targeting: { rules } });
    await system.sql("UPDATE feature_flags SET enabled = true, rollout_pct = 100 WHERE key = 'typed'");
    const input = 'userId,age,tags,company.size\n1,18,"[""a""]",5\n2,17,"[""a""]",5\n';
    expect(await counts(["typed", "--disable", "--contexts", "-"], input)).toMatchObject({
      before: { on: 1, off: 1 },
    });
  });

  test("of ten thousand is taken, with progress on a terminal", async () => {
    const ids = Array.from({ length: 10_000 }, (_, n) => `u${n}`).join("\n");
    const run = await runOnTerminal(["preview", "models", "--rollout", "50", "--contexts", "-"], {
      isTTY: true,
      env: { ...system.env, NO_COLOR: "1" },
      input: ids,
    });
    expect(run.code).toBe(0);
    expect(run.stdout).toMatch(/^on now +10000 of 10000\non after +\d{4} of 10000$/m);
    expect(run.stderr).toContain("Sending 10000 contexts");
    expect(run.stderr.endsWith("\r\u001b[K")).toBe(true);
  });

  test.each([
    { fault: "nothing", input: "", says: /standard input contains no contexts/ },
    { fault: "an empty array", input: "[]", says: /standard input contains no contexts/ },
    { fault: "a header alone", input: "userId,plan\n", says: /standard input contains no contexts/ },
    {
      fault: "too many",
      input: "u\n".repeat(10_001),
      says: /contains 10001 contexts\n {2}.* at most 10000 contexts/,
    },
    {
      fault: "too many bytes",
      input: "x".repeat(8_388_609),
      says: /standard input is larger than 8 MiB\n.*\n {2}-> take a sample/,
    },
    { fault: "broken JSON", input: '[{"userId": secret}]', says: /is not JSON at line 1, column 13/ },
    {
      fault: "a broken line",
      input: '{"userId": "u1"}\n{"userId": secret}\n',
      says: /not JSON at line 2, column 12/,
    },
    {
      fault: "an array that is none",
      format: "json",
      input: "{}",
      says: /standard input is not a JSON array/,
    },
    {
      fault: "a number for a context",
      input: '[{"userId": "u1"}, 5]',
      says: /item 2 of standard input is not .*\n {2}it is not a JSON object/,
    },
    {
      fault: "an attribute of another type",
      input: "userId,isEmployee\nu1,secret\n",
      says: /line 2 of .*\n {2}attribute "isEmployee" must be a boolean/,
    },
    {
      fault: "too long an id",
      input: `u1\n${"x".repeat(257)}\n`,
      says: /line 2 of .*\n {2}attribute "userId" is longer than 256/,
    },
    { fault: "a blank beside an id", input: "u1\nu2 \n", says: /line 2 of standard input is not an id/ },
    {
      fault: "no header",
      input: "secret 1,pro\nu2,pro\n",
      says: /line 1 of standard input is not a header of attributes/,
    },
    { fault: "a header with a name twice", input: "plan,plan\na,b\n", says: /plan is there twice/ },
    {
      fault: "a field too many",
      input: "userId,plan\nu1,pro,secret\n",
      says: /line 2 of .* has 3 fields, but the header has 2/,
    },
    {
      fault: "a quote without an end",
      input: 'userId,plan\nu1,"secret\n',
      says: /line 2 of standard input is not CSV\n {2}The quotes/,
    },
  ])("with $fault is refused, by line and unquoted", async ({ format, input, says }) => {
    const options = format === undefined ? [] : ["--format", format];
    const run = await preview(["models", "--disable", "--contexts", "-", ...options], input);
    expect(run).toMatchObject({ code: 2, stdout: "" });
    expect(run.stderr).toMatch(says);
    expect(run.stderr).not.toMatch(/secret|xxxx/);
  });
});

describe("a command line that is not valid is rejected", () => {
  const people = ["--contexts", "-"];

  test.each([
    { args: ["models", "--disable"], code: 2, says: /the users are missing/ },
    { args: ["models", ...people], code: 2, says: /there is no change to preview/ },
    { args: ["models", "--enable", "--disable", ...people], code: 2, says: /cannot be used with/ },
    { args: ["models", "--draft", "-", ...people], code: 2, says: /--draft and --contexts cannot both read/ },
    {
      args: ["models", "--draft", "/nowhere", ...people],
      code: 2,
      says: /--draft: \/nowhere cannot be read/,
    },
    { args: ["models", "--rollout", "101", ...people], code: 2, says: /from 0 to 100/ },
    { args: ["models", "--disable", "--contexts", "/nowhere"], code: 2, says: /\/nowhere cannot be read/ },
    { args: ["models", "--disable", "--format", "xml", ...people], code: 2, says: /json, jsonl, csv, ids/ },
    {
      args: ["modles", "--disable", ...people],
      code: 3,
      says: /there is no flag modles\n {2}-> did you mean models/,
    },
  ])("$args", async ({ args, code, says }) => {
    const run = await preview(args, '{"userId": "u1"}');
    expect(run).toMatchObject({ code, stdout: "" });
    expect(run.stderr).toMatch(says);
  });

  test.each([
    { draft: "[]", says: /--draft is not a JSON object/ },
    { draft: '{"rollout_pct": 101}', says: /^error: \/draft\/rollout_pct \(--draft\): .*100/ },
    {
      draft: '{"targeting": {"rules": [{"id": "x", "if": {}, "variant": "z"}]}}',
      says: /^error: \/draft\/targeting\/rules\/0\/variant \(--draft of x\) "z": is not the key/,
    },
    { draft: '{"colour": 1}', says: /^error: \/draft\/colour \(--draft\): is an unknown member/ },
    {
      draft: '{"requires": [{"flag": "chat"}]}',
      says: /^error: \/draft\/requires\/0\/flag \(--draft\).*circle/,
    },
  ])("$draft", async ({ draft, says }) => {
    const at = await file("faulty.json", draft);
    for (const given of [at, `@${at}`, draft]) {
      const run = await preview(["models", "--draft", given, ...people], "u1\n");
      expect(run).toMatchObject({ code: 2, stdout: "" });
      expect(run.stderr).toMatch(says);
    }
  });

  test("a fault of the stored flag does not name an option", async () => {
    await system.make("sql_liked");
    await system.sql(
      `UPDATE feature_flags SET targeting = '{"rules": [{"id": "x", "if": {"a": {"$like": 1}}, "off": true}]}'
       WHERE key = 'sql_liked'`,
    );
    const run = await preview(["sql_liked", "--rollout", "10", ...people], "u1\n");
    expect(run).toMatchObject({ code: 2, stdout: "" });
    expect(run.stderr).toMatch(
      /^error: \/draft\/targeting\/rules\/0\/if\/a\/\$like \(not set by this command\): /,
    );
    const percent = await preview(["models", "--draft", "{}", "--rollout", "101", ...people], "u1\n");
    expect(percent.stderr).toMatch(/--rollout/);
  });
});
