import type pg from "pg";
import { readVersion, type Subject, type SubjectVersion } from "../postgres/change-history.ts";
import { inTransaction, type Queryable } from "../postgres/postgres.ts";
import { guardPostgres } from "../postgres/postgres-problem.ts";
import { raiseRevision, setActor } from "../postgres/publication.ts";
import type { PublishState } from "../publish/publish-state.ts";
import type { Publisher } from "../publish/publisher.ts";

/** How long an admin write waits for Redis before it answers `published: false`. */
const PUBLISH_TIMEOUT_MS = 3_000;

/** A write that is committed. A write that changes nothing keeps the version. */
export type Written = PublishState & SubjectVersion;

/**
 * Writes one flag or segment in one transaction, then waits until Redis has it.
 *
 * The revision is raised once, after the change and before its checks. From there on all other writers wait for the
 * commit, so that two writes that are fine alone cannot break something together.
 *
 * @param change makes the change; returns the checks, which run under the lock of all writers and return the answer
 */
export async function write<T extends object>(
  { pool, publisher }: { readonly pool: pg.Pool; readonly publisher: Publisher },
  actor: string,
  subject: Subject,
  change: (client: Queryable) => Promise<() => Promise<T>>,
): Promise<T & Written> {
  const written = await guardPostgres(
    "write",
    () =>
      inTransaction(pool, async (client) => {
        await setActor(client, actor);
        const check = await change(client);
        await raiseRevision(client);
        return { ...(await check()), ...(await readVersion(client, subject)) };
      }),
    subject.entity,
  );
  return { ...written, published: await publisher.publishAtLeast(written.state, PUBLISH_TIMEOUT_MS) };
}
