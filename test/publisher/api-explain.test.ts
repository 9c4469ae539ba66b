import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { bucketU32, toBucket } from "../../shared/bucketing/bucket.ts";
import { redisKey, startApiSystem, type ApiSystem } from "../support/api-system.ts";

let system: ApiSystem;

beforeAll(async () => {
  system = await startApiSystem();
  await system.call("POST", "/api/v1/flags", { body: { key: "ai_search" } });
});
afterAll(() => system.stop());

/** Sets the state of the flag, from any state before. */
async function put(state: { enabled?: boolean; rollout_pct?: number; targeting?: object }): Promise<void> {
  const { enabled = true, rollout_pct = 0, targeting = {} } = state;
  await system.call("PATCH", "/api/v1/flags/ai_search", { body: { targeting: null }, ifMatch: "*" });
  await system.call("PATCH", "/api/v1/flags/ai_search", { body: { targeting }, ifMatch: "*" });
  await system.call("PATCH", "/api/v1/flags/ai_search/rollout", { body: { rollout_pct }, ifMatch: "*" });
  await system.call("PATCH", "/api/v1/flags/ai_search/toggle", { body: { enabled }, ifMatch: "*" });
}
const explain = (context: object) =>
  system.call("POST", "/api/v1/flags/ai_search/explain", { body: { context } });
const bucketOf = async (id: string): Promise<number> => toBucket(await bucketU32("ai_search", id));

beforeEach(async () => {
  await system.call("POST", "/api/v1/flags/ai_search/restore");
});

test.for([
  ["disabled", { enabled: false, rollout_pct: 100 }, { userId: "u" }, false, "DISABLED", "enabled"],
  ["allowed", { targeting: { allowlist: ["u"] } }, { userId: "u" }, true, "TARGETING_MATCH", "allowlist"],
  [
    "blocked",
    { rollout_pct: 100, targeting: { blocklist: ["u"] } },
    { userId: "u" },
    false,
    "TARGETING_MATCH",
    "blocklist",
  ],
  [
    "on another plan",
    { rollout_pct: 100, targeting: { plans: ["pro"] } },
    { userId: "u", plan: "free" },
    false,
    "TARGETING_MATCH",
    "plans",
  ],
  [
    "on no plan",
    { rollout_pct: 100, targeting: { plans: ["pro"] } },
    { userId: "u", plan: "" },
    false,
    "TARGETING_MATCH",
    "plans",
  ],
  [
    "an employee",
    { targeting: { employees_only: true } },
    { isEmployee: true },
    true,
    "TARGETING_MATCH",
    "employees_only",
  ],
  [
    "no employee",
    { rollout_pct: 100, targeting: { employees_only: true } },
    { isEmployee: null },
    false,
    "TARGETING_MATCH",
    "employees_only",
  ],
  ["at 0 %", {}, { userId: "u" }, false, "DEFAULT", "rollout_pct"],
  ["at 100 %", { rollout_pct: 100 }, {}, true, "STATIC", "rollout_pct"],
] as const)("%s", async ([, state, context, value, reason, rule]) => {
  await put(state);
  const { status, body } = await explain(context);
  expect(status).toBe(200);
  expect(body).toMatchObject({
    flag_key: "ai_search",
    value,
    variant: value ? "on" : "off",
    reason,
    rule,
    killed_at_edge: false,
    published: true,
    rollout_pct: "rollout_pct" in state ? state.rollout_pct : 0,
  });
  expect("error_code" in body).toBe(false);
});

test("below and above the percentage, with the bucket that decides", async () => {
  await put({ rollout_pct: 37.5 });
  for (let n = 0; n < 20; n++) {
    const { body } = await explain({ userId: `user-${n}` });
    const bucket = await bucketOf(`user-${n}`);
    expect(body).toMatchObject({ bucket, value: bucket < 37.5, reason: "SPLIT", rule: "rollout_pct" });
  }
});

test("the anonymous id is bucketed when there is no user id, and is never on a list", async () => {
  await put({ rollout_pct: 50, targeting: { allowlist: ["a"] } });
  const anonymous = await explain({ anonymousId: "a" });
  expect(anonymous.body).toMatchObject({ bucket: await bucketOf("a"), reason: "SPLIT" });
  const both = await explain({ anonymousId: "b", userId: "a", targetingKey: "a" });
  expect(both.body).toMatchObject({ bucket: await bucketOf("a"), rule: "allowlist" });
});

