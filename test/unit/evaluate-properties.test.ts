import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bucketU32 } from "../../shared/bucketing/bucket.ts";
import { compile } from "../../shared/compile/compile.ts";
import { withTargetingKey, type EvaluationContext } from "../../shared/flag/context.ts";
import { computeBuckets, decide, decisionOf } from "../../shared/evaluate/evaluate.ts";
import type { Decision } from "../../shared/flag/reason.ts";
import { SCHEMA } from "../../shared/snapshot/snapshot.ts";

const ID = fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 });
const KEY = fc.stringMatching(/^[a-z][a-z0-9_-]{0,63}$/);
const PERCENTAGE = fc.integer({ min: 0, max: 10_000 }).map((basisPoints) => basisPoints / 100);

const TARGETING_MEMBERS = ["allowlist", "blocklist", "plans", "employees_only", "rules"];
const FLAG_MEMBERS = [
  "key",
  "enabled",
  "rollout_pct",
  "targeting",
  "salt",
  "bucket_by",
  "variants",
  "requires",
  "fail_mode",
  "in_header",
  "client_visible",
  "gates",
  "invalid",
];

/** Any JSON. Real member names are frequent, so that the input passes the first checks. */
const anyObject = (names: readonly string[]): fc.Arbitrary<object> =>
  fc.dictionary(fc.oneof(fc.constantFrom(...names), fc.string()), fc.jsonValue({ maxDepth: 3 }), {
    maxKeys: 8,
    noNullPrototype: true,
  });

const ANY_FLAG = fc.oneof(
  fc.jsonValue(),
  anyObject(FLAG_MEMBERS),
  fc
    .record({ key: KEY, enabled: fc.constant(true), rollout_pct: PERCENTAGE })
    .chain((flag) =>
      anyObject(TARGETING_MEMBERS).map((targeting): object => Object.assign({ targeting }, flag)),
    ),
);

const ANY_CONTEXT = anyObject([
  "targetingKey",
  "userId",
  "anonymousId",
  "plan",
  "isEmployee",
  "email",
  "country",
]).map((context) => context as EvaluationContext);

async function decideAll(
  flags: readonly unknown[],
  context: EvaluationContext,
): Promise<readonly Decision[]> {
  const compiled = compile({ schema: SCHEMA, flags });
  return decide(compiled, context, await computeBuckets(compiled, context));
}

async function decideOne(flag: { readonly key: string }, context: EvaluationContext): Promise<Decision> {
  const compiled = compile({ schema: SCHEMA, flags: [flag] });
  return decisionOf(compiled, decide(compiled, context, await computeBuckets(compiled, context)), flag.key);
}

describe("any snapshot and any context", () => {
  test("every flag gets a decision, and the same one every time", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(ANY_FLAG, { maxLength: 6 }), ANY_CONTEXT, async (flags, context) => {
        const decisions = await decideAll(flags, context);
        expect(decisions).toStrictEqual(await decideAll(structuredClone(flags), structuredClone(context)));
        for (const { value, variant, reason, rule, errorCode } of decisions) {
          expect(variant).toBe(value ? "on" : "off");
          expect(errorCode !== undefined).toBe(reason === "ERROR");
          // An error is never on, and a flag that is on always names its rule.
          expect(value && (reason === "ERROR" || rule === undefined)).toBe(false);
        }
      }),
    );
  });

  test("a killed flag is off", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(ANY_FLAG, { maxLength: 6 }), ANY_CONTEXT, async (flags, context) => {
        const compiled = compile({ schema: SCHEMA, flags });
        const killed = new Set(compiled.flags.map((flag) => flag.key));
        const decisions = decide(compiled, context, await computeBuckets(compiled, context), {
          killed,
        });
        expect(decisions.filter((decision) => decision.value)).toStrictEqual([]);
      }),
    );
  });

  test("missing buckets count as missing ids, not as buckets", () => {
    const compiled = compile({ schema: SCHEMA, flags: [{ key: "a", enabled: true, rollout_pct: 99.99 }] });
    expect(decide(compiled, withTargetingKey({ userId: "user-1" }), [])).toMatchObject([
      { value: false, errorCode: "TARGETING_KEY_MISSING" },
    ]);
  });
});

