import { NO_FLAGS, type Compiled } from "../../shared/compile/compile.ts";
import { computeBuckets, decide, decisionOf } from "../../shared/evaluate/evaluate.ts";
import type { EvaluationContext } from "../../shared/flag/context.ts";
import type { Decision } from "../../shared/flag/reason.ts";
import { FLAGS_HEADER } from "../../shared/x-flags/flags-header.ts";
import type { Reading } from "../snapshot/snapshot-reader.ts";

/** Every flag's decision for one request, by position. */
export interface Decided {
  readonly compiled: Compiled;
  readonly decisions: readonly Decision[];
  /** The snapshot is older than MAX_STALE_MS. */
  readonly stale: boolean;
  /** The keys of the flags that a test override decided. */
  readonly overridden: readonly string[];
}

/** The decisions while there is no snapshot. */
const NOTHING: Decided = { compiled: NO_FLAGS, decisions: [], stale: false, overridden: [] };

const NO_OVERRIDES: ReadonlyMap<string, string> = new Map();

/**
 * Decides every flag, once per request.
 *
 * @param maxStaleMs from this age on a flag with `fail_mode` "off" is off; one with "last-known" is evaluated as usual
 * @param overrides the variants that a test override of this browser forces, by flag key
 */
export async function decideAll(
  { cached, ageMs = 0 }: Reading,
  context: EvaluationContext,
  maxStaleMs: number,
  overrides = NO_OVERRIDES,
): Promise<Decided> {
  if (cached === undefined) return NOTHING;
  const { compiled, killed } = cached;
  const buckets = await computeBuckets(compiled, context);
  const stale = ageMs > maxStaleMs;
  const decisions = decide(compiled, context, buckets, { killed, stale, overrides });
  const overridden = [...overrides.keys()]
    .filter((key) => decisionOf(compiled, decisions, key).rule === "override")
    .sort();
  return { compiled, decisions, stale, overridden };
}

/** Returns whether a flag is on; without decisions, and for an unknown flag, it is not. */
export function isOnIn(
  decided: Pick<Decided, "compiled" | "decisions"> | undefined,
): (flagKey: string) => boolean {
  return (flagKey) => decided !== undefined && decisionOf(decided.compiled, decided.decisions, flagKey).value;
}

/**
 * Every decision that a page may depend on: the origin's headers and URL, and the flags that are not in the header, which
 * pages of the worker itself can read, too.
 */
export function toPageDecision(headers: Headers, url: URL, decided: Decided | undefined): unknown {
  const outsideHeader = decided?.compiled.flags.flatMap(({ key, inHeader }, position) => {
    const decision = decided.decisions[position];
    return inHeader || decision?.value !== true ? [] : [[key, decision.variant, decision.variantValue]];
  });
  return [headers.get(FLAGS_HEADER), url.href, outsideHeader];
}
