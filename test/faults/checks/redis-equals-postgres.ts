import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { Version } from "../../../shared/snapshot/revision.ts";
import type { FlagState, Violation } from "../history.ts";
import { nameOf } from "../truth.ts";

const RULE = "afterwards Redis equals Postgres";

/** The texts in Redis. */
export interface StoredTexts {
  readonly head: string | null;
  readonly snapshot: string | null;
  readonly off: string | null;
}

/** The state in Postgres. */
export interface Database extends Version {
  readonly databaseId: string;
  readonly flags: ReadonlyMap<string, FlagState>;
}

/** Compares Redis with a snapshot that is built here from the rows. */
export function checkRedis(stored: StoredTexts, database: Database): readonly Violation[] {
  const differ = (what: string, ...about: unknown[]): readonly Violation[] => [{ rule: RULE, what, about }];
  if (stored.head === null || stored.snapshot === null) return differ("Redis is empty");
  const head = JSON.parse(stored.head) as Version & { digest: string; bytes: number; database_id: string };
  const snapshot = JSON.parse(stored.snapshot) as { flags: unknown };
  const off = JSON.parse(stored.off ?? "{}") as Readonly<Record<string, unknown>>;

  const flags = [...database.flags]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, { enabled, rolloutPct }]) => ({ key, enabled, rollout_pct: rolloutPct }));
  const pending = Object.entries(off).filter(([, version]) => version === null);
  return [
    ...(nameOf(head) === nameOf(database)
      ? []
      : differ(`Redis is at ${nameOf(head)}, Postgres at ${nameOf(database)}`)),
    ...(head.database_id === database.databaseId ? [] : differ("the head names another database", head)),
    ...(head.digest === createHash("sha256").update(stored.snapshot).digest("hex") &&
    head.bytes === Buffer.byteLength(stored.snapshot)
      ? []
      : differ("the head names another snapshot", head)),
    ...(isDeepStrictEqual(snapshot.flags, flags) ? [] : differ("the flags differ", snapshot.flags, flags)),
    ...(pending.length === 0 ? [] : differ("kills are not recorded in Postgres", ...pending)),
  ];
}
