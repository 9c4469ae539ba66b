import { bucketU32, toBucket } from "../bucketing/bucket.ts";
import { idReader } from "../bucketing/bucketing-id.ts";
import type { Compiled } from "../compile/compiled.ts";
import type { EvaluationContext } from "../flag/context.ts";
import { computeBuckets, decideTraced, decisionOf, type Circumstances } from "./evaluate.ts";
import type { Fault } from "../flag/fault.ts";
import type { Decision } from "../flag/reason.ts";
import { createRecorder, type ExplainedBucket, type ExplainedStep, type Recorder } from "./recorder.ts";

/** Why a flag has its value for a context: every step of the evaluation, in order. */
export interface Explanation {
  readonly key: string;
  /** The result of `decide`. */
  readonly decision: Decision;
  /** The steps that were evaluated; the last one decided. Empty for a flag that is not in the snapshot. */
  readonly steps: readonly ExplainedStep[];
  /** Why the flag cannot be evaluated. */
  readonly fault?: Fault;
  /** The bucket by the flag's own `bucket_by`, also when another step decided: people ask which bucket a user is in. */
  readonly bucketing?: ExplainedBucket & { readonly salt: string };
}

/**
 * Explains one flag for one context by deciding it with a trace.
 *
 * @param key of a flag, which may be missing from the snapshot
 */
export async function explain(
  compiled: Compiled,
  key: string,
  context: EvaluationContext,
  circumstances: Circumstances = {},
): Promise<Explanation> {
  const position = compiled.positions.get(key);
  const positions = position === undefined ? [] : [position];
  const [explanation] = await explainAt(compiled, positions, context, circumstances);
  return explanation ?? { key, decision: decisionOf(compiled, [], key), steps: [] };
}

/** Explains every flag, by position. */
export function explainAll(
  compiled: Compiled,
  context: EvaluationContext,
  circumstances: Circumstances = {},
): Promise<readonly Explanation[]> {
  return explainAt(compiled, [...compiled.flags.keys()], context, circumstances);
}

async function explainAt(
  compiled: Compiled,
  positions: readonly number[],
  context: EvaluationContext,
  circumstances: Circumstances,
): Promise<readonly Explanation[]> {
  const buckets = await computeBuckets(compiled, context);
  const recorders = new Map(positions.map((position) => [position, createRecorder(context)]));
  const decisions = decideTraced(compiled, context, buckets, circumstances, (at) => recorders.get(at));
  const explanations: Explanation[] = [];
  for (const [position, recorder] of recorders) {
    const explanation = await explainOne(compiled, position, decisions, recorder, context);
    if (explanation !== undefined) explanations.push(explanation);
  }
  return explanations;
}

async function explainOne(
  { flags }: Compiled,
  position: number,
  decisions: readonly Decision[],
  { steps }: Recorder,
  context: EvaluationContext,
): Promise<Explanation | undefined> {
  const flag = flags[position];
  const decision = decisions[position];
  if (flag === undefined || decision === undefined) return undefined;
  const { key, fault, salt, bucketBy } = flag;
  // The `bucket_by` of an invalid flag is unknown.
  if (fault !== undefined) return { key, decision, steps, fault };
  const id = idReader(bucketBy)(context);
  const bucket = id === undefined ? undefined : toBucket(await bucketU32(salt, id));
  const bucketing = {
    bucketBy,
    salt,
    ...(id !== undefined && { id }),
    ...(bucket !== undefined && { bucket }),
  };
  return { key, decision, steps, bucketing };
}
