import type { Compiled } from "../shared/compile.ts";
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
const NOTHING: Decided = { compiled: { flags: [], positions: new Map() }, decisions: [], stale: false };

const STALE: Decision = Object.freeze({ value: false, variant: "off", reason: "STALE" });

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
  const decisions = decide(compiled, context, buckets, killed);
  if (ageMs <= maxStaleMs) return { compiled, decisions, stale: false };
  return {
    compiled,
    decisions: decisions.map((decision, position) =>
      compiled.flags[position]?.failMode === "last-known" ? decision : STALE,
    ),
    stale: true,
  };
}
