import type pg from "pg";
import type { Version } from "../../shared/snapshot/revision.ts";
import { inTransaction, type Queryable } from "../postgres/postgres.ts";
import { guardPostgres } from "../postgres/postgres-problem.ts";
import type { Publisher } from "../publish/publisher.ts";
import { raiseRevision, setActor } from "../postgres/publication.ts";

/** How long an admin write waits for Redis before it answers `published: false`. */
const PUBLISH_TIMEOUT_MS = 3_000;

/** Where Postgres stands after a write. */
export interface Written {
  readonly state: Version;
}

/** Runs a transaction in the actor's name. */
export function writeTransaction<T>(
  pool: pg.Pool,
  actor: string,
  work: (client: Queryable) => Promise<T>,
  noun: "flag" | "segment" = "flag",
): Promise<T & Written> {
  const write = () =>
    inTransaction(pool, async (client) => {
      await setActor(client, actor);
      const result = await work(client);
      return { ...result, state: await raiseRevision(client) };
    });
  return guardPostgres("write", write, noun);
}

/** Waits until Redis has what was written. */
export async function publishWritten<T extends Written>(
  publisher: Publisher,
  written: T,
): Promise<T & { readonly published: boolean }> {
  return { ...written, published: await publisher.publishAtLeast(written.state, PUBLISH_TIMEOUT_MS) };
}
