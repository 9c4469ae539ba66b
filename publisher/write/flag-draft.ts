import type { z } from "@hono/zod-openapi";
import { allocateVariants } from "../../shared/bucketing/allocate-variants.ts";
import { faultWithin, type Path } from "../../shared/flag/fault.ts";
import { isObject } from "../../shared/flag/members.ts";
import { findRequirementFault } from "./check-references.ts";
import { faultProblem } from "../problem/problem.ts";
import type { FlagRow } from "../postgres/flag-record.ts";
import { flagEditable, type flagDraft, type flagPatch } from "../schema/flag-schema.ts";
import { judgeContent, type FlagContent, type SoundContent } from "./judge-content.ts";
import type { Queryable } from "../postgres/postgres.ts";
import type { FlagColumns } from "../postgres/store.ts";
import { validationProblem } from "../problem/validation-problem.ts";

/** Where in a body a draft stands. */
const DRAFT: Path = ["draft"];

/**
 * A row as it would be if a draft were saved, judged as if it were.
 *
 * @throws Problem that points into the draft
 */
export async function draftedRow(
  db: Queryable,
  row: FlagRow,
  { enabled = row.enabled, rollout_pct = Number(row.rollout_pct), ...patch }: z.output<typeof flagDraft>,
): Promise<FlagRow> {
  const columns = await patchedColumns(db, row, patch, DRAFT);
  const drafted = { ...row, ...columns, enabled, rollout_pct: String(rollout_pct) };
  const found = await findRequirementFault(db, drafted);
  if (found !== undefined) throw faultProblem(faultWithin(found, ...DRAFT));
  return drafted;
}

/**
 * What a merge patch makes of a flag, judged.
 *
 * @param at where in the body the patch stands
 * @throws Problem that points into the body
 */
export async function patchedColumns(
  db: Queryable,
  row: FlagRow,
  patch: z.output<typeof flagPatch>,
  at: Path = [],
): Promise<PatchedColumns> {
  const input = mergePatch(editableOf(row), patch);
  const merged = flagEditable.safeParse(input);
  if (!merged.success) throw validationProblem(merged.error, "body", input, at);
  const sound = await soundContent(db, merged.data, at);
  return { ...merged.data, ...sound, variant_ranges: rangesOf(sound, row.variant_ranges) };
}

type PatchedColumns = Omit<z.output<typeof flagEditable>, keyof SoundContent> &
  SoundContent & { readonly variant_ranges: object };

/** What a new flag is to hold, judged. */
export async function createdColumns(
  db: Queryable,
  columns: Partial<FlagContent> & FlagColumns,
): Promise<FlagColumns> {
  const { targeting = {}, variants = [], requires = [] } = columns;
  const sound = await soundContent(db, { targeting, variants, requires });
  return { ...columns, ...sound, variant_ranges: rangesOf(sound, undefined) };
}

async function soundContent(db: Queryable, content: FlagContent, at: Path = []): Promise<SoundContent> {
  const found = await judgeContent(db, content);
  if (found !== undefined) throw faultProblem(faultWithin(found, ...at));
  // Judged just now: the types say so.
  return content as SoundContent;
}

/** Saved with the weights, so that the next ones move as few users as possible. */
function rangesOf({ variants }: SoundContent, previous: unknown): object {
  return variants.length === 0 ? {} : allocateVariants(variants, previous);
}

const EDITABLE = Object.keys(flagEditable.shape) as (keyof typeof flagEditable.shape)[];

const editableOf = (row: FlagRow) => Object.fromEntries(EDITABLE.map((name) => [name, row[name]]));

/** RFC 7396: what `patch` makes of `target`. Neither is changed. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  // A map, not an object: a member named "__proto__" is a member like any other, and refused later by its schema.
  const merged = new Map(isObject(target) ? Object.entries(target) : []);
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) merged.delete(name);
    else merged.set(name, mergePatch(merged.get(name), value));
  }
  return Object.fromEntries(merged);
}
