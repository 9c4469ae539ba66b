import type pg from "pg";
import type { Version } from "../shared/revision.ts";
import { readFlagVersion } from "./flag-history.ts";
import type { FlagRow } from "./flag-record.ts";
import { NO_SIZES, checkSizes, readFlagSizes } from "./flag-sizes.ts";
import { toFlagView, type FlagView } from "./flag-view.ts";
import { inTransaction, type Queryable } from "./postgres.ts";
import { guardPostgres } from "./postgres-problem.ts";
import { checkPrecondition, type Precondition } from "./precondition.ts";
import { Problem } from "./problem.ts";
import type { Publisher } from "./publisher.ts";
import {
  deleteFlag,
  insertFlag,
  raiseRevision,
  readFlag,
  setActor,
  updateFlag,
  type FlagColumns,
} from "./store.ts";

/** How long an admin write waits for Redis before it answers `published: false`. */
const PUBLISH_TIMEOUT_MS = 3_000;

/** A flag with the version that changed it last. */
export interface VersionedFlag {
  readonly flag: FlagView;
  readonly version: Version;
}

/** Where Postgres stands after a write. */
export interface Written {
  readonly state: Version;
}

/** One change of a flag that is there. */
export interface FlagChangeRequest {
  readonly actor: string;
  readonly key: string;
  readonly precondition: Precondition;
  /** Gives the columns to set, and what makes If-Match necessary (undefined: nothing does). */
  readonly plan: (row: FlagRow) => { readonly set: FlagColumns; readonly required: string | undefined };
}

export type FlagWriter = ReturnType<typeof createFlagWriter>;

/** Writes flags: one transaction in Postgres, then the way to Redis. */
export function createFlagWriter(options: {
  readonly pool: pg.Pool;
  readonly publisher: Publisher;
  readonly maxSnapshotBytes: number;
}) {
  const { pool, publisher, maxSnapshotBytes } = options;

  /** Runs a transaction in the actor's name. */
  function write<T>(actor: string, work: (client: Queryable) => Promise<T>): Promise<T & Written> {
    return guardPostgres("write", () =>
      inTransaction(pool, async (client) => {
        await setActor(client, actor);
        const result = await work(client);
        return { ...result, state: await raiseRevision(client) };
      }),
    );
  }

  return {
    create(actor: string, key: string, columns: FlagColumns) {
      return write<VersionedFlag>(actor, async (client) => {
        const row = await insertFlag(client, key, columns);
        await checkSizes(client, key, NO_SIZES, maxSnapshotBytes);
        return versioned(client, row);
      });
    },

    change({ actor, key, precondition, plan }: FlagChangeRequest) {
      return write<VersionedFlag>(actor, async (client) => {
        const row = await lockFlag(client, key);
        const { set, required } = plan(row);
        await checkPrecondition(client, key, await readFlagVersion(client, key), precondition, required);
        const before = await readFlagSizes(client, key);
        const changed = await updateFlag(client, key, set);
        await checkSizes(client, key, before, maxSnapshotBytes);
        return versioned(client, changed);
      });
    },

    remove(actor: string, key: string, precondition: Precondition) {
      return write(actor, async (client) => {
        const row = await lockFlag(client, key);
        if (!Array.isArray(row.gates) || row.gates.length > 0) {
          throw new Problem(
            "conflict",
            `flag ${key} has gates, which would open without it: archive it, or remove its gates first`,
          );
        }
        const version = await readFlagVersion(client, key);
        await checkPrecondition(client, key, version, precondition, "this removes the flag");
        await deleteFlag(client, key);
        return {};
      });
    },

    /** Waits until Redis has what was written. */
    async publish<T extends Written>(written: T): Promise<T & { readonly published: boolean }> {
      return { ...written, published: await publisher.publishAtLeast(written.state, PUBLISH_TIMEOUT_MS) };
    },
  };
}

async function versioned(client: Queryable, row: FlagRow): Promise<VersionedFlag> {
  await raiseRevision(client);
  return { flag: toFlagView(row), version: await readFlagVersion(client, row.key) };
}

/** One flag, kept as it is until the transaction's end. */
async function lockFlag(client: Queryable, key: string): Promise<FlagRow> {
  return (await readFlag(client, key, { lock: true })) ?? flagNotFound(key);
}

export function flagNotFound(key: string): never {
  throw new Problem("not-found", `there is no flag ${key}`);
}
