import { describe, expect, test } from "vitest";
import { bucketU32, isWithin, toBasisPoints, toBucket } from "../../shared/bucket.ts";
import { compile } from "../../shared/compile.ts";
import { withTargetingKey, type EvaluationContext } from "../../shared/context.ts";
import { computeBuckets, decide, decisionOf } from "../../shared/evaluate.ts";
import type { Decision } from "../../shared/reason.ts";
import type { Version } from "../../shared/revision.ts";
import { SCHEMA, killedKeys, parseOff } from "../../shared/snapshot.ts";
import boundaryRows from "./boundaries.json" with { type: "json" };
import bucketRows from "./buckets.json" with { type: "json" };
import decisionRows from "./decisions.json" with { type: "json" };
import offRows from "./off.json" with { type: "json" };

interface DecisionRow {
  readonly name: string;
  /** The only flag of the snapshot, asked for by its key. */
  readonly flag?: { readonly key: string };
  /** Or all flags of the snapshot, of which `key` is asked for. */
  readonly flags?: readonly unknown[];
  readonly segments?: readonly unknown[];
  readonly key?: string;
  /** Without its targeting key, which is derived. */
  readonly context: EvaluationContext;
  readonly killed?: readonly string[];
  /** The snapshot is older than MAX_STALE_MS. */
  readonly stale?: true;
  readonly expected: Decision;
}

interface OffRow {
  readonly name: string;
  readonly off: string | null;
  readonly held?: Version;
  readonly killed?: readonly string[];
  readonly problem?: true;
}

/** The golden rows as tests; the same ones wherever it is called, so that every runtime agrees. */
export function runCases(): void {
  describe("buckets.json", () => {
    test.for(bucketRows)("$note", async ({ salt, id, u32, bucket }) => {
      const place = await bucketU32(salt, id);
      expect(place).toBe(u32);
      expect(toBucket(place)).toBe(bucket);
    });
  });

  describe("boundaries.json", () => {
    test.for(boundaryRows)("$salt::$id at $rollout_pct", async ({ salt, id, u32, rollout_pct, within }) => {
      const place = await bucketU32(salt, id);
      expect(place).toBe(u32);
      expect(isWithin(place, toBasisPoints(rollout_pct))).toBe(within);
    });
  });

  describe("decisions.json", () => {
    test.for(decisionRows as readonly unknown[] as readonly DecisionRow[])("$name", async (row) => {
      const { flags = [row.flag], segments } = row;
      const compiled = compile({ schema: SCHEMA, flags, ...(segments && { segments }) });
      const context = withTargetingKey(row.context);
      const buckets = await computeBuckets(compiled, context);
      const decisions = decide(compiled, context, buckets, {
        killed: new Set(row.killed),
        ...(row.stale === true && { stale: true }),
      });
      expect(decisionOf(compiled, decisions, row.key ?? row.flag?.key ?? "")).toStrictEqual(row.expected);
    });
  });

  describe("off.json", () => {
    test.for(offRows as readonly unknown[] as readonly OffRow[])("$name", (row) => {
      const parsed = parseOff(row.off);
      expect("problem" in parsed).toBe(row.problem === true);
      const held = row.held ?? { epoch: 0, revision: 0 };
      const killed = "value" in parsed ? [...killedKeys(parsed.value, held)] : [];
      expect(killed.sort()).toStrictEqual(row.killed ?? []);
    });
  });
}
