import { allocateVariants } from "../../shared/bucketing/allocate-variants.ts";
import { brokenFlag, compileFlag, type FlagDefinition } from "../../shared/compile/compile-flag.ts";
import type { Segments } from "../../shared/compile/compile-segments.ts";
import { judgeVariants } from "../../shared/compile/compile-variants.ts";
import { fault, faultWithin, type Fault } from "../../shared/flag/fault.ts";
import type { Variant } from "../../shared/flag/flag.ts";
import { isObject } from "../../shared/flag/members.ts";
import type { FlagRow } from "../postgres/flag-record.ts";
import { judgeGates } from "./judge-gates.ts";

/** A row after its check, without a look at other flags. */
export interface JudgedFlag {
  /** The flag as the edge reads it; with `fault` if the row is broken. */
  readonly definition: FlagDefinition;
  /** The flag in the snapshot, if it is valid. Members with their default are left out. */
  readonly flag: Readonly<Record<string, unknown>>;
  /** In the snapshot even if the flag is broken: without its gates, a page would open. */
  readonly gates: readonly unknown[];
}

/**
 * Checks a row with the code that evaluates it at the edge, so that a flag that is valid here is valid there. Does not
 * check whether its prerequisites exist.
 */
export function judgeFlag(row: FlagRow, segments: Segments): JudgedFlag {
  const variants = toSnapshotVariants(row);
  const flag: Record<string, unknown> = {
    key: row.key,
    enabled: row.enabled && row.archived_at === null,
    rollout_pct: Number(row.rollout_pct),
    ...(!isEmpty(row.targeting) && { targeting: row.targeting }),
    ...(!isEmpty(row.gates) && { gates: row.gates }),
    ...(row.fail_mode !== "off" && { fail_mode: row.fail_mode }),
    ...(row.salt !== null && { salt: row.salt }),
    ...(row.bucket_by !== "targetingKey" && { bucket_by: row.bucket_by }),
    ...("list" in variants && variants.list.length > 0 && { variants: variants.list }),
    ...(!isEmpty(row.requires) && { requires: row.requires }),
    ...(!row.in_header && { in_header: false }),
    ...(row.client_visible && { client_visible: true }),
  };
  const gates = judgeGates(row.gates);
  return { definition: define(), flag: withoutDescriptions(flag), gates: gates.list };

  function define(): FlagDefinition {
    if ("fault" in variants) return brokenFlag(row.key, variants.fault);
    const definition =
      compileFlag(flag, segments) ?? brokenFlag(row.key, fault("must be the key of a flag", "key"));
    if (definition.fault !== undefined || gates.fault === undefined) return definition;
    return brokenFlag(row.key, gates.fault);
  }
}

/** Turns weights into ranges of buckets: the saved ranges, as far as they fit the weights. */
function toSnapshotVariants({
  variants,
  variant_ranges: saved,
}: FlagRow): { readonly list: readonly object[] } | { readonly fault: Fault } {
  const found = judgeVariants(variants);
  if (found !== undefined) return { fault: faultWithin(found, "variants") };
  const weighted = variants as readonly Variant[];
  if (weighted.length === 0) return { list: [] };
  const ranges = allocateVariants(weighted, saved);
  return { list: weighted.map(({ weight: _, ...variant }) => ({ ...variant, ranges: ranges[variant.key] })) };
}

/** Descriptions of rules are for people, not for workers. */
function withoutDescriptions(flag: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { targeting } = flag;
  if (!isObject(targeting) || !Array.isArray(targeting["rules"])) return flag;
  const rules: readonly unknown[] = targeting["rules"];
  return { ...flag, targeting: { ...targeting, rules: rules.map(withoutDescription) } };
}

function withoutDescription(rule: unknown): unknown {
  if (!isObject(rule)) return rule;
  const { description: _, ...rest } = rule;
  return rest;
}

function isEmpty(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}
