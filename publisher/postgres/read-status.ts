import type { Version } from "../../shared/snapshot/revision.ts";
import { readDivergence, type Divergence } from "./divergence.ts";
import { only } from "./only.ts";
import { toVersion, type VersionColumns } from "./store.ts";
import type { Queryable } from "./postgres.ts";

/** What Postgres tells of publishing. */
export interface PostgresStatus {
  readonly state: Version & { readonly databaseId: string };
  /** When the last change was committed. */
  readonly changedAt: Date;
  /** How long ago that was, in milliseconds by Postgres' own clock: other machines' clocks may be wrong. */
  readonly changedMsAgo: number;
  readonly divergence: Divergence | undefined;
}

export async function readStatus(db: Queryable): Promise<PostgresStatus> {
  const { rows } = await db.query<
    VersionColumns & { database_id: string; changed_at: Date; changed_ms_ago: string }
  >(
    `SELECT epoch, revision, database_id, changed_at,
       floor(extract(epoch FROM clock_timestamp() - changed_at) * 1000)::bigint AS changed_ms_ago
     FROM publication`,
  );
  const row = only(rows);
  return {
    state: { ...toVersion(row), databaseId: row.database_id },
    changedAt: row.changed_at,
    changedMsAgo: Math.max(0, Number(row.changed_ms_ago)),
    divergence: await readDivergence(db),
  };
}
