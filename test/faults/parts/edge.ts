import { setTimeout as sleep } from "node:timers/promises";
import { startEdgeWorkers, type EdgeWorkers } from "../../../publisher/dev/edge-worker.ts";
import type { Faults } from "./fault.ts";
import type { Janitor } from "./janitor.ts";
import { childrenOf } from "./processes.ts";

/** One isolate of the worker, for its life. */
export interface Isolate {
  readonly name: string;
  readonly url: string;
  /** Visits that are not answered yet: until there are none it has to live. */
  visits: number;
}

/** Isolates in one workerd, which share the Cache API, as those of a colo do. */
export interface EdgePart {
  /** Those that visitors are sent to now. */
  readonly isolates: () => readonly Isolate[];
  readonly faults: Faults;
  stop(): Promise<void>;
}

/** Starts it. @param vars of each isolate, over wrangler.toml's */
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
    // Should another colo start at the same time, both watch both.
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
      // Isolates come and go: the new ones know nothing, and have to learn it while other things fail.
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

/** From one start to the next. */
interface Life {
  readonly workers: EdgeWorkers;
  readonly isolates: readonly Isolate[];
  readonly pids: readonly number[];
}

const workerds = (): Promise<readonly number[]> => childrenOf(process.pid, "workerd serve");
