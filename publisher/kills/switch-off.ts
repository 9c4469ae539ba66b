import type pg from "pg";
import type { FlagRow } from "../postgres/flag-record.ts";
import { flagNamed, flagNotFound, type FlagWriter, type WrittenFlag } from "../write/flag-writer.ts";
import { createEdgeKill } from "./edge-kill.ts";
import type { Log } from "../process/log.ts";
import { guardPostgres } from "../postgres/postgres-problem.ts";
import { checkPrecondition, type Precondition } from "../write/precondition.ts";
import { Problem, briefly, type ProblemKind } from "../problem/problem.ts";
import type { PublisherRedis } from "../redis/redis.ts";
import { readDivergence } from "../postgres/publication.ts";
import { readFlagState, type FlagColumns } from "../postgres/store.ts";

/** The flag is off at the edge. Postgres may or may not have recorded it. */
export interface Unrecorded {
  readonly recorded: false;
  /** Why Postgres has not recorded it, in a few words. */
  readonly cause: string;
}

export type SwitchedOff =
  | (WrittenFlag & {
      /** Whether Redis is known to have the kill, published or not. */
      readonly atEdge?: boolean;
    })
  | Unrecorded;

/** Problems that mean: there is nothing to switch off, or the request is refused. */
const REFUSALS: ReadonlySet<ProblemKind> = new Set([
  "not-found",
  "conflict",
  "precondition-failed",
  "precondition-required",
  "invalid-request",
]);

const NOT_RECORDED = "Postgres refuses to record it";

/** Switches a flag off: first at the edge, then in Postgres, then in the snapshot. */
export async function switchOff(
  parts: {
    readonly pool: pg.Pool;
    readonly redis: PublisherRedis;
    readonly writer: FlagWriter;
    readonly log: Log;
    readonly onUnrecordedKill: () => void;
  },
  request: {
    readonly actor: string;
    readonly key: string;
    readonly precondition: Precondition;
    /** Columns to set beside `enabled`. */
    readonly alsoSet: (row: FlagRow) => FlagColumns;
  },
): Promise<SwitchedOff> {
  const { pool, redis, writer, log, onUnrecordedKill } = parts;
  const { key, precondition } = request;
  await checkBeforehand(pool, key, precondition);

  const edge = createEdgeKill(redis, key, (error) => log("kill.edge_failed", { key, error: briefly(error) }));
  const isAtEdge = await edge.hold();
  try {
    const written = await writer.change({
      ...request,
      plan: (row) => ({ set: { ...request.alsoSet(row), enabled: false }, required: undefined }),
    });
    // Only once it is published: if Redis contradicts Postgres, its snapshot may have a higher version without this kill,
    // and naming our version would end the kill. Until then the kill stays in Redis, and the import names the version.
    if (written.published) await edge.record(written.state);
    else onUnrecordedKill();
    return { ...written, atEdge: isAtEdge };
  } catch (error) {
    if (error instanceof Problem && REFUSALS.has(error.kind) && !(await isLost(pool, error))) {
      await edge.release();
      throw error;
    }
    log("kill.unrecorded", { key, error: briefly(error) });
    // Again: an enable in the meantime may have counted this kill as recorded.
    if (await edge.hold()) {
      onUnrecordedKill();
      return { recorded: false, cause: causeOf(error) };
    }
    const postgres = error instanceof Problem ? error.message : NOT_RECORDED;
    throw new Problem(
      "unavailable",
      isAtEdge
        ? "Postgres does not answer, and Redis has stopped answering: the flag may be on or off, so send this again"
        : `Redis does not answer, so the flag was NOT switched off at the edge. Postgres: ${postgres}`,
    );
  }
}

/**
 * Refuses a wrong If-Match before the edge is touched: the flag must not be off even for a moment. If Postgres does not
 * answer, the kill continues, because off is the safer mistake.
 */
async function checkBeforehand(pool: pg.Pool, key: string, precondition: Precondition): Promise<void> {
  if (typeof precondition === "string") return;
  try {
    await guardPostgres("read", async () => {
      const found = (await readFlagState(pool, key)) ?? flagNotFound(key);
      await checkPrecondition(pool, flagNamed(key), precondition, undefined, found.version);
    });
  } catch (error) {
    if (!(error instanceof Problem) || error.kind !== "unavailable") throw error;
  }
}

/** Whether Postgres lost the flag, and visitors still have it: nothing is published while Redis contradicts Postgres. */
async function isLost(pool: pg.Pool, { kind }: Problem): Promise<boolean> {
  if (kind !== "not-found") return false;
  return (await readDivergence(pool).catch(() => undefined)) !== undefined;
}

/** The cause without advice to retry: the kill has worked at the edge. */
function causeOf(error: unknown): string {
  if (!(error instanceof Problem)) return NOT_RECORDED;
  return error.message.split(":", 1)[0] ?? error.message;
}
