import { bucketU32, toBucket } from "../shared/bucket.ts";
import { compile } from "../shared/compile.ts";
import type { EvaluationContext } from "../shared/context.ts";
import { computeBuckets, decide, decisionOf } from "../shared/evaluate.ts";
import type { DecidingRule, ErrorCode, Reason } from "../shared/reason.ts";
import { SCHEMA, killedKeys } from "../shared/snapshot.ts";
import { briefly } from "./problem.ts";
import type { PublisherRedis } from "./redis.ts";
import { toSnapshotFlag } from "./snapshot-builder.ts";
import type { FlagState } from "./store.ts";

/** Why one flag is what it is for one user. */
export interface Explanation {
  readonly flag_key: string;
  readonly value: boolean;
  readonly variant: string;
  readonly reason: Reason;
  readonly rule?: DecidingRule;
  readonly error_code?: ErrorCode;
  /** What is wrong with the row, when it came in broken. */
  readonly invalid?: string;
  /** The user's place in [0, 100): in when it is below the percentage. Absent without an id. */
  readonly bucket?: number;
  readonly rollout_pct: number;
  /** Whether a kill at the edge holds it off; null when Redis does not say. */
  readonly killed_at_edge: boolean | null;
  readonly edge_fault?: string;
}

/** Decides a flag as it stands in Postgres, just as the edge decides it once it has this state. */
export async function explain(
  { row, state }: FlagState,
  context: EvaluationContext,
  redis: PublisherRedis,
): Promise<Explanation> {
  const raw = toSnapshotFlag(row);
  const compiled = compile({ schema: SCHEMA, flags: [raw] });
  const edge = await readKilled(redis, row.key, state);
  const buckets = await computeBuckets(compiled, context);
  const decisions = decide(compiled, context, buckets, {
    killed: new Set(edge.killed === true ? [row.key] : []),
  });
  const { value, variant, reason, rule, errorCode } = decisionOf(compiled, decisions, row.key);
  const [flag] = compiled.flags;
  return {
    flag_key: row.key,
    value,
    variant,
    reason,
    ...(rule !== undefined && { rule }),
    ...(errorCode !== undefined && { error_code: errorCode }),
    ...(typeof raw["invalid"] === "string" && { invalid: raw["invalid"] }),
    // Shown also where another rule decided: people ask where somebody would be.
    ...(flag !== undefined &&
      context.targetingKey !== undefined && {
        bucket: toBucket(await bucketU32(flag.salt, context.targetingKey)),
      }),
    rollout_pct: Number(row.rollout_pct),
    killed_at_edge: edge.killed,
    ...(edge.fault !== undefined && { edge_fault: edge.fault }),
  };
}

async function readKilled(
  redis: PublisherRedis,
  key: string,
  state: FlagState["state"],
): Promise<{ killed: boolean | null; fault?: string }> {
  try {
    const entry = (await redis.readKills()).get(key)?.off;
    const off = new Map(entry === undefined ? [] : [[key, entry]]);
    return { killed: killedKeys(off, state).has(key) };
  } catch (error) {
    return { killed: null, fault: briefly(error) };
  }
}