test("without an id there is no bucket, and a percentage keeps the flag off", async () => {
  await put({ rollout_pct: 50 });
  for (const context of [{}, { userId: "" }, { userId: null, anonymousId: "" }]) {
    const { body } = await explain(context);
    expect(body).toMatchObject({ value: false, reason: "ERROR", error_code: "TARGETING_KEY_MISSING" });
    expect("bucket" in body).toBe(false);
  }
});

test("a kill that Postgres has not recorded is shown", async () => {
  await put({ rollout_pct: 100 });
  const { body } = await explain({ userId: "u" });
  const later = JSON.stringify({ ai_search: [body.epoch, body.revision + 5] });
  await system.redisCommand("SET", redisKey("off"), later);
  expect((await explain({ userId: "u" })).body).toMatchObject({
    value: false,
    reason: "DISABLED",
    rule: "off",
    killed_at_edge: true,
    bucket: await bucketOf("u"),
  });
  await system.redisCommand("SET", redisKey("off"), "{}");
});

test("an archived flag is off", async () => {
  await put({ rollout_pct: 100 });
  await system.call("POST", "/api/v1/flags/ai_search/archive");
  expect((await explain({ userId: "u" })).body).toMatchObject({
    value: false,
    reason: "DISABLED",
    rule: "enabled",
  });
});

test("explaining changes nothing", async () => {
  const before = await system.sql("select revision from publication");
  await explain({ userId: "u" });
  expect(await system.sql("select revision from publication")).toEqual(before);
});

