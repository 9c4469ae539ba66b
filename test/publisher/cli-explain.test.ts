import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { callSluice } from "../support/cli-streams.ts";
import { startCliSystem, type CliSystem } from "../support/cli.ts";

let system: CliSystem;
let folder: string;

const on = (key: string, percent = 100) =>
  system.sql("UPDATE feature_flags SET enabled = true, rollout_pct = $2 WHERE key = $1", [key, percent]);

beforeAll(async () => {
  system = await startCliSystem();
  folder = await mkdtemp(path.join(tmpdir(), "sluice-cli-"));
  await system.make("models", {
    variants: [
      { key: "small", weight: 1 },
      { key: "large", weight: 1, value: { model: "large" } },
    ],
  });
  await on("models");
  await system.make("chat", {
    targeting: {
      allowlist: ["vip"],
      blocklist: ["lawyer"],
      plans: ["pro"],
      rules: [
        {
          id: "acme",
          if: { organization: "acme", age: { $gte: 18 } },
          rollout_pct: 30,
          bucket_by: "organization",
        },
        { id: "swiss", if: { country: { $in: ["CH", "LI"] } }, off: true },
      ],
    },
    requires: [{ flag: "models" }],
  });
  await on("chat", 50);
});
afterAll(async () => {
  await system.stop();
  await rm(folder, { recursive: true });
});

/** What is printed, without the places, which hashes decide. */
async function explain(...args: readonly string[]): Promise<string> {
  const run = await callSluice(["explain", ...args], { env: system.env });
  expect(run).toMatchObject({ code: 0, stderr: "" });
  return run.stdout.replace(/\d+\.\d{4}/g, "<place>");
}

/** The way to a decision, from its heading on. */
async function wayOf(...args: readonly string[]): Promise<readonly string[]> {
  const [, way = ""] = (await explain(...args)).split("\nSteps:\n");
  return way.trimEnd().split("\n");
}

