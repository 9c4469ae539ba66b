import pg from "pg";
import type { Log } from "./log.ts";
import { briefly } from "./problem.ts";
import { REVISION_CHANNEL } from "./store.ts";

const RECONNECT_MS = { first: 200, most: 5_000 } as const;

/**
 * Calls `onChange` for every commit that changed the snapshot, whoever made it: another publisher, or plain SQL. Holds
 * one connection of its own, opens it again when it breaks, and then calls `onChange` too, since something may have
 * been missed.
 */
export function listenForChanges(options: {
  readonly databaseUrl: string;
  readonly onChange: () => void;
  readonly log: Log;
}): { stop(): Promise<void> } {
  const { databaseUrl, onChange, log } = options;
  let client: pg.Client | undefined;
  let timer: NodeJS.Timeout | undefined;
  let failures = 0;
  let stopped = false;

  function connect(): void {
    const candidate = new pg.Client({
      connectionString: databaseUrl,
      application_name: "sluice listen",
      connectionTimeoutMillis: 3_000,
      keepAlive: true,
    });
    client = candidate;
    let ended = false;
    const again = (error: unknown): void => {
      if (ended) return;
      ended = true;
      candidate.end().catch(() => undefined);
      if (stopped) return;
      log("listen.lost", { error: briefly(error) });
      timer = setTimeout(connect, Math.min(RECONNECT_MS.first * 2 ** failures++, RECONNECT_MS.most));
    };
    candidate.on("error", again);
    candidate.on("end", () => again("the connection was closed"));
    candidate.on("notification", onChange);
    candidate
      .connect()
      .then(() => candidate.query(`LISTEN ${REVISION_CHANNEL}`))
      .then(() => {
        failures = 0;
        onChange();
      })
      .catch(again);
  }

  connect();
  return {
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await client?.end().catch(() => undefined);
    },
  };
}