describe("every step", () => {
  const VARIANTS = [
    { key: "small", weight: 50 },
    { key: "large", weight: 50, value: { model: "large-2" } },
  ];
  const RULES = [
    {
      id: "staff",
      description: "Colleagues",
      if: { email: { $endsWith: "@example.com" } },
      variant: "large",
    },
    { id: "companies", if: { organization: { $in: ["acme"] } }, rollout_pct: 50, bucket_by: "organization" },
  ];
  beforeAll(async () => {
    await system.call("POST", "/api/v1/flags", {
      body: { key: "steps", variants: VARIANTS, targeting: { rules: RULES }, salt: "drawn-2" },
    });
    await system.call("PATCH", "/api/v1/flags/steps/toggle", { body: { enabled: true }, ifMatch: "*" });
  });
  const explainSteps = async (context: object, draft?: object) =>
    (await system.call("POST", "/api/v1/flags/steps/explain", { body: { context, draft } })).body;

  test.for([
    ["/flags/steps/explain", { context: {}, draft: 5 }, "/draft"],
    ["/flags/steps/explain", [], ""],
    ["/explain", '"x"', ""],
    ["/flags", [], ""],
    ["/segments", '"x"', ""],
    ["/flags", { key: "a", targeting: [] }, "/targeting"],
  ] as const)("POST %s with %j is refused with a pointer", async ([path, body, pointer]) => {
    const answer = await system.call("POST", `/api/v1${path}`, { body });
    expect(answer.body.errors).toEqual([{ pointer, detail: "must be a JSON object" }]);
  });

  test("a rule with a variant", async () => {
    const email = "ada@example.com";
    expect(await explainSteps({ userId: "u", email })).toMatchObject({
      value: true,
      variant: "large",
      variant_value: { model: "large-2" },
      reason: "TARGETING_MATCH",
      rule: "rules",
      rule_id: "staff",
      salt: "drawn-2",
      bucket_by: "targetingKey",
      bucket: toBucket(await bucketU32("drawn-2", "u")),
      steps: [
        { step: "off" },
        { step: "enabled" },
        {
          step: "rules",
          rule_id: "staff",
          matched: true,
          comparisons: [
            {
              attribute: "email",
              operator: "$endsWith",
              expected: "@example.com",
              actual: email,
              matched: true,
            },
          ],
        },
      ],
    });
  });

  test("a segment, and comparisons inside an operator", async () => {
    const condition = { email: { $endsWith: "@acme.example" } };
    await system.call("POST", "/api/v1/segments", { body: { name: "acme", condition } });
    const rules = [{ id: "a", if: { $not: { userId: { $inGroup: "acme" } } }, off: true }];
    const body = await explainSteps({ userId: "u" }, { targeting: { rules } });
    expect((body["steps"] as readonly object[])[2]).toMatchObject({
      comparisons: [
        { attribute: "email", matched: false, within: ["$not"], segment: "acme" },
        { attribute: "userId", operator: "$inGroup", matched: false, within: ["$not"] },
      ],
    });
  });

  test("a rule's own percentage, and the variant by its own bucket", async () => {
    const body = await explainSteps({ userId: "u", organization: "acme" });
    const bucket = toBucket(await bucketU32("drawn-2", "acme"));
    const place = toBucket(await bucketU32("drawn-2:v", "u"));
    const share = { bucket_by: "organization", id: "acme", bucket, rollout_pct: 50 };
    const steps = body["steps"] as readonly object[];
    expect(steps.slice(2, 4)).toEqual([
      {
        step: "rules",
        rule_id: "staff",
        matched: false,
        comparisons: [
          {
            attribute: "email",
            operator: "$endsWith",
            expected: "@example.com",
            actual: null,
            matched: false,
          },
        ],
      },
      expect.objectContaining({ step: "rules", rule_id: "companies", matched: true, share }),
    ]);
    expect(body).toMatchObject({ value: bucket < 50, rule_id: "companies" });
    const all = await explainSteps({ userId: "u" }, { rollout_pct: 100 });
    expect((all["steps"] as readonly object[]).at(-1)).toEqual({
      step: "variants",
      draw: {
        bucket_by: "targetingKey",
        id: "u",
        bucket: place,
        variant: place < 50 ? "small" : "large",
        range: place < 50 ? [0, 50] : [50, 100],
      },
    });
  });

  test("a draft is explained as if it were saved, and is not saved", async () => {
    const context = { userId: "u" };
    expect(await explainSteps(context)).toMatchObject({ value: false, rule: "rollout_pct" });
    expect(await explainSteps(context, { rollout_pct: 100 })).toMatchObject({
      value: true,
      rollout_pct: 100,
    });
    expect(await explainSteps(context, { enabled: false })).toMatchObject({ rule: "enabled" });
    const draft = { targeting: { rules: null, allowlist: ["u"] }, variants: null };
    expect(await explainSteps(context, draft)).toMatchObject({
      value: true,
      variant: "on",
      rule: "allowlist",
    });
    expect(await explainSteps(context)).toMatchObject({ value: false, rule: "rollout_pct" });
  });

  test.for([
    [{ rollout_pct: 101 }, "/draft/rollout_pct"],
    [{ key: "x" }, "/draft/key"],
    [
      { targeting: { rules: [{ id: "r", if: { a: { $is: 1 } }, off: true }] } },
      "/draft/targeting/rules/0/if/a/$is",
    ],
    [{ variants: [{ key: "a" }] }, "/draft/variants/0/weight"],
    [{ requires: [{ flag: "nobody" }] }, "/draft/requires/0/flag"],
    [{ requires: [{ flag: "steps" }] }, "/draft/requires/0/flag"],
  ] as const)("a draft that cannot be saved is refused: %o", async ([draft, pointer]) => {
    const answer = await system.call("POST", "/api/v1/flags/steps/explain", { body: { context: {}, draft } });
    expect([answer.status, answer.body.errors?.[0]?.pointer]).toEqual([422, pointer]);
  });

  test("a custom attribute, at every depth that is allowed", async () => {
    const rules = [{ id: "r", if: { "device.os.version": { $vgte: "17.2" } }, rollout_pct: 100 }];
    const draft = { targeting: { rules }, variants: null };
    const context = { userId: "u", device: { os: { version: "17.10" } } };
    expect(await explainSteps(context, draft)).toMatchObject({ value: true, rule_id: "r" });
  });
});

test("all flags for one context: each explanation equals the flag's own", async () => {
  const context = { userId: "u", organization: "acme" };
  const all = await system.call("POST", "/api/v1/explain", { body: { context } });
  expect(all.status).toBe(200);
  const flags = all.body["flags"] as readonly { readonly flag_key: string }[];
  expect(flags.map(({ flag_key }) => flag_key)).toEqual(["ai_search", "steps"]);
  for (const flag of flags) {
    const { body } = await system.call("POST", `/api/v1/flags/${flag.flag_key}/explain`, {
      body: { context },
    });
    expect(body).toEqual({ ...flag, epoch: body.epoch, revision: body.revision, published: true });
  }
  expect((await system.call("POST", "/api/v1/explain", { body: {} })).body.errors?.[0]?.pointer).toBe(
    "/context",
  );
});
