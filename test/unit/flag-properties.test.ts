import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { allocateVariants } from "../../shared/bucketing/allocate-variants.ts";
import { bucketU32, isWithin } from "../../shared/bucketing/bucket.ts";
import { compile, type Compiled } from "../../shared/compile/compile.ts";
import type { EvaluationContext } from "../../shared/flag/context.ts";
import { computeBuckets, decide, decisionOf, type Circumstances } from "../../shared/evaluate/evaluate.ts";
import { explain, explainAll } from "../../shared/evaluate/explain.ts";
import type { SnapshotFlag } from "../../shared/flag/flag.ts";
import type { Decision } from "../../shared/flag/reason.ts";
import { SCHEMA } from "../../shared/snapshot/snapshot.ts";
import {
  CIRCUMSTANCES,
  CONTEXT,
  FLAGS,
  PERCENTAGE,
  SEGMENT_LIST,
  WEIGHTS,
} from "../support/flag-arbitraries.ts";
import { isFull, runs } from "../support/thoroughness.ts";

const SEED = 20_260_701;
/** The number of snapshots. With one to five flags each, that makes well over 10,000 flags with contexts. */
const RUNS = 4_000;

const compiledOf = (flags: readonly unknown[]): Compiled =>
  compile({ schema: SCHEMA, flags, segments: SEGMENT_LIST });

async function decideAll(
  flags: readonly unknown[],
  context: EvaluationContext,
  circumstances?: Circumstances,
): Promise<ReadonlyMap<string, Decision>> {
  const compiled = compiledOf(flags);
  const decisions = decide(compiled, context, await computeBuckets(compiled, context), circumstances);
  return new Map(compiled.flags.map(({ key }) => [key, decisionOf(compiled, decisions, key)]));
}

/** A deep copy, made by JSON, where "__proto__" is an own member. */
const copyOf = <Value>(value: Value): Value => JSON.parse(JSON.stringify(value)) as Value;

describe(`snapshots of every kind of flag, and contexts, seed ${SEED}`, () => {
  test("every decision is repeatable, and its explanation agrees", async () => {
    const seen = new Map<string, number>();
    let decided = 0;
    await fc.assert(
      fc.asyncProperty(FLAGS, CONTEXT, CIRCUMSTANCES, async (flags, context, circumstances) => {
        const decisions = await decideAll(flags, context, circumstances);
        expect(await decideAll(copyOf(flags).toReversed(), context, circumstances)).toEqual(decisions);

        const compiled = compiledOf(flags);
        expect(compiled.flags.filter(({ fault }) => fault !== undefined)).toStrictEqual([]);
        const explanations = await explainAll(compiled, context, circumstances);
        expect(explanations.map(({ key, decision }) => [key, decision])).toStrictEqual([...decisions]);
        for (const { decision, steps } of explanations) {
          decided += 1;
          seen.set(
            `${decision.rule} ${decision.reason}`,
            (seen.get(`${decision.rule} ${decision.reason}`) ?? 0) + 1,
          );
          // The decision names the last step.
          expect(steps.findLast(({ step }) => step === decision.rule)?.ruleId).toBe(decision.ruleId);
          expect(decision.value).toBe(decision.variant !== "off");
          expect(decision.errorCode !== undefined).toBe(decision.reason === "ERROR");
          expect(decision.reason === "ERROR" && decision.value).toBe(false);
        }
        // Explained alone, too: its prerequisites are decided with it.
        const [first] = compiled.flags;
        const { decision } = await explain(compiled, first?.key ?? "", context, circumstances);
        expect(decision).toStrictEqual(explanations[0]?.decision);
      }),
      { seed: SEED, numRuns: runs(RUNS) },
    );
    if (isFull) expect(decided).toBeGreaterThan(10_000);
    // Every step decided at least once, so that the agreement covers all of them.
    const answers = [
      ...["off DISABLED", "fail_mode STALE", "enabled DISABLED", "requires TARGETING_MATCH"],
      ...["allowlist TARGETING_MATCH", "blocklist TARGETING_MATCH", "plans TARGETING_MATCH"],
      ...["employees_only TARGETING_MATCH", "rules TARGETING_MATCH", "rules SPLIT", "rules ERROR"],
      ...[
        "rollout_pct DEFAULT",
        "rollout_pct STATIC",
        "rollout_pct SPLIT",
        "rollout_pct ERROR",
        "variants ERROR",
      ],
    ];
    if (isFull) expect(answers.filter((answer) => (seen.get(answer) ?? 0) < 20)).toStrictEqual([]);
    expect([...seen.keys()].filter((answer) => !answers.includes(answer))).toStrictEqual([]);
  });
});