describe("an unknown member never widens exposure", () => {
  const wideOpen = { key: "ai_search", enabled: true, rollout_pct: 100 };
  const employee = withTargetingKey({ userId: "user-1", isEmployee: true, plan: "pro" });
  const unknown = (known: readonly string[]): fc.Arbitrary<string> =>
    fc
      .oneof(fc.string(), fc.constantFrom("__proto__", "constructor", "toString", "Allowlist", "Rules"))
      .filter((name) => !known.includes(name));
  // Parsed from JSON, where "__proto__" is an own member.
  const withMember = (name: string, value: unknown, beside: object): unknown =>
    JSON.parse(
      `{${[...Object.entries(beside), [name, value]]
        .map(([member, content]) => `${JSON.stringify(member)}:${JSON.stringify(content)}`)
        .join(",")}}`,
    );

  test("of the flag", async () => {
    await fc.assert(
      fc.asyncProperty(unknown(FLAG_MEMBERS), fc.jsonValue(), async (name, value) => {
        const flag = withMember(name, value, wideOpen) as typeof wideOpen;
        expect(await decideOne(flag, employee)).toMatchObject({
          value: false,
          reason: "ERROR",
          errorCode: "PARSE_ERROR",
        });
      }),
    );
  });

  test("of its targeting", async () => {
    const targetings = fc.constantFrom({}, { allowlist: ["user-1"] }, { employees_only: true });
    await fc.assert(
      fc.asyncProperty(
        unknown(TARGETING_MEMBERS),
        fc.jsonValue(),
        targetings,
        async (name, value, targeting) => {
          const flag = { ...wideOpen, targeting: withMember(name, value, targeting) };
          expect(await decideOne(flag, employee)).toMatchObject({
            value: false,
            reason: "ERROR",
            errorCode: "PARSE_ERROR",
          });
        },
      ),
    );
  });
});

describe("a user's bucket never changes", () => {
  const IDS = fc.uniqueArray(ID, { minLength: 2, maxLength: 30 });

  async function idsWithin(ids: readonly string[], salt: string, rollout_pct: number): Promise<string[]> {
    const within: string[] = [];
    for (const userId of ids) {
      const flag = { key: "ai_search", enabled: true, rollout_pct, salt };
      if ((await decideOne(flag, withTargetingKey({ userId }))).value) within.push(userId);
    }
    return within;
  }

  test("raising the percentage only adds users", async () => {
    await fc.assert(
      fc.asyncProperty(IDS, KEY, PERCENTAGE, PERCENTAGE, async (ids, salt, one, other) => {
        const before = await idsWithin(ids, salt, Math.min(one, other));
        const after = await idsWithin(ids, salt, Math.max(one, other));
        expect(after).toEqual(expect.arrayContaining(before));
      }),
    );
  });

  test("lowering the percentage first removes the users who were added last", async () => {
    await fc.assert(
      fc.asyncProperty(IDS, KEY, PERCENTAGE, PERCENTAGE, async (ids, salt, one, other) => {
        const before = await idsWithin(ids, salt, Math.max(one, other));
        const after = await idsWithin(ids, salt, Math.min(one, other));
        const kept = await Promise.all(after.map((id) => bucketU32(salt, id)));
        const dropped = await Promise.all(
          before.filter((id) => !after.includes(id)).map((id) => bucketU32(salt, id)),
        );
        expect(Math.max(-1, ...kept)).toBeLessThan(Math.min(2 ** 32, ...dropped));
      }),
    );
  });

  test("it depends on nothing but salt and id, not even on other flags", async () => {
    await fc.assert(
      fc.asyncProperty(ID, KEY, PERCENTAGE, ANY_CONTEXT, async (userId, key, rollout_pct, attributes) => {
        const flag = { key, enabled: true, rollout_pct };
        const alone = await decideOne(flag, withTargetingKey({ userId }));
        expect(await decideOne(flag, withTargetingKey({ ...attributes, userId }))).toStrictEqual(alone);
        const others = ["a", "m", "z"].filter((other) => other !== key);
        const compiled = compile({
          schema: SCHEMA,
          flags: [...others.map((other) => ({ key: other, enabled: true, rollout_pct: 50 })), flag],
        });
        const context = withTargetingKey({ userId });
        const decisions = decide(compiled, context, await computeBuckets(compiled, context));
        expect(decisionOf(compiled, decisions, key)).toStrictEqual(alone);
      }),
    );
  });
});
