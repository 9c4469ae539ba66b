import { judgeRequires } from "../../shared/compile/compile-flag.ts";
import { compileSegments } from "../../shared/compile/compile-segments.ts";
import { judgeTargeting } from "../../shared/compile/compile-targeting.ts";
import { judgeVariants } from "../../shared/compile/compile-variants.ts";
import { faultWithin, type Fault } from "../../shared/flag/fault.ts";
import type { Requirement, Targeting, Variant } from "../../shared/flag/flag.ts";
import type { Queryable } from "../postgres/postgres.ts";
import { readSegmentsNamed, rulesOf, segmentNamesIn } from "../postgres/segment-store.ts";
import { toSnapshotSegment } from "../publish/snapshot-segment.ts";
import { unfitConditions, unfitJson } from "../schema/unfit-json.ts";

/** The members of a flag that the evaluator judges, as somebody sent them. */
export interface FlagContent {
  readonly targeting: unknown;
  readonly variants: unknown;
  readonly requires: unknown;
}

/** The same, once it is judged. */
export interface SoundContent {
  readonly targeting: Targeting;
  readonly variants: readonly Variant[];
  readonly requires: readonly Requirement[];
}

/**
 * Judges what somebody sent by the evaluator's own rules: what is refused here is just what the edge would call ERROR.
 * Whether the flags that it needs are there is `findReferenceFault`'s affair.
 *
 * @returns what is wrong and where, seen from the flag; undefined when it is sound
 */
export async function judgeContent(
  db: Queryable,
  { targeting, variants, requires }: FlagContent,
): Promise<Fault | undefined> {
  const badVariants = judgeVariants(variants) ?? unfitJson(variants);
  if (badVariants !== undefined) return faultWithin(badVariants, "variants");
  const badRequires = judgeRequires(requires);
  if (badRequires !== undefined) return faultWithin(badRequires, "requires");

  const rows = await readSegmentsNamed(db, segmentNamesIn(rulesOf(targeting)));
  const segments = compileSegments(rows.map((row) => toSnapshotSegment(row).segment));
  const variantKeys = new Set((variants as readonly Variant[]).map(({ key }) => key));
  const badTargeting = judgeTargeting(targeting, variantKeys, segments) ?? unfitConditions(targeting);
  return badTargeting && faultWithin(badTargeting, "targeting");
}