describe("the steps of a decision", () => {
  test("through a rule to its percentage", async () => {
    const args = [
      "chat",
      "--user",
      "u1",
      "--plan",
      "pro",
      "--attribute",
      "organization=acme",
      "--attribute",
      "age=18",
    ];
    expect(await wayOf(...args)).toEqual([
      "  kill           not killed",
      "  kill switch    on",
      expect.stringMatching(
        /^ {2}prerequisites {2}models must be on: yes, it is on with (small|large) \(SPLIT\)$/,
      ),
      '  allowed ids    userId is one of "vip": no, it is "u1"',
      '  denied ids     userId is one of "lawyer": no, it is "u1"',
      '  plans          plan is one of "pro": yes, it is "pro"',
      "  rule acme      age is at least 18: yes, it is 18",
      '                 organization is "acme": yes, it is "acme"',
      "                 it matches",
      expect.stringMatching(/^ {17}30 %, bucket <place> of organization "acme": (on|off)$/),
    ]);
    expect(await explain(...args)).toMatch(
      /^chat +(on|off)\nwhy +the rule acme matches, and the bucket is (not )?below its percentage\nreason +SPLIT\ndecided by +rules: acme\n/,
    );
  });

  test("past the rules to the flag's percentage", async () => {
    const way = await wayOf("chat", "--user", "u1", "--plan", "pro", "--attribute", "country=DE");
    expect(way.slice(6)).toEqual([
      "  rule acme      age is at least 18: no, it is missing",
      "                 it does not match",
      '  rule swiss     country is one of "CH", "LI": no, it is "DE"',
      "                 it does not match",
      expect.stringMatching(/^ {2}percentage {5}50 %, bucket <place> of targetingKey "u1": (on|off)$/),
    ]);
  });

  test("through a segment's condition, and what stands within $or and $not", async () => {
    const testers = { name: "testers", ids: ["u7"], condition: { email: { $endsWith: "@acme.example" } } };
    await system.call("POST", "/api/v1/segments", { body: testers });
    await system.make("beta", {
      targeting: {
        rules: [
          {
            id: "a",
            if: { $or: [{ $not: { c: null } }, { userId: { $inGroup: "testers" } }] },
            rollout_pct: 100,
          },
        ],
      },
    });
    await on("beta");
    const way = await wayOf("beta", "--user", "u1", "--attribute", "email=ann@acme.example");
    expect(way.slice(2, 7)).toEqual([
      "  rule a       c is null: yes, it is missing (within $or, $not)",
      '               segment testers: userId is one of "u7": no, it is "u1" (within $or)',
      '               segment testers: email ends with "@acme.example": yes, it is "ann@acme.example" (within $or)',
      '               userId is in the segment "testers": yes, it is "u1" (within $or)',
      "               it matches",
    ]);
  });

  test("to the draw of a variant", async () => {
    const way = await wayOf("models", "--user", "u1");
    expect(way.slice(2)).toEqual([
      "  percentage   100 %: on for everybody",
      expect.stringMatching(
        /^ {2}variant {6}bucket <place> of targetingKey "u1": (small is from 0 to 50|large is from 50 to 100)$/,
      ),
    ]);
  });

  test.each([
    {
      args: ["chat", "--user", "vip"],
      value: "on",
      because: "the user id is on the allowlist",
      last: /^ {2}allowed ids .*: yes/,
    },
    {
      args: ["chat", "--user", "lawyer"],
      value: "off",
      because: "the user id is on the blocklist",
      last: /denied ids .*: yes/,
    },
    {
      args: ["chat", "--user", "u1"],
      value: "off",
      because: "the user is on none of its plans",
      last: /plans .*missing$/,
    },
    {
      args: ["chat", "--user", "u1", "--plan", "pro", "--attribute", "country=CH"],
      value: "off",
      because: "the rule swiss matches",
      last: /^ +it matches$/,
    },
    {
      args: [
        "chat",
        "--plan",
        "pro",
        "--user",
        "u",
        "--attribute",
        "age=20",
        "--attribute",
        "company.name=acme",
      ],
      value: "(on|off)",
      because: "the bucket is (not )?below the rollout percentage",
      last: /percentage/,
    },
    {
      args: ["models"],
      value: "off",
      because: "the variant needs a user id or an anonymous id",
      last: /no variant: there is no targetingKey$/,
    },
  ])("$args: $because", async ({ args, value, because, last }) => {
    const text = await explain(...args);
    expect(text).toMatch(new RegExp(`^${args[0] ?? ""} +${value}(, \\w+)?\nwhy +${because}\n`));
    expect((await wayOf(...args)).at(-1)).toMatch(last);
  });

  test("names the attribute that a percentage needs", async () => {
    await system.make("by_company", { bucket_by: "organization" });
    await on("by_company", 50);
    const text = await explain("by_company", "--user", "u1");
    expect(text).toMatch(/^why +the percentage needs the attribute organization$/m);
    expect(text).toMatch(/^reason +ERROR \(TARGETING_KEY_MISSING\)$/m);
    expect(text).toContain("50 %, but there is no organization: off");
    expect(await explain("by_company", "--attribute", "organization=7")).toMatch(
      /^bucket +<place> of 100, by organization$/m,
    );
  });

  test("ends at a disabled, killed or broken flag and at a missing prerequisite", async () => {
    await system.make("still");
    expect(await wayOf("still")).toEqual(["  kill         not killed", "  kill switch  off"]);

    await system.make("unmet", { requires: [{ flag: "still" }, { flag: "models" }] });
    await on("unmet");
    expect((await wayOf("unmet", "--user", "u1")).at(-1)).toBe(
      "  prerequisites  still must be on: no, it is off (DISABLED)",
    );
    expect(await explain("unmet", "--user", "u1")).toMatch(/^why +a prerequisite is not met$/m);

    await system.sql(`INSERT INTO feature_flags (key, targeting) VALUES ('sql_broken', '{"plans": 1}')`);
    const broken = await explain("sql_broken");
    expect(broken).toMatch(/^reason +ERROR \(PARSE_ERROR\)$/m);
    expect(broken).toMatch(/^why +.*plans/m);
  });

  test("a flag that SQL broke is shown as broken, not as killed", async () => {
    await system.make("liked");
    await on("liked");
    await system.sql(
      `UPDATE feature_flags SET targeting = '{"rules": [{"id": "x", "if": {"a": {"$like": 1}}, "off": true}]}'
       WHERE key = 'liked'`,
    );
    expect(await wayOf("liked", "--user", "u1")).toEqual([
      "  kill    not killed",
      expect.stringMatching(/^ {2}broken {2}.*unknown operator "\$like"/),
    ]);

    for (const [key, other] of [
      ["ring_a", "ring_b"],
      ["ring_b", "ring_a"],
    ]) {
      await system.make(key ?? "");
      await system.sql("UPDATE feature_flags SET requires = $2 WHERE key = $1", [
        key,
        JSON.stringify([{ flag: other }]),
      ]);
    }
    expect(await wayOf("ring_a", "--user", "u1")).toEqual([
      "  kill    not killed",
      expect.stringMatching(/^ {2}broken {2}.*circle/),
    ]);
  });

  test("a killed flag is shown as killed, even if it is also broken", async () => {
    await system.make("killed_broken");
    await callSluice(["kill", "killed_broken"], { env: system.env });
    await system.sql(
      `UPDATE feature_flags SET enabled = true, targeting = '{"plans": 1}' WHERE key = 'killed_broken'`,
    );
    const way = await wayOf("killed_broken");
    expect(way[0]).toMatch(/^ {2}kill +(not )?killed$/);
    expect(way.length).toBe(way[0]?.includes("not") === true ? 2 : 1);
  });
});

