import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { bucketU32, toBucket } from "../../shared/bucket.ts";
import { redisKey, startApiSystem, type ApiSystem } from "../support/api-system.ts";

let system: ApiSystem;

beforeAll(async () => {
  system = await startApiSystem();
  await system.call("POST", "/api/v1/flags", { body: { key: "ai_search" } });
});
afterAll(() => system.stop());

/** Puts the flag into a state, whatever it was in before. */
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

test("within and beyond the percentage, with the place that decides", async () => {
  await put({ rollout_pct: 37.5 });
  for (let n = 0; n < 20; n++) {
    const { body } = await explain({ userId: `user-${n}` });
    const bucket = await bucketOf(`user-${n}`);
    expect(body).toMatchObject({ bucket, value: bucket < 37.5, reason: "SPLIT", rule: "rollout_pct" });
  }
});

test("the anonymous id counts where there is no user id, and is on no list", async () => {
  await put({ rollout_pct: 50, targeting: { allowlist: ["a"] } });
  const anonymous = await explain({ anonymousId: "a" });
  expect(anonymous.body).toMatchObject({ bucket: await bucketOf("a"), reason: "SPLIT" });
  const both = await explain({ anonymousId: "b", userId: "a", targetingKey: "a" });
  expect(both.body).toMatchObject({ bucket: await bucketOf("a"), rule: "allowlist" });
});

test("without an id there is no place, and nobody is let in by chance", async () => {
  await put({ rollout_pct: 50 });
  for (const context of [{}, { userId: "" }, { userId: null, anonymousId: "" }]) {
    const { body } = await explain(context);
    expect(body).toMatchObject({ value: false, reason: "ERROR", error_code: "TARGETING_KEY_MISSING" });
    expect("bucket" in body).toBe(false);
  }
});

test("a kill that Postgres does not know of yet", async () => {
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
