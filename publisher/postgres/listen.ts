import { randomUUID } from "node:crypto";
import pg from "pg";
import { isObject, jsonOrUndefined } from "../../shared/flag/members.ts";
import { compareVersions, type Version } from "../../shared/snapshot/revision.ts";
import { startLoop } from "../process/background-loop.ts";
import type { Log } from "../process/log.ts";
import { withinTime } from "../process/within-time.ts";
import { briefly } from "../problem/problem.ts";
import { KEEP_ALIVE } from "./postgres.ts";
import { REVISION_CHANNEL, readPublicationState } from "./publication.ts";

/** Times of the listening connection, in milliseconds. */
export interface ListenTimes {
  /** How often the connection is checked, and how long each answer may take. */
  readonly heartbeat: number;
  readonly answer: number;
  /** How often the revision is read while no connection listens. */
  readonly poll: number;
  /** The wait before a new connection: doubled after each failure, up to `mostWait`. */
  readonly firstWait: number;
  readonly mostWait: number;
  /** The wait before LISTEN is tried again behind a pooler that does not pass notifications on. */
  readonly poolerWait: number;
}

const TIMES: ListenTimes = {
  heartbeat: 10_000,
  answer: 3_000,
  poll: 1_000,
  firstWait: 200,
  mostWait: 5_000,
  poolerWait: 300_000,
};

/** How the publisher learns of changes by others. */
export type ListenStatus =
  | { readonly mode: "connecting" | "listening" }
  /** Nothing announces changes, so the revision is read every `every_ms`. */
  | { readonly mode: "polling"; readonly every_ms: number; readonly why: string };

const NO_NOTIFICATIONS =
  "LISTEN receives no notifications, so a pooler in transaction mode is in between: set DATABASE_LISTEN_URL to a direct connection to the same database";

/**
 * Calls `onChange` with the version of every commit that changed the snapshot, by this publisher, another one or plain
 * SQL. Uses its own connection, checks it with a heartbeat, and opens it again when it breaks. After that it calls
 * `onChange` without a version, because it may have missed a commit.
 *
 * Each new connection must prove that it receives notifications: a pooler in transaction mode accepts LISTEN and delivers
 * nothing. While no connection listens, the revision is read at an interval.
 */
export function listenForChanges(options: {
  readonly databaseUrl: string;
  /** Sends the proof and reads the revision. */
  readonly pool: pg.Pool;
  readonly onChange: (version?: Version) => void;
  readonly log: Log;
  readonly times?: Partial<ListenTimes>;
}): { readonly status: () => ListenStatus; readonly stop: () => Promise<void> } {
  const { databaseUrl, pool, onChange, log } = options;
  const times = { ...TIMES, ...options.times };
  let status: ListenStatus = { mode: "connecting" };
  let client: pg.Client | undefined;
  let reconnect: NodeJS.Timeout | undefined;
  let failures = 0;
  let stopped = false;

  function connect(): void {
    const candidate = new pg.Client({
      connectionString: databaseUrl,
      application_name: "sluice listen",
      connectionTimeoutMillis: times.answer,
      query_timeout: times.answer,
      ...KEEP_ALIVE,
    });
    client = candidate;
    let ended = false;
    let heartbeat: NodeJS.Timeout | undefined;

    const fail = (error: unknown): void => {
      if (ended) return;
      ended = true;
      clearTimeout(heartbeat);
      candidate.end().catch(() => undefined);
      if (stopped) return;
      const why = error instanceof UnheardError ? NO_NOTIFICATIONS : briefly(error);
      const isNew = status.mode !== "polling" || (why === NO_NOTIFICATIONS && status.why !== why);
      if (isNew) {
        log("listen.lost", { error: why, poll_ms: times.poll });
      }
      status = { mode: "polling", every_ms: times.poll, why };
      const wait = Math.min(times.firstWait * 2 ** failures++, times.mostWait);
      reconnect = setTimeout(connect, error instanceof UnheardError ? times.poolerWait : wait);
    };

    function beat(): void {
      heartbeat = setTimeout(() => {
        if (ended) return;
        candidate.query("SELECT 1").then(beat, (error: unknown) => {
          // A server that reports an error has answered.
          if (error instanceof pg.DatabaseError) beat();
          else fail(error);
        });
      }, times.heartbeat);
    }

    candidate.on("error", fail);
    candidate.on("end", () => fail("the connection was closed"));
    candidate.on("notification", ({ channel, payload }) => {
      if (channel === REVISION_CHANNEL) onChange(parseVersion(payload));
    });
    prove(candidate, pool, times.answer)
      .then(() => {
        if (ended) return;
        failures = 0;
        if (status.mode === "polling") log("listen.recovered", {});
        status = { mode: "listening" };
        beat();
        onChange();
      })
      .catch(fail);
  }

  let polled: Version | undefined;
  const polling = startLoop({
    everyMs: times.poll,
    // The publisher reports a Postgres that does not answer.
    onError: () => undefined,
    work: async () => {
      if (status.mode !== "polling") {
        polled = undefined;
        return;
      }
      const state = await readPublicationState(pool);
      if (polled === undefined || compareVersions(polled, state) !== 0) onChange();
      polled = state;
    },
  });
  connect();
  return {
    status: () => status,
    async stop() {
      stopped = true;
      clearTimeout(reconnect);
      await Promise.all([polling.stop(), client?.end().catch(() => undefined)]);
    },
  };
}

/** LISTEN was accepted, and the notification did not arrive. */
class UnheardError extends Error {}

/** Connects, listens, and waits for a notification that the pool sends on a channel of its own. */
async function prove(client: pg.Client, pool: pg.Pool, answerMs: number): Promise<void> {
  const proof = `sluice_proof_${randomUUID().replaceAll("-", "")}`;
  const heard = new Promise<boolean>((resolve) => {
    client.on("notification", ({ channel }) => {
      if (channel === proof) resolve(true);
    });
  });
  await client.connect();
  await client.query(`LISTEN ${REVISION_CHANNEL}; LISTEN ${proof}`);
  await pool.query("SELECT pg_notify($1, '')", [proof]);
  if (!(await withinTime(answerMs, heard, () => false))) throw new UnheardError(NO_NOTIFICATIONS);
  // Not before: a pooler in transaction mode would hand these settings to others.
  await client.query(`UNLISTEN ${proof}; SET statement_timeout = 0; SET idle_session_timeout = 0`);
}

/** Any database user can notify: an invalid payload only means that something may have changed. */
function parseVersion(payload: string | undefined): Version | undefined {
  const json = jsonOrUndefined(payload);
  if (!isObject(json)) return undefined;
  const { epoch, revision } = json;
  const isVersion = Number.isSafeInteger(epoch) && Number.isSafeInteger(revision);
  return isVersion ? { epoch: Number(epoch), revision: Number(revision) } : undefined;
}