describe("an unknown member fails closed, at any depth", () => {
  /** Every object of a flag where an unknown member would be a restriction that is not evaluated. */
  function targetsIn(flag: SnapshotFlag): readonly Record<string, unknown>[] {
    const { targeting, variants = [], requires = [] } = flag;
    const rules = targeting?.rules ?? [];
    return [flag, targeting, ...rules, ...rules.map((rule) => rule.if), ...variants, ...requires]
      .filter((target) => target !== undefined)
      .map((target) => target as Record<string, unknown>);
  }

  const UNKNOWN = fc.oneof(
    fc.constantFrom("$like", "$unknown", "$constructor", "$gt", "$"),
    fc.constantFrom("$__proto__", "$$and", "$AND", "$or "),
  );

  test("the flag is off with ERROR, flags that require it are off, and other flags do not change", async () => {
    await fc.assert(
      fc.asyncProperty(
        FLAGS,
        CONTEXT,
        UNKNOWN,
        fc.jsonValue({ maxDepth: 1 }),
        fc.nat(),
        fc.nat(),
        async (flags, context, name, value, which, where) => {
          const before = await decideAll(flags, context);
          const changed = copyOf(flags);
          const broken = changed[which % changed.length];
          const all = broken === undefined ? [] : targetsIn(broken);
          const target = all[where % all.length];
          if (broken === undefined || target === undefined) throw new Error("the arbitrary made no flag");
          target[name] = value;

          const after = await decideAll(changed, context);
          expect(after.get(broken.key)).toStrictEqual({
            value: false,
            variant: "off",
            reason: "ERROR",
            errorCode: "PARSE_ERROR",
          });
          for (const { key } of flags) {
            if (key === broken.key) continue;
            if (needs(flags, key, broken.key)) expect(after.get(key)?.value).toBe(false);
            else expect(after.get(key)).toEqual(before.get(key));
          }
        },
      ),
      { seed: SEED, numRuns: runs(RUNS / 5) },
    );
  });

  /** Whether a flag requires another one, directly or indirectly. */
  function needs(flags: readonly SnapshotFlag[], key: string, other: string): boolean {
    const { requires = [] } = flags.find((flag) => flag.key === key) ?? {};
    return requires.some(({ flag }) => flag === other || needs(flags, flag, other));
  }
});

describe("raising a percentage only adds users", () => {
  /** A copy of the flags with one percentage changed. */
  function withPercentage(
    flags: readonly SnapshotFlag[],
    which: number,
    where: number,
    pct: number,
  ): SnapshotFlag[] {
    const changed = copyOf(flags) as unknown as {
      rollout_pct: number;
      targeting?: { rules?: { rollout_pct?: number }[] };
    }[];
    const flag = changed[which % changed.length];
    const rules = (flag?.targeting?.rules ?? []).filter(({ rollout_pct }) => rollout_pct !== undefined);
    const target = [flag, ...rules][where % (rules.length + 1)];
    if (target !== undefined) target.rollout_pct = pct;
    return changed as unknown as SnapshotFlag[];
  }

  test("users who have a feature keep it and its variant when a percentage is raised", async () => {
    let gained = 0;
    let kept = 0;
    await fc.assert(
      fc.asyncProperty(
        FLAGS,
        CONTEXT,
        PERCENTAGE,
        PERCENTAGE,
        fc.nat(),
        fc.nat(),
        async (flags, context, one, other, which, where) => {
          const before = await decideAll(withPercentage(flags, which, where, Math.min(one, other)), context);
          const after = await decideAll(withPercentage(flags, which, where, Math.max(one, other)), context);
          for (const [key, { value, variant, variantValue }] of before) {
            if (!value && after.get(key)?.value === true) gained += 1;
            if (!value) continue;
            kept += 1;
            const { value: still, variant: same, variantValue: sameValue } = after.get(key) ?? {};
            expect([still, same, sameValue]).toEqual([true, variant, variantValue]);
          }
        },
      ),
      { seed: SEED, numRuns: runs(RUNS / 5) },
    );
    if (isFull) expect(gained).toBeGreaterThan(20);
    if (isFull) expect(kept).toBeGreaterThan(150);
  });
});

describe("new weights move as few users as possible", () => {
  const ID = fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 });

  test("a user's variant only changes when the user's bucket moved to another variant", async () => {
    let moved = 0;
    await fc.assert(
      fc.asyncProperty(WEIGHTS, WEIGHTS, ID, async (first, second, userId) => {
        if (first.length === 0 || second.length === 0) return;
        const before = allocateVariants(first, {});
        const after = allocateVariants(second, before);
        const variantIn = async (ranges: typeof before): Promise<string | undefined> => {
          const variants = Object.entries(ranges).map(([key, some]) => ({ key, ranges: some }));
          const flags = [{ key: "copilot", enabled: true, rollout_pct: 100, bucket_by: "userId", variants }];
          return (await decideAll(flags, { userId })).get("copilot")?.variant;
        };
        const ownerIn = async (ranges: typeof before): Promise<string | undefined> => {
          const u32 = await bucketU32("copilot:v", userId);
          return Object.entries(ranges).find(([, some]) =>
            some.some(([from, to]) => !isWithin(u32, from) && isWithin(u32, to)),
          )?.[0];
        };
        expect(await variantIn(before)).toBe(await ownerIn(before));
        expect(await variantIn(after)).toBe(await ownerIn(after));
        if ((await ownerIn(before)) !== (await ownerIn(after))) moved += 1;
      }),
      { seed: SEED, numRuns: runs(1_000) },
    );
    if (isFull) expect(moved).toBeGreaterThan(50);
  });
});
