import { NO_FLAGS, type Compiled } from "../shared/compile.ts";
import type { EvaluationContext } from "../shared/context.ts";
import { computeBuckets, decide } from "../shared/evaluate.ts";
import type { Decision } from "../shared/reason.ts";
import type { Reading } from "./snapshot-reader.ts";

/** Every flag's decision for one request, by position. */
export interface Decided {
  readonly compiled: Compiled;
  readonly decisions: readonly Decision[];
  /** What is held is older than MAX_STALE_MS. */
  readonly stale: boolean;
}

/** What is decided while nothing is held. */
const NOTHING: Decided = { compiled: NO_FLAGS, decisions: [], stale: false };

/**
 * Decides every flag, once per request.
 *
 * @param maxStaleMs from this age on a flag whose `fail_mode` is "off" is off, and one with "last-known" as evaluated
 */
export async function decideAll(
  { held, ageMs = 0 }: Reading,
  context: EvaluationContext,
  maxStaleMs: number,
): Promise<Decided> {
  if (held === undefined) return NOTHING;
  const { compiled, killed } = held;
  const buckets = await computeBuckets(compiled, context);
  const stale = ageMs > maxStaleMs;
  return { compiled, decisions: decide(compiled, context, buckets, { killed, stale }), stale };
}
