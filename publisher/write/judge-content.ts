import { judgeRequires } from "../../shared/compile/compile-flag.ts";
import { compileSegments } from "../../shared/compile/compile-segments.ts";
import { judgeTargeting } from "../../shared/compile/compile-targeting.ts";
import { judgeVariants } from "../../shared/compile/compile-variants.ts";
import { faultWithin, type Fault } from "../../shared/flag/fault.ts";
import type { Variant } from "../../shared/flag/flag.ts";
import type { FlagRecord, FlagRow } from "../postgres/flag-record.ts";
import type { Queryable } from "../postgres/postgres.ts";
import { readSegmentsNamed, rulesOf, segmentNamesIn } from "../postgres/segment-store.ts";
import { toSnapshotSegment } from "../publish/snapshot-segment.ts";
import { unfitConditions, unfitJson } from "../schema/unfit-json.ts";

/** The members of a flag that the evaluator checks, as they were sent. */
export type FlagContent = Pick<FlagRow, "targeting" | "variants" | "requires">;

/** `FlagContent` after the check. */
export type SoundContent = Pick<FlagRecord, keyof FlagContent>;

/**
 * Checks the content of a flag by the evaluator's own rules: refuses exactly what the edge would report as ERROR.
 * `findRequirementFault` checks that prerequisites exist.
 *
 * @returns the fault, with its path in the flag; undefined if the content is valid
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
