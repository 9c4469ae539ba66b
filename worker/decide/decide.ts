import { NO_FLAGS, type Compiled } from "../../shared/compile/compile.ts";
import type { EvaluationContext } from "../../shared/flag/context.ts";
import { computeBuckets, decide, decisionOf } from "../../shared/evaluate/evaluate.ts";
import type { Decision } from "../../shared/flag/reason.ts";
import type { Reading } from "../snapshot/snapshot-reader.ts";

/** Every flag's decision for one request, by position. */
export interface Decided {
  readonly compiled: Compiled;
  readonly decisions: readonly Decision[];
  /** What is held is older than MAX_STALE_MS. */
  readonly stale: boolean;
  /** The keys of the flags that a test override decided. */
  readonly overridden: readonly string[];
}

/** What is decided while nothing is held. */
const NOTHING: Decided = { compiled: NO_FLAGS, decisions: [], stale: false, overridden: [] };

/**
 * Decides every flag, once per request.
 *
 * @param maxStaleMs from this age on a flag whose `fail_mode` is "off" is off, and one with "last-known" as evaluated
 * @param overrides what a test override of this browser forces, by flag key
 */
export async function decideAll(
  { cached, ageMs = 0 }: Reading,
  context: EvaluationContext,
  maxStaleMs: number,
  overrides?: ReadonlyMap<string, string>,
): Promise<Decided> {
  if (cached === undefined) return NOTHING;
  const { compiled, killed } = cached;
  const buckets = await computeBuckets(compiled, context);
  const stale = ageMs > maxStaleMs;
  const decisions = decide(compiled, context, buckets, {
    killed,
    stale,
    ...(overrides !== undefined && { overrides }),
  });
  return { compiled, decisions, stale, overridden: overriddenOf(compiled, decisions, overrides) };
}

function overriddenOf(
  compiled: Compiled,
  decisions: readonly Decision[],
  overrides: ReadonlyMap<string, string> = new Map(),
): readonly string[] {
  return [...overrides.keys()]
    .filter((key) => decisionOf(compiled, decisions, key).rule === "override")
    .sort();
}
