import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { redisKeys } from "../../shared/snapshot/snapshot.ts";
import { VISITOR } from "./clients/visitors.ts";
import { checkRedis, type Database, type StoredTexts } from "./checks/redis-equals-postgres.ts";
import { now, type FlagState, type Sighting, type Violation } from "./history.ts";
import type { System } from "./system.ts";
import { isOn, nameOf } from "./truth.ts";

/** How a round ended. */
export interface Converged {
  /** Milliseconds since the end of the last fault. */
  readonly ms: number;
  readonly database: Database;
  /** The last difference before all were equal. */
  readonly waitedFor: string;
  /** The differences that remain when the time is over. */
  readonly violations: readonly Violation[];
}

/** A limit against hanging. Publishers compare every ten seconds, and a loaded machine is slow. */
const PATIENCE_MS = 60_000;

const LOOK_MS = 50;

/**
 * Waits until Redis equals Postgres, and every isolate shows the flags of Postgres.
 *
 * @param since when the last fault was repaired
 * @param latest the newest sighting of each isolate
 */
export async function untilConverged(
  system: Pick<System, "databaseUrl" | "redis" | "environment" | "isolates">,
  since: number,
  latest: (isolate: string) => Sighting | undefined,
): Promise<Converged> {
  const client = new pg.Client({ connectionString: system.databaseUrl() });
  client.on("error", () => undefined);
  await client.connect();
  let waitedFor = "the last answer to a client";
  try {
    for (;;) {
      const database = await readDatabase(client);
      const violations = [
        ...checkRedis(await readStored(system), database),
        ...system.isolates().flatMap(({ name }) => checkIsolate(name, latest(name), database)),
      ];
      const ms = now() - since;
      if (violations.length === 0 || ms > PATIENCE_MS) return { ms, database, waitedFor, violations };
      waitedFor = violations[0]?.what ?? waitedFor;
      await sleep(LOOK_MS);
    }
  } finally {
    await client.end();
  }
}

function checkIsolate(isolate: string, last: Sighting | undefined, database: Database): readonly Violation[] {
  const rule = "afterwards every isolate shows the flags of Postgres";
  const on = [...database.flags].flatMap(([key, state]) => (isOn(key, state, VISITOR) ? [key] : [])).sort();
  const isThere =
    last?.version !== undefined && nameOf(last.version) === nameOf(database) && last.on.join() === on.join();
  return isThere
    ? []
    : [{ rule, what: `${isolate} does not, at ${nameOf(database)}`, about: [last, { on }] }];
}

/** Reads everything in one statement, so that it is the state of one instant. */
async function readDatabase(client: pg.Client): Promise<Database> {
  const { rows } = await client.query<{
    epoch: string;
    revision: string;
    database_id: string;
    key: string;
    enabled: boolean;
    rollout_pct: string;
    description: string;
  }>(
    `select p.epoch, p.revision, p.database_id, f.key, f.enabled, f.rollout_pct, f.description
     from publication p, feature_flags f order by f.key`,
  );
  const [row] = rows;
  if (row === undefined) throw new Error("Postgres has no flags");
  const toState = ({ enabled, rollout_pct, description }: typeof row): FlagState => ({
    enabled,
    rolloutPct: Number(rollout_pct),
    description,
  });
  return {
    epoch: Number(row.epoch),
    revision: Number(row.revision),
    databaseId: row.database_id,
    flags: new Map(rows.map((row) => [row.key, toState(row)])),
  };
}

async function readStored({
  redis,
  environment,
}: Pick<System, "redis" | "environment">): Promise<StoredTexts> {
  const keys = redisKeys(environment);
  const [head = null, snapshot = null, off = null] = (await redis.command(
    "MGET",
    keys.head,
    keys.snapshot,
    keys.off,
  )) as (string | null)[];
  return { head, snapshot, off };
}
