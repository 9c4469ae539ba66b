import { judgeRequires } from "../../shared/compile/compile-flag.ts";
import type { Requirement } from "../../shared/flag/flag.ts";
import type { OrderedFlag } from "../../shared/compile/order-flags.ts";
import type { Queryable } from "./postgres.ts";

/**
 * Reads the prerequisites and variant keys of every flag that has prerequisites, and of the named flags: what the order of
 * evaluation depends on.
 */
export async function readRelations(db: Queryable, keys: readonly string[]): Promise<readonly OrderedFlag[]> {
  const { rows } = await db.query<{ key: string; requires: unknown; variant_keys: readonly unknown[] }>(
    `SELECT key, requires, jsonb_path_query_array(variants, '$[*].key') AS variant_keys
     FROM feature_flags WHERE requires <> '[]' OR key = ANY ($1)`,
    [keys],
  );
  return rows.map(({ key, requires, variant_keys: variantKeys }) => ({
    key,
    requires: requirementsOf(requires),
    variants: variantKeys.flatMap((variant) => (typeof variant === "string" ? [{ key: variant }] : [])),
  }));
}

/** The flags that require this one, and the variants of it that they name. */
export async function readDependents(
  db: Queryable,
  key: string,
): Promise<readonly { readonly key: string; readonly variants: readonly string[] }[]> {
  const { rows } = await db.query<{ key: string; requires: unknown }>(
    `SELECT key, requires FROM feature_flags
     WHERE requires @> jsonb_build_array(jsonb_build_object('flag', $1::text)) AND key <> $1 ORDER BY key`,
    [key],
  );
  return rows.map((row) => ({
    key: row.key,
    variants: requirementsOf(row.requires).flatMap(({ flag, variant }) =>
      flag === key && variant !== undefined ? [variant] : [],
    ),
  }));
}

/** The prerequisites in a column; none if plain SQL broke it. */
export function requirementsOf(requires: unknown): readonly Requirement[] {
  return judgeRequires(requires) === undefined ? (requires as readonly Requirement[]) : [];
}
