import { describe, expect, test } from "vitest";
import { compile, type Compiled } from "../../shared/compile/compile.ts";
import type { Comparison } from "../../shared/condition/comparison.ts";
import { withTargetingKey, type EvaluationContext } from "../../shared/flag/context.ts";
import { explain, explainAll } from "../../shared/evaluate/explain.ts";
import { SCHEMA } from "../../shared/snapshot/snapshot.ts";

const compiled: Compiled = compile({
  schema: SCHEMA,
  segments: [{ name: "pilots", ids: ["acme"] }],
  flags: [
    {
      key: "ai_search",
      enabled: true,
      rollout_pct: 50,
      targeting: {
        allowlist: ["beta-1"],
        plans: ["pro", "enterprise"],
        rules: [
          { id: "embargo", if: { country: { $in: ["XA", "XB"] } }, off: true },
          {
            id: "pilots",
            if: { $or: [{ organization: { $inGroup: "pilots" } }, { seats: { $gte: 50, $lt: 100 } }] },
            rollout_pct: 75.5,
            bucket_by: "organization",
          },
        ],
      },
    },
    {
      key: "copilot",
      enabled: true,
      rollout_pct: 60,
      salt: "copilot",
      variants: [
        { key: "small", ranges: [[0, 5_000]] },
        { key: "large", ranges: [[5_000, 10_000]], value: { model: "large-3" } },
      ],
    },
    { key: "chat", enabled: true, rollout_pct: 100, requires: [{ flag: "copilot", variant: "large" }] },
    { key: "voice", enabled: false, rollout_pct: 100, fail_mode: "last-known" },
    { key: "broken", enabled: true, rollout_pct: 100, targeting: { regions: ["eu"] } },
  ],
});

/** The comparisons of a flag's only rule. */
async function comparisonsOf(
  condition: object,
  context: EvaluationContext,
  segments: readonly object[] = [],
): Promise<readonly Comparison[]> {
  const targeting = { rules: [{ id: "a", if: condition, off: true }] };
  const flags = [{ key: "f", enabled: true, rollout_pct: 0, targeting }];
  const { steps } = await explain(compile({ schema: SCHEMA, segments, flags }), "f", context);
  return steps.find(({ step }) => step === "rules")?.comparisons ?? [];
}

