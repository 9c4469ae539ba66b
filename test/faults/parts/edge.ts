import { setTimeout as sleep } from "node:timers/promises";
import { startEdgeWorkers, type EdgeWorkers } from "../../../publisher/dev/edge-worker.ts";
import type { Faults } from "./fault.ts";
import type { Janitor } from "./janitor.ts";
import { childrenOf } from "./processes.ts";

/** One isolate of the worker, from its start to its end. */
export interface Isolate {
  readonly name: string;
  readonly url: string;
  /** Visits that are not answered yet. The isolate must run until there are none. */
  visits: number;
}

/** Isolates in one workerd. They share the Cache API, like those of a colo. */
export interface EdgePart {
  /** The isolates that get visitors now. */
  readonly isolates: () => readonly Isolate[];
  readonly faults: Faults;
  stop(): Promise<void>;
}

/** Starts the isolates of a colo. @param vars of each isolate; they override those of wrangler.toml */
export async function startEdgePart(
  colo: string,
  count: number,
  vars: Readonly<Record<string, string>>,
  janitor: Janitor,
  log: (line: string) => void,
): Promise<EdgePart> {
  let life = 0;
  let current = await start();
  let leaving: Life | undefined;

  async function start(): Promise<Life> {
    const before = await workerds();
    const workers = await startEdgeWorkers({ isolates: Array.from({ length: count }, () => vars), log });
    // If another colo starts at the same time, both watch the processes of both.
    const pids = (await workerds()).filter((pid) => !before.includes(pid));
    for (const pid of pids) janitor.watch(pid);
    life += 1;
    const isolates = workers.urls.map((url, index) => ({
      name: `${colo}${index + 1}/${life}`,
      url,
      visits: 0,
    }));
    return { workers, isolates, pids };
  }

  async function end({ workers, pids }: Life): Promise<void> {
    await workers.stop();
    const alive = await workerds();
    for (const pid of pids) if (!alive.includes(pid)) janitor.forget(pid);
  }

  async function leave(): Promise<void> {
    const left = leaving;
    leaving = undefined;
    while (left?.isolates.some(({ visits }) => visits > 0) === true) await sleep(20);
    if (left !== undefined) await end(left);
  }

  return {
    isolates: () => current.isolates,
    faults: {
      // New isolates replace the old ones. They have no snapshot, and must get one while other parts fail.
      "started anew": {
        async begin() {
          const next = await start();
          leaving = current;
          current = next;
        },
        end: leave,
      },
    },
    async stop() {
      await leave();
      await end(current);
    },
  };
}

/** The isolates of one start. */
interface Life {
  readonly workers: EdgeWorkers;
  readonly isolates: readonly Isolate[];
  readonly pids: readonly number[];
}

const workerds = (): Promise<readonly number[]> => childrenOf(process.pid, "workerd serve");
