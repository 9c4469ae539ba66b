import type { FlagRow } from "./flag-record.ts";
import type { Queryable } from "./postgres.ts";
import { FLAG_COLUMNS } from "./store.ts";

/** The filter, order and page of a list of flags. */
export interface FlagQuery {
  readonly archived: boolean;
  readonly enabled?: boolean | undefined;
  readonly tag?: string | undefined;
  readonly owner?: string | undefined;
  /** Part of the key or the description, ignoring case. */
  readonly search?: string | undefined;
  readonly sort: FlagSort;
  readonly descending: boolean;
  /** The sort value, as text, and the key of the last flag of the previous page. */
  readonly after?: { readonly value: string; readonly key: string } | undefined;
  readonly limit: number;
}

export const FLAG_SORTS = ["key", "created_at", "updated_at", "rollout_pct"] as const;
export type FlagSort = (typeof FLAG_SORTS)[number];

/** The sort values, and the type that turns their text back into a value. Seconds do not depend on DateStyle. */
const SORTS: { readonly [Sort in FlagSort]: { readonly value: string; readonly type: string } } = {
  key: { value: 'key COLLATE "C"', type: 'text COLLATE "C"' },
  created_at: { value: "extract(epoch FROM created_at)", type: "numeric" },
  updated_at: { value: "extract(epoch FROM updated_at)", type: "numeric" },
  rollout_pct: { value: "rollout_pct", type: "numeric" },
};

/** A row with its sort value as text: a Date loses Postgres' microseconds. */
export interface ListedFlag {
  readonly row: FlagRow;
  readonly sortValue: string;
}

/** Reads one page of flags. Ties are ordered by key, so that no flag is listed twice or skipped. */
export async function listFlags(db: Queryable, query: FlagQuery): Promise<readonly ListedFlag[]> {
  const values: unknown[] = [];
  const parameter = (value: unknown): string => `$${values.push(value)}`;

  const conditions = [`(archived_at IS NOT NULL) = ${parameter(query.archived)}`];
  if (query.enabled !== undefined) conditions.push(`enabled = ${parameter(query.enabled)}`);
  if (query.tag !== undefined) conditions.push(`${parameter(query.tag)} = ANY (tags)`);
  if (query.owner !== undefined) conditions.push(`owner = ${parameter(query.owner)}`);
  if (query.search !== undefined) {
    const pattern = parameter(`%${query.search.replace(/[\\%_]/g, "\\$&")}%`);
    conditions.push(`(key ILIKE ${pattern} OR description ILIKE ${pattern})`);
  }
  const { value: sort, type } = SORTS[query.sort];
  const direction = query.descending ? "DESC" : "ASC";
  if (query.after !== undefined) {
    const value = `${parameter(query.after.value)}::${type}`;
    conditions.push(
      `(${sort}, key COLLATE "C") ${query.descending ? "<" : ">"} (${value}, ${parameter(query.after.key)})`,
    );
  }
  const { rows } = await db.query<FlagRow & { sort_value: string }>(
    `SELECT ${FLAG_COLUMNS}, (${sort})::text AS sort_value FROM feature_flags
     WHERE ${conditions.join(" AND ")}
     ORDER BY ${sort} ${direction}, key COLLATE "C" ${direction} LIMIT ${parameter(query.limit)}`,
    values,
  );
  return rows.map(({ sort_value: sortValue, ...row }) => ({ row, sortValue }));
}
