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

/** The path of a draft in the body. */
const DRAFT: Path = ["draft"];

/**
 * The row that saving a draft would result in, checked as if it were saved.
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
 * The columns that a merge patch results in, checked.
 *
 * @param at the path of the patch in the body
 * @throws Problem that points into the body
 */
export async function patchedColumns(
  db: Queryable,
  row: FlagRow,
  patch: z.output<typeof flagPatch>,
  at: Path = [],
) {
  const input = mergePatch(editableOf(row), patch);
  const merged = flagEditable.safeParse(input);
  if (!merged.success) throw validationProblem(merged.error, "body", input, at);
  const sound = await soundContent(db, merged.data, at);
  return { ...merged.data, ...sound, variant_ranges: rangesOf(sound, row.variant_ranges) };
}

/** The columns of a new flag, checked. */
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
  // Checked just now, so the type is right.
  return content as SoundContent;
}

/** Saved with the weights, so that new weights move as few users as possible. */
function rangesOf({ variants }: SoundContent, previous: unknown): object {
  return variants.length === 0 ? {} : allocateVariants(variants, previous);
}

const EDITABLE = Object.keys(flagEditable.shape) as (keyof typeof flagEditable.shape)[];

const editableOf = (row: FlagRow) => Object.fromEntries(EDITABLE.map((name) => [name, row[name]]));

/** Applies a JSON merge patch (RFC 7396). Changes neither argument. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  // A map, so that "__proto__" is an ordinary member; the schema refuses it later.
  const merged = new Map(isObject(target) ? Object.entries(target) : []);
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) merged.delete(name);
    else merged.set(name, mergePatch(merged.get(name), value));
  }
  return Object.fromEntries(merged);
}