test("the value of a variant is shown", async () => {
  const rules = [{ id: "r", if: {}, variant: "large" }];
  await system.make("valued", {
    variants: [{ key: "large", weight: 1, value: { m: [1] } }],
    targeting: { rules },
  });
  await on("valued");
  expect(await explain("valued", "--user", "u1")).toMatch(
    /^valued +on, large\nvalue +\{"m":\[1\]\}\nwhy +the rule r matches$/m,
  );
});

test("--all is a table of every flag for one user", async () => {
  const text = await explain("--all", "--user", "vip");
  expect(text).toMatch(/^FLAG +STATE +DECIDED BY +REASON$/m);
  expect(text).toMatch(/^chat +on +allowlist +the user id is on the allowlist$/m);
  expect(text).toMatch(
    /^models +on, (small|large) +rollout_pct +the bucket is below the rollout percentage$/m,
  );
  const json = await callSluice(["explain", "--all", "--user", "vip", "--json"], { env: system.env });
  const { flags } = JSON.parse(json.stdout) as { flags: { flag_key: string }[] };
  expect(flags.map((flag) => flag.flag_key)).toEqual(
    (await system.sql("SELECT key FROM feature_flags WHERE archived_at IS NULL ORDER BY key")).map(
      ({ key }) => key,
    ),
  );
});

test("--all cuts the fault of a broken flag, and --json prints the answer of the API", async () => {
  await system.make("long_fault");
  await system.sql(
    `UPDATE feature_flags SET targeting = '{"rules": [{"id": "x", "if": {"a": {"$like": 1}}, "off": true}]}'
     WHERE key = 'long_fault'`,
  );
  const line = /^long_fault.*$/m.exec(await explain("--all", "--user", "u1"))?.[0] ?? "";
  expect(line).toMatch(/unknown operator.*…$/);

  // Both answers say whether the last change is published, so it has to be before the first.
  await expect.poll(async () => (await system.call("GET", "/api/v1/status")).body.published).toBe(true);
  for (const [args, path] of [
    [["chat"], "/api/v1/flags/chat/explain"],
    [["--all"], "/api/v1/explain"],
  ] as const) {
    const run = await callSluice(["explain", ...args, "--user", "vip", "--json"], { env: system.env });
    const answer = await system.call("POST", path, { body: { context: { userId: "vip" } } });
    expect(run.stdout).toBe(`${JSON.stringify(JSON.parse(answer.text), null, 2)}\n`);
  }
});

