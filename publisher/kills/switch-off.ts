import type pg from "pg";
import type { FlagRow } from "../postgres/flag-record.ts";
import { flagNamed, flagNotFound, type FlagWriter, type WrittenFlag } from "../write/flag-writer.ts";
import { createEdgeKill } from "./edge-kill.ts";
import type { Log } from "../process/log.ts";
import { guardPostgres } from "../postgres/postgres-problem.ts";
import { checkPrecondition, type Precondition } from "../write/precondition.ts";
import { Problem, briefly, type ProblemKind } from "../problem/problem.ts";
import type { PublisherRedis } from "../redis/redis.ts";
import { readFlagState, type FlagColumns } from "../postgres/store.ts";

/** Off at the edge; whether Postgres has it is not known. */
export interface Unrecorded {
  readonly recorded: false;
  /** What kept Postgres from recording it, in a few words. */
  readonly cause: string;
}

export type SwitchedOff =
  | (WrittenFlag & {
      /** Whether the edge is known to have heard of it, published or not. */
      readonly atEdge?: boolean;
    })
  | Unrecorded;

/** What Postgres says when there is nothing to switch off, or nobody may. */
const REFUSALS: ReadonlySet<ProblemKind> = new Set([
  "not-found",
  "conflict",
  "precondition-failed",
  "precondition-required",
  "invalid-request",
]);

/** Switches a flag off: at the edge first, then in Postgres, then in the snapshot. */
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
    /** What else is set, beside `enabled`. */
    readonly alsoSet: (row: FlagRow) => FlagColumns;
  },
): Promise<SwitchedOff> {
  const { pool, redis, writer, log, onUnrecordedKill } = parts;
  const { key, precondition } = request;
  await checkBeforehand(pool, key, precondition);

  const edge = createEdgeKill(redis, key, (error) => log("kill.edge_failed", { key, error: briefly(error) }));
  const isHeld = await edge.hold();
  try {
    const written = await writer.change({
      ...request,
      plan: (row) => ({ set: { ...request.alsoSet(row), enabled: false }, required: undefined }),
    });
    // Not before: a Redis that contradicts Postgres may hold a higher version without this kill, and naming ours would
    // lift it. What is not published yet stays held, and the version is named later.
    if (written.published) await edge.record(written.state);
    else onUnrecordedKill();
    return { ...written, atEdge: isHeld };
  } catch (error) {
    if (error instanceof Problem && REFUSALS.has(error.kind)) {
      await edge.release();
      throw error;
    }
    log("kill.unrecorded", { key, error: briefly(error) });
    // Once more: somebody who enabled the flag meanwhile may have taken this kill for recorded.
    if (await edge.hold()) {
      onUnrecordedKill();
      return { recorded: false, cause: causeOf(error) };
    }
    throw isHeld ? unknownOutcome() : notSwitchedOff(error);
  }
}

/**
 * With an If-Match that does not hold, nothing shall happen, not even for a moment: so this is looked at first. When
 * Postgres does not answer, off is the safer way to be wrong.
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

/** Without what to do about it: who killed a flag has nothing to try again. */
function causeOf(error: unknown): string {
  if (!(error instanceof Problem)) return "Postgres refuses to record it";
  return error.message.split(":", 1)[0] ?? error.message;
}

function unknownOutcome(): Problem {
  return new Problem(
    "unavailable",
    "Postgres does not answer, and Redis stopped answering: the flag may be off or not, so send this again",
  );
}

function notSwitchedOff(cause: unknown): Problem {
  const postgres = cause instanceof Problem ? cause.message : "Postgres refuses to record it";
  return new Problem(
    "unavailable",
    `Redis does not answer, so the flag was NOT switched off at the edge. And Postgres: ${postgres}`,
  );
}