describe("explain", () => {
  test("a rule that matches: the comparisons before it, without those that were not needed", async () => {
    const context = withTargetingKey({ userId: "user-1", plan: "pro", organization: "acme", seats: 5 });
    expect(await explain(compiled, "ai_search", context)).toStrictEqual({
      key: "ai_search",
      decision: {
        value: true,
        variant: "on",
        reason: "SPLIT",
        rule: "rules",
        ruleId: "pilots",
      },
      steps: [
        { step: "off" },
        { step: "enabled" },
        {
          step: "allowlist",
          comparisons: [
            { attribute: "userId", operator: "$in", expected: ["beta-1"], actual: "user-1", matched: false },
          ],
        },
        {
          step: "plans",
          comparisons: [
            {
              attribute: "plan",
              operator: "$in",
              expected: ["pro", "enterprise"],
              actual: "pro",
              matched: true,
            },
          ],
        },
        {
          step: "rules",
          ruleId: "embargo",
          comparisons: [
            { attribute: "country", operator: "$in", expected: ["XA", "XB"], actual: null, matched: false },
          ],
          matched: false,
        },
        {
          step: "rules",
          ruleId: "pilots",
          comparisons: [
            {
              attribute: "organization",
              operator: "$in",
              expected: ["acme"],
              actual: "acme",
              matched: true,
              within: ["$or"],
              segment: "pilots",
            },
            {
              attribute: "organization",
              operator: "$inGroup",
              expected: "pilots",
              actual: "acme",
              matched: true,
              within: ["$or"],
            },
          ],
          matched: true,
          // As in docs/bucketing.md: the first 32 bits of SHA-256 of "ai_search::acme".
          share: { bucketBy: "organization", id: "acme", bucket: expect.closeTo(62.89, 2), rolloutPct: 75.5 },
        },
      ],
      bucketing: {
        bucketBy: "targetingKey",
        salt: "ai_search",
        id: "user-1",
        bucket: expect.closeTo(71.16, 2),
      },
    });
  });

  test("an empty context: every comparison, and a missing bucket", async () => {
    const { decision, steps, bucketing } = await explain(compiled, "ai_search", {
      plan: "enterprise",
      seats: 100,
    });
    expect(decision).toMatchObject({ value: false, reason: "ERROR", errorCode: "TARGETING_KEY_MISSING" });
    expect(steps.slice(-2)).toStrictEqual([
      {
        step: "rules",
        ruleId: "pilots",
        comparisons: [
          {
            attribute: "organization",
            operator: "$in",
            expected: ["acme"],
            actual: null,
            matched: false,
            within: ["$or"],
            segment: "pilots",
          },
          {
            attribute: "organization",
            operator: "$inGroup",
            expected: "pilots",
            actual: null,
            matched: false,
            within: ["$or"],
          },
          { attribute: "seats", operator: "$gte", expected: 50, actual: 100, matched: true, within: ["$or"] },
          {
            attribute: "seats",
            operator: "$lt",
            expected: 100,
            actual: 100,
            matched: false,
            within: ["$or"],
          },
        ],
        matched: false,
      },
      { step: "rollout_pct", share: { bucketBy: "targetingKey", rolloutPct: 50 } },
    ]);
    expect(bucketing).toStrictEqual({ bucketBy: "targetingKey", salt: "ai_search" });
  });

  test("a segment: whether its list or its condition matched, and the comparisons", async () => {
    const segments = [
      { name: "testers", ids: ["u1"], condition: { email: { $endsWith: "@acme.example" }, c: null } },
      { name: "listed", ids: ["u1"] },
      { name: "companies", condition: { $or: [{ organization: "acme" }, { seats: { $gte: 50 } }] } },
      { name: "nobody" },
    ];
    const way = (asked: object, context: EvaluationContext) => comparisonsOf(asked, context, segments);
    const rule = { userId: { $inGroup: "testers" } };
    const group = { attribute: "userId", operator: "$inGroup", expected: "testers" };
    const list = { attribute: "userId", operator: "$in", expected: ["u1"], segment: "testers" };
    expect(await way(rule, { userId: "u1" })).toStrictEqual([
      { ...list, actual: "u1", matched: true },
      { ...group, actual: "u1", matched: true },
    ]);
    expect(await way(rule, { userId: "u2", email: "ann@acme.example" })).toStrictEqual([
      { ...list, actual: "u2", matched: false },
      {
        attribute: "email",
        operator: "$endsWith",
        expected: "@acme.example",
        actual: "ann@acme.example",
        matched: true,
        segment: "testers",
      },
      { attribute: "c", operator: "$eq", expected: null, actual: null, matched: true, segment: "testers" },
      { ...group, actual: "u2", matched: true },
    ]);
    expect(await way({ $not: { userId: { $notInGroup: "companies" } } }, { seats: 50 })).toStrictEqual([
      {
        attribute: "organization",
        operator: "$eq",
        expected: "acme",
        actual: null,
        matched: false,
        within: ["$not", "$or"],
        segment: "companies",
      },
      {
        attribute: "seats",
        operator: "$gte",
        expected: 50,
        actual: 50,
        matched: true,
        within: ["$not", "$or"],
        segment: "companies",
      },
      {
        attribute: "userId",
        operator: "$notInGroup",
        expected: "companies",
        actual: null,
        matched: false,
        within: ["$not"],
      },
    ]);
    expect(await way({ "teams.0": { $inGroup: "listed" } }, { teams: [["u2", "u1"]] })).toMatchObject([
      { attribute: "teams.0", operator: "$in", actual: ["u2", "u1"], matched: true, segment: "listed" },
      { attribute: "teams.0", operator: "$inGroup", matched: true },
    ]);
    expect(await way({ userId: { $inGroup: "nobody" } }, { userId: "u1" })).toMatchObject([
      { operator: "$inGroup", matched: false },
    ]);
  });

  test.each([
    { asked: { c: null }, expected: [["c", "$eq"]] },
    {
      asked: { $and: [{ c: null }, { d: null }] },
      expected: [
        ["c", "$eq"],
        ["d", "$eq"],
      ],
    },
    { asked: { $not: { c: 1 } }, expected: [["c", "$eq", "$not"]] },
    {
      asked: { $nor: [{ c: 1 }, { d: 1 }] },
      expected: [
        ["c", "$eq", "$nor"],
        ["d", "$eq", "$nor"],
      ],
    },
    {
      asked: { $or: [{ $not: { c: null } }, { d: null }] },
      expected: [
        ["c", "$eq", "$or", "$not"],
        ["d", "$eq", "$or"],
      ],
    },
    {
      asked: { n: { $not: { $gt: 9 } } },
      expected: [
        ["n", "$gt", "$not"],
        ["n", "$not"],
      ],
    },
    {
      asked: { list: { $size: { $gte: 2, $lt: 3 } } },
      expected: [
        ["list", "$gte", "$size"],
        ["list", "$lt", "$size"],
        ["list", "$size"],
      ],
    },
    {
      asked: { n: { $gte: 5, $lt: 6 } },
      expected: [
        ["n", "$gte"],
        ["n", "$lt"],
      ],
    },
    {
      asked: { n: { $lt: 6, $gte: 5 } },
      expected: [
        ["n", "$lt"],
        ["n", "$gte"],
      ],
    },
  ])("the operators around comparisons, in order: $asked", async ({ asked, expected }) => {
    const found = await comparisonsOf(asked, { n: 5, list: ["a", "b"] });
    expect(found.map(({ attribute, operator, within = [] }) => [attribute, operator, ...within])).toEqual(
      expected,
    );
    for (const { operator, matched } of found)
      if (operator !== "$eq") expect(matched).toBe(operator !== "$gt");
  });

  test("comparisons of huge segments are recorded up to a limit", async () => {
    const many = Object.fromEntries(Array.from({ length: 400 }, (_, at) => [`a${at}`, null]));
    const asked = { $and: Array.from({ length: 20 }, () => ({ userId: { $inGroup: "many" } })) };
    const found = await comparisonsOf(asked, { userId: "u1" }, [{ name: "many", condition: many }]);
    expect(found).toHaveLength(1_000);
  });

  test("a variant: the bucket of the percentage, and the other bucket that assigns the variant", async () => {
    const { decision, steps } = await explain(compiled, "copilot", withTargetingKey({ userId: "user-1" }));
    expect(decision).toMatchObject({
      variant: "large",
      variantValue: { model: "large-3" },
      rule: "rollout_pct",
    });
    expect(steps.slice(-2)).toStrictEqual([
      {
        step: "rollout_pct",
        share: { bucketBy: "targetingKey", id: "user-1", bucket: expect.closeTo(55.84, 2), rolloutPct: 60 },
      },
      {
        step: "variants",
        variant: {
          bucketBy: "targetingKey",
          id: "user-1",
          bucket: expect.closeTo(77.64, 2),
          variant: "large",
          range: [50, 100],
        },
      },
    ]);
  });

  test("a prerequisite: its own decision", async () => {
    const { decision, steps } = await explain(compiled, "chat", withTargetingKey({ userId: "user-3" }));
    expect(decision).toMatchObject({ value: false, rule: "requires" });
    expect(steps.at(-1)).toMatchObject({
      step: "requires",
      requirements: [
        {
          flag: "copilot",
          variant: "large",
          met: false,
          decision: { value: true, variant: "small", rule: "rollout_pct" },
        },
      ],
    });
  });

  test("killed, stale, disabled: the deciding step is the last one", async () => {
    const context = withTargetingKey({ userId: "user-1" });
    const stepsOf = async (key: string, circumstances: object): Promise<readonly string[]> =>
      (await explain(compiled, key, context, circumstances)).steps.map(({ step }) => step);
    expect(await stepsOf("voice", { killed: new Set(["voice"]) })).toStrictEqual(["off"]);
    expect(await stepsOf("voice", { stale: true })).toStrictEqual(["off", "fail_mode", "enabled"]);
    expect(await stepsOf("copilot", { stale: true })).toStrictEqual(["off", "fail_mode"]);
    expect(await stepsOf("voice", {})).toStrictEqual(["off", "enabled"]);
  });

  test("a test override: whether the flag has the variant, and the variant that is assigned", async () => {
    const context = withTargetingKey({ userId: "user-3" });
    const wayOf = async (key: string, forced: Record<string, string>) => {
      const overrides = new Map(Object.entries(forced));
      const { decision, steps } = await explain(compiled, key, context, { overrides });
      return { decision, steps: steps.slice(2) };
    };
    expect(await wayOf("ai_search", { ai_search: "off" })).toMatchObject({
      decision: { value: false, rule: "override" },
      steps: [{ step: "override", matched: true }],
    });
    expect(await wayOf("copilot", { copilot: "on" })).toMatchObject({
      decision: { value: true, variant: "small", rule: "override" },
      steps: [
        { step: "override", matched: true },
        { step: "variants", variant: { variant: "small" } },
      ],
    });
    expect(await wayOf("copilot", { copilot: "huge" })).toMatchObject({
      decision: { rule: "rollout_pct" },
      steps: [{ step: "override", matched: false }, { step: "rollout_pct" }, { step: "variants" }],
    });
    // An override of a prerequisite does not turn on a flag that it does not name: the decision without it counts.
    expect(await wayOf("chat", { copilot: "large" })).toMatchObject({
      decision: { value: false, rule: "requires" },
      steps: [{ step: "requires", requirements: [{ met: false, decision: { variant: "small" } }] }],
    });
  });

  test("an invalid flag: why, and no bucket, because its bucket_by is unknown", async () => {
    expect(await explain(compiled, "broken", withTargetingKey({ userId: "user-1" }))).toStrictEqual({
      key: "broken",
      decision: { value: false, variant: "off", reason: "ERROR", errorCode: "PARSE_ERROR" },
      steps: [{ step: "off" }],
      fault: { path: ["targeting", "regions"], detail: 'unknown member "regions"' },
    });
  });

  test("a missing flag", async () => {
    for (const key of ["nothing", "constructor", "__proto__", ""]) {
      expect(await explain(compiled, key, {})).toStrictEqual({
        key,
        decision: { value: false, variant: "off", reason: "ERROR", errorCode: "FLAG_NOT_FOUND" },
        steps: [],
      });
    }
  });

  test("all flags at once, by key", async () => {
    const context = withTargetingKey({ userId: "user-1", plan: "pro" });
    const all = await explainAll(compiled, context);
    expect(all.map(({ key }) => key)).toStrictEqual(["ai_search", "broken", "chat", "copilot", "voice"]);
    for (const explanation of all)
      expect(await explain(compiled, explanation.key, context)).toEqual(explanation);
  });

  test("long and deep values are cut, because an explanation is for people", async () => {
    const items = Array.from({ length: 5_000 }, (_, at) => `id-${at}`);
    const flags = [
      {
        key: "long",
        enabled: true,
        rollout_pct: 0,
        targeting: {
          allowlist: items,
          rules: [{ id: "a", if: { a: { $in: items }, b: { $exists: true } }, off: true }],
        },
      },
    ];
    const context = withTargetingKey({ userId: "user-1", a: items, b: { c: { d: { e: { f: [1] } } } } });
    const { steps } = await explain(compile({ schema: SCHEMA, flags }), "long", context);
    const cut = [...items.slice(0, 10), "… 4990 more"];
    expect(steps.flatMap(({ comparisons = [] }) => comparisons)).toStrictEqual([
      { attribute: "userId", operator: "$in", expected: cut, actual: "user-1", matched: false },
      { attribute: "a", operator: "$in", expected: cut, actual: cut, matched: true },
      {
        attribute: "b",
        operator: "$exists",
        expected: true,
        actual: { c: { d: { e: { f: "…" } } } },
        matched: true,
      },
    ]);
    const text = await explain(compile({ schema: SCHEMA, flags }), "long", { userId: "x".repeat(500) });
    expect(text.steps[2]?.comparisons?.[0]?.actual).toBe(`${"x".repeat(120)}…`);
  });
});
