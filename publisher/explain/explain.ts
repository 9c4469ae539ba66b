import { compile, type Compiled } from "../../shared/compile/compile.ts";
import type { EvaluationContext } from "../../shared/flag/context.ts";
import type { Circumstances } from "../../shared/evaluate/evaluate.ts";
import { explain, explainAll, type Explanation as Explained } from "../../shared/evaluate/explain.ts";
import type { ExplainedBucket, ExplainedStep } from "../../shared/evaluate/recorder.ts";
import { killedKeys } from "../../shared/snapshot/snapshot.ts";
import type { Version } from "../../shared/snapshot/revision.ts";
import type { FlagRow } from "../postgres/flag-record.ts";
import { briefly } from "../problem/problem.ts";
import { assembleSnapshot, type SnapshotRows } from "../publish/snapshot-builder.ts";
import type { PublisherRedis } from "../redis/redis.ts";
import type { Explanation } from "../schema/explain-schema.ts";
import { onlyThese, withNeeded } from "./flag-closure.ts";

/** Flags and segments of one revision in Postgres, perhaps with a draft of one flag. */
export type ExplainedState = SnapshotRows & Version;

/** Explains one flag by deciding it as the edge will once it has this state. */
export async function explainFlag(
  source: ExplainedState,
  key: string,
  context: EvaluationContext,
  redis: PublisherRedis,
): Promise<Explanation | undefined> {
  const needed = onlyThese(source, withNeeded(source.rows, [key]));
  const [explanation] = await explainIn({ ...source, ...needed }, redis, async (compiled, circumstances) => [
    await explain(compiled, key, context, circumstances),
  ]);
  return explanation;
}

/** Explains every flag, ordered by key. */
export function explainFlags(
  source: ExplainedState,
  context: EvaluationContext,
  redis: PublisherRedis,
): Promise<Explanation[]> {
  return explainIn(source, redis, (compiled, circumstances) => explainAll(compiled, context, circumstances));
}

async function explainIn(
  source: ExplainedState,
  redis: PublisherRedis,
  work: (compiled: Compiled, circumstances: Circumstances) => Promise<readonly Explained[]>,
): Promise<Explanation[]> {
  const { snapshot, invalid } = assembleSnapshot(source);
  const edge = await readEdge(redis, source);
  const explained = await work(compile(snapshot), edge.killed === undefined ? {} : { killed: edge.killed });
  const rows = new Map(source.rows.map((row) => [row.key, row]));
  return explained.flatMap((one) => {
    const row = rows.get(one.key);
    return row === undefined ? [] : [toExplanation(one, row, invalid.get(one.key), edge)];
  });
}

/** The kills at the edge; `fault`: why they are not known. */
interface Edge {
  readonly killed?: ReadonlySet<string>;
  readonly fault?: string;
}

/** Reads which flags `off` in Redis kills for a worker with this revision. */
export async function readEdge(redis: PublisherRedis, { epoch, revision }: Version): Promise<Edge> {
  try {
    const entries = [...(await redis.readKills())].flatMap(([key, { off }]) =>
      off === undefined ? [] : [[key, off] as const],
    );
    return { killed: killedKeys(new Map(entries), { epoch, revision }) };
  } catch (error) {
    return { fault: briefly(error) };
  }
}

/** Translates the evaluator's result into the API's terms. JSON leaves out undefined members. */
function toExplanation(
  { decision, steps, bucketing }: Explained,
  row: FlagRow,
  invalid: string | undefined,
  edge: Edge,
): Explanation {
  return {
    flag_key: row.key,
    value: decision.value,
    variant: decision.variant,
    variant_value: decision.variantValue,
    reason: decision.reason,
    rule: decision.rule,
    rule_id: decision.ruleId,
    error_code: decision.errorCode,
    invalid,
    steps: steps.map(toStep),
    bucket: bucketing?.bucket,
    bucket_by: row.bucket_by,
    salt: row.salt ?? row.key,
    rollout_pct: Number(row.rollout_pct),
    killed_at_edge: edge.killed?.has(row.key) ?? null,
    edge_fault: edge.fault,
  };
}

function toStep({
  step,
  ruleId,
  matched,
  comparisons,
  requirements,
  share,
  variant: assigned,
}: ExplainedStep): Explanation["steps"][number] {
  return {
    step,
    rule_id: ruleId,
    matched,
    comparisons: comparisons?.map(({ within, ...one }) => ({
      ...one,
      actual: one.actual ?? null,
      within: within && [...within],
    })),
    requirements: requirements?.map(({ decision, ...one }) => ({
      ...one,
      value: decision.value,
      flag_variant: decision.variant,
      reason: decision.reason,
    })),
    share: share && { ...toBucketMembers(share), rollout_pct: share.rolloutPct },
    draw: assigned && {
      ...toBucketMembers(assigned),
      variant: assigned.variant,
      range: assigned.range && [...assigned.range],
    },
  };
}

const toBucketMembers = ({ bucketBy, id, bucket }: ExplainedBucket) => ({ bucket_by: bucketBy, id, bucket });
