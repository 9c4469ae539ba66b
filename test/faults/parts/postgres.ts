import { setTimeout as sleep } from "node:timers/promises";
import {
  startEmbeddedPostgres,
  type EmbeddedPostgres,
} from "../../../publisher/dev/postgres/embedded-postgres.ts";
import { withClient } from "../../support/database.ts";
import type { Faults } from "./fault.ts";
import type { Janitor } from "./janitor.ts";
import { childrenOf, signal, untilGone } from "./processes.ts";

/** A real Postgres that can be killed. */
export interface PostgresPart {
  /** The port; it changes with each start. */
  readonly port: () => number;
  /** The current URL, or the URL with another port on loopback. */
  readonly url: (port?: number) => string;
  readonly faults: Faults;
  stop(): Promise<void>;
}

/**
 * fsync is off, because a killed process loses nothing that it has written to the operating system. Only a power cut would. A
 * COMMIT still writes before it is answered.
 */
const SETTINGS = { fsync: "off", synchronous_commit: "on", max_connections: "100" } as const;

/** How long the last processes of a killed server may lock the data folder. */
const START_AGAIN_MS = 20_000;

/** Starts Postgres. @param folder must be accessible to the server's user */
export async function startPostgresPart(folder: string, janitor: Janitor): Promise<PostgresPart> {
  let server = await start();
  let pid = await findPid(server.url);
  let stopped: readonly number[] = [];

  async function start(): Promise<EmbeddedPostgres> {
    const deadline = Date.now() + START_AGAIN_MS;
    for (;;) {
      try {
        return await startEmbeddedPostgres({ dataDir: folder, settings: SETTINGS });
      } catch (error) {
        if (Date.now() > deadline) throw error;
        await sleep(100);
      }
    }
  }

  /** Stops the postmaster first, so that it starts no more processes, and returns all processes of the server. */
  async function all(): Promise<readonly number[]> {
    signal(pid, "SIGSTOP");
    janitor.watch(pid);
    const pids = [...(await childrenOf(pid)), pid];
    for (const one of pids) janitor.watch(one);
    return pids;
  }

  async function gone(pids: readonly number[]): Promise<void> {
    await untilGone(pid);
    for (const one of pids) janitor.forget(one);
  }

  const startAgain = async (): Promise<void> => {
    server = await start();
    pid = await findPid(server.url);
  };

  const faults: Faults = {
    // All processes at once: the content of their memory is lost.
    killed: {
      async begin() {
        const pids = await all();
        for (const one of pids) signal(one, "SIGKILL");
        await gone(pids);
      },
      end: startAgain,
    },
    "shut down at once": {
      async begin() {
        signal(pid, "SIGQUIT");
        await untilGone(pid);
      },
      end: startAgain,
    },
    // Postgres treats it as a crash of all processes, and recovers by itself.
    "one process killed": {
      async begin() {
        const children = await childrenOf(pid);
        const one = children[Math.floor(Math.random() * children.length)];
        if (one !== undefined) signal(one, "SIGKILL");
      },
      end: () => untilItAnswers(server.url),
    },
    stopped: {
      async begin() {
        stopped = await all();
        for (const one of stopped) signal(one, "SIGSTOP");
      },
      async end() {
        for (const one of stopped) {
          signal(one, "SIGCONT");
          janitor.forget(one);
        }
        stopped = [];
      },
    },
  };
  return {
    port: () => Number(new URL(server.url).port),
    url(port) {
      const url = new URL(server.url);
      if (port !== undefined) url.port = String(port);
      return url.href;
    },
    faults,
    stop: () => server.stop({ remove: true }),
  };
}

/** The server's own process, not the shell that started it. */
async function findPid(url: string): Promise<number> {
  const { rows } = await withClient(url, (client) =>
    client.query<{ pid: string }>("select split_part(pg_read_file('postmaster.pid'), E'\\n', 1) as pid"),
  );
  const pid = Number(rows[0]?.pid);
  if (!Number.isInteger(pid) || pid <= 1) throw new Error("Postgres did not report its process id");
  return pid;
}

async function untilItAnswers(url: string): Promise<void> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    try {
      await withClient(url, (client) => client.query("select 1"));
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await sleep(50);
    }
  }
}
