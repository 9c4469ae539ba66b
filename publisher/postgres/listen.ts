import pg from "pg";
import { isObject, jsonOrUndefined } from "../../shared/flag/members.ts";
import type { Version } from "../../shared/snapshot/revision.ts";
import type { Log } from "../process/log.ts";
import { briefly } from "../problem/problem.ts";
import { REVISION_CHANNEL } from "./publication.ts";

const RECONNECT_MS = { first: 200, most: 5_000 } as const;

/**
 * Calls `onChange` with the version of every commit that changed the snapshot, by this publisher, another one or plain
 * SQL. Uses its own connection and opens it again when it breaks. After that it calls `onChange` without a version, because
 * it may have missed a commit.
 */
export function listenForChanges(options: {
  readonly databaseUrl: string;
  readonly onChange: (version?: Version) => void;
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
    candidate.on("notification", ({ payload }) => onChange(parseVersion(payload)));
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

/** Any database user can notify: an invalid payload only means that something may have changed. */
function parseVersion(payload: string | undefined): Version | undefined {
  const json = jsonOrUndefined(payload);
  if (!isObject(json)) return undefined;
  const { epoch, revision } = json;
  const isVersion = Number.isSafeInteger(epoch) && Number.isSafeInteger(revision);
  return isVersion ? { epoch: Number(epoch), revision: Number(revision) } : undefined;
}