describe("the context", () => {
  const json = async (...args: readonly string[]) => {
    const run = await callSluice(["explain", "chat", "--json", ...args], { env: system.env });
    expect(run).toMatchObject({ code: 0, stderr: "" });
    return JSON.parse(run.stdout) as {
      rule?: string;
      rule_id?: string;
      steps: { comparisons?: { actual: unknown }[] }[];
    };
  };

  test("comes from a file, and single options override it", async () => {
    const file = path.join(folder, "context.json");
    await writeFile(file, '{"userId": "u9", "plan": "pro", "country": "CH"}');
    expect(await json("--context", file)).toMatchObject({ rule: "rules", rule_id: "swiss" });
    expect(await json("--context", file, "--attribute", "country=DE")).toMatchObject({ rule: "rollout_pct" });
    expect(await json("--context", file, "--user", "vip")).toMatchObject({ rule: "allowlist" });
  });

  test("comes from standard input", async () => {
    const run = await callSluice(["explain", "chat", "--json", "--context", "-"], {
      env: system.env,
      input: '{"userId": "vip"}',
    });
    expect(JSON.parse(run.stdout)).toMatchObject({ value: true, rule: "allowlist" });
  });

  test.each([
    {
      args: ["--attribute", `bio=${"x".repeat(257)}`],
      says: /attribute "bio" is longer than 256 characters/,
    },
    {
      args: ["--context", '{"userId": 5}'],
      says: /^error: \/context\/userId \(--context\): must be a string/,
    },
    { args: ["--user", "y".repeat(257)], says: /^error: \/context\/userId "y+…": must have at most 256/ },
    {
      args: ["--context", '{"a": {"a": {"a": {"a": {"a": {"a": {"a": 1}}}}}}}'],
      says: /attribute "a" is nested deeper than 5/,
    },
  ])("that the edge would reject is rejected: $says", async ({ args, says }) => {
    const run = await callSluice(["explain", "chat", ...args], { env: system.env });
    expect(run).toMatchObject({ code: 2, stdout: "" });
    expect(run.stderr).toMatch(says);
    expect(run.stderr).not.toContain("xxx");
  });
});

test("--draft explains a change without saving it", async () => {
  const file = path.join(folder, "draft.json");
  await writeFile(file, '{"targeting": {"plans": null}, "rollout_pct": 100}');
  const before = await system.everything();
  expect(await explain("chat", "--user", "u1", "--draft", file)).toMatch(/^chat +on\n/);
  expect(await system.everything()).toBe(before);
  expect(await explain("chat", "--user", "u1", "--draft", '{"enabled": false}')).toMatch(/^chat +off\n/);
  const percent = await callSluice(["explain", "chat", "--draft", '{"rollout_pct": 101}'], {
    env: system.env,
  });
  expect(percent.stderr).toMatch(/^error: \/draft\/rollout_pct \(--draft\): /);
  await writeFile(file, '{"targeting": {"rules": [{"id": "x", "if": {"a": {"$b": 1}}, "off": true}]}}');
  const run = await callSluice(["explain", "chat", "--draft", file], { env: system.env });
  expect(run).toMatchObject({ code: 2, stdout: "" });
  expect(run.stderr).toMatch(
    /^error: \/draft\/targeting\/rules\/0\/if\/a\/\$b \(--draft of x\): unknown operator/,
  );
});
