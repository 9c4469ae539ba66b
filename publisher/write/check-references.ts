import type { Fault } from "../../shared/flag/fault.ts";
import { isObject } from "../../shared/flag/members.ts";
import { orderFlags } from "../../shared/compile/order-flags.ts";
import { Problem, faultProblem } from "../problem/problem.ts";
import type { FlagRow } from "../postgres/flag-record.ts";
import { readDependents, readRelations, requirementsOf } from "../postgres/flag-relations.ts";
import { judgeContent } from "./judge-content.ts";
import type { Queryable } from "../postgres/postgres.ts";
import { readSegmentUses, readSegmentsNamed, rulesOf, segmentNamesIn } from "../postgres/segment-store.ts";

/**
 * Refuses a write that leaves a reference broken: a prerequisite, variant or segment that does not exist, or flags that
 * require each other in a circle. This and the other checks here need the lock of all writers: two writes that are fine
 * alone could break a reference together.
 *
 * @param before the flag before this transaction changed it; undefined for a new flag
 */
export async function checkReferences(
  db: Queryable,
  before: FlagRow | undefined,
  after: FlagRow,
): Promise<void> {
  const segments = segmentNamesIn(rulesOf(after.targeting));
  const requires = requirementsOf(after.requires);
  const left = variantKeysOf(after);
  const removed = before === undefined ? [] : variantKeysOf(before).filter((key) => !left.includes(key));
  if (segments.size === 0 && requires.length === 0 && removed.length === 0) return;

  const found =
    (await findSegmentFault(db, after, segments)) ??
    (requires.length > 0 ? await findRequirementFault(db, after) : undefined);
  if (found !== undefined) throw faultProblem(found);
  if (removed.length > 0) await keepVariants(db, after.key, removed);
}

/** The fault in a flag's prerequisites, checked against the flags in the database. */
export async function findRequirementFault(
  db: Queryable,
  { key, requires, variants }: Pick<FlagRow, "key" | "requires" | "variants">,
): Promise<Fault | undefined> {
  const own = requirementsOf(requires);
  const relations = await readRelations(
    db,
    own.map(({ flag }) => flag),
  );
  const flag = { key, requires: own, variants: variantKeysOf({ variants }).map((key) => ({ key })) };
  return orderFlags([...relations.filter((other) => other.key !== key), flag]).faults.get(key);
}

/** Refuses to remove a flag that others require. */
export async function checkNotRequired(db: Queryable, key: string): Promise<void> {
  const dependents = await readDependents(db, key);
  if (dependents.length === 0) return;
  throw inUse(
    `flag ${key} is required by ${list(dependents)}: remove it from their requires first`,
    dependents,
  );
}

/** Refuses to remove a segment that rules use. */
export async function checkNotUsed(db: Queryable, segment: string): Promise<void> {
  const keys = (await readSegmentUses(db, segment)).get(segment) ?? [];
  if (keys.length === 0) return;
  const flags = keys.map((key) => ({ key }));
  throw inUse(`segment ${segment} is used by rules of ${list(flags)}: change these rules first`, flags);
}

/** A segment may have been removed since the rules were checked. */
async function findSegmentFault(
  db: Queryable,
  flag: FlagRow,
  names: ReadonlySet<string>,
): Promise<Fault | undefined> {
  const there = await readSegmentsNamed(db, names);
  return there.length < names.size ? judgeContent(db, flag) : undefined;
}

async function keepVariants(db: Queryable, key: string, removed: readonly string[]): Promise<void> {
  const dependents = await readDependents(db, key);
  const broken = dependents.filter(({ variants }) => variants.some((variant) => removed.includes(variant)));
  if (broken.length === 0) return;
  throw inUse(
    `variants that this removes are required by ${list(broken)}: change their requires first`,
    broken,
  );
}

function inUse(detail: string, flags: readonly { readonly key: string }[]): Problem {
  return new Problem("conflict", detail, {
    extensions: { used_by: flags.map(({ key }) => key).slice(0, MAX_LISTED) },
  });
}

/** How many flags a problem lists, and how many its text names. */
const MAX_LISTED = 100;
const MAX_NAMED = 5;

function list(flags: readonly { readonly key: string }[]): string {
  const names = flags.slice(0, MAX_NAMED).map(({ key }) => key);
  const rest = flags.length > MAX_NAMED ? ` and ${flags.length - MAX_NAMED} more` : "";
  return `${names.join(", ")}${rest}`;
}

function variantKeysOf({ variants }: Pick<FlagRow, "variants">): readonly string[] {
  if (!Array.isArray(variants)) return [];
  return variants.flatMap((variant: unknown) =>
    isObject(variant) && typeof variant["key"] === "string" ? [variant["key"]] : [],
  );
}
