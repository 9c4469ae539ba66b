import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compile, type Compiled } from "../../shared/compile/compile.ts";
import { withTargetingKey } from "../../shared/flag/context.ts";
import { computeBuckets, decide, type Circumstances } from "../../shared/evaluate/evaluate.ts";
import type { Decision } from "../../shared/flag/reason.ts";
import { SCHEMA } from "../../shared/snapshot/snapshot.ts";
import { runs } from "../support/thoroughness.ts";

/** Prerequisites only name earlier keys, so that there are no circles. */
const KEYS = ["a", "b", "c", "d", "e"] as const;
const VARIANTS = [
  { key: "small", ranges: [[0, 5_000]] },
  { key: "large", ranges: [[5_000, 10_000]] },
];
const FORCED = fc.constantFrom("on", "off", "small", "large", "__proto__", "");

const flagAt = (index: number): fc.Arbitrary<object> =>
  fc.record({
    key: fc.constant(KEYS[index]),
    enabled: fc.constantFrom(true, true, true, false),
    rollout_pct: fc.constantFrom(0, 50, 100),
    variants: fc.constantFrom([], VARIANTS),
    fail_mode: fc.constantFrom("off", "last-known"),
    targeting: fc.constantFrom<object>(
      {},
      {},
      {},
      {},
      { allowlist: ["user-1"] },
      { blocklist: ["user-1"] },
      { employees_only: true },
      { regions: ["a member that nobody knows"] },
    ),
    requires: fc
      .subarray(KEYS.slice(0, index))
      .chain((keys) =>
        fc.tuple(
          ...keys.map((flag) => fc.constantFrom<object>({ flag }, { flag }, { flag, variant: "small" })),
        ),
      ),
  });

const FLAGS = fc.tuple(...KEYS.map((_key, index) => flagAt(index)));
const OVERRIDES = fc
  .array(fc.tuple(fc.constantFrom(...KEYS, "constructor", "__proto__"), FORCED))
  .map((entries) => new Map<string, string>(entries));
const AROUND = fc.record({
  killed: fc.subarray([...KEYS], { maxLength: 1 }).map((keys) => new Set(keys)),
  stale: fc.constantFrom(false, false, false, true),
});
/** Makes flags require each other, which random flags rarely do. */
const RUNS = { numRuns: runs(2_000) };

interface Both {
  readonly compiled: Compiled;
  readonly natural: readonly Decision[];
  readonly forced: readonly Decision[];
}

async function decideBoth(flags: readonly unknown[], circumstances: Circumstances): Promise<Both> {
  const compiled = compile({ schema: SCHEMA, flags });
  const context = withTargetingKey({ userId: "user-1" });
  const buckets = await computeBuckets(compiled, context);
  const { overrides: _overrides, ...without } = circumstances;
  return {
    compiled,
    natural: decide(compiled, context, buckets, without),
    forced: decide(compiled, context, buckets, circumstances),
  };
}

describe("any test override", () => {
  test("never turns on a flag that it does not name, or changes its variant", async () => {
    await fc.assert(
      fc.asyncProperty(FLAGS, OVERRIDES, AROUND, async (flags, overrides, around) => {
        const { compiled, natural, forced } = await decideBoth(flags, { ...around, overrides });
        for (const [position, { key }] of compiled.flags.entries()) {
          if (overrides.has(key) || forced[position]?.value !== true) continue;
          expect(forced[position]).toStrictEqual(natural[position]);
        }
      }),
      RUNS,
    );
  });

  test("does not change a flag that is killed, stale, invalid or disabled", async () => {
    const before = [undefined, "off", "fail_mode", "enabled"];
    await fc.assert(
      fc.asyncProperty(FLAGS, OVERRIDES, AROUND, async (flags, overrides, around) => {
        const { natural, forced } = await decideBoth(flags, { ...around, overrides });
        const settled = [...natural.keys()].filter((position) => before.includes(natural[position]?.rule));
        expect(settled.map((at) => forced[at])).toStrictEqual(settled.map((at) => natural[at]));
      }),
      RUNS,
    );
  });

  test("only turns on a flag whose prerequisites are met", async () => {
    await fc.assert(
      fc.asyncProperty(FLAGS, OVERRIDES, AROUND, async (flags, overrides, around) => {
        const { compiled, forced } = await decideBoth(flags, { ...around, overrides });
        for (const [position, { requires }] of compiled.flags.entries()) {
          if (forced[position]?.value !== true) continue;
          for (const { position: needed, variant } of requires) {
            expect(forced[needed]).toMatchObject({ value: true, ...(variant !== undefined && { variant }) });
          }
        }
      }),
      RUNS,
    );
  });
});
