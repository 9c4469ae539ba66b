import { setTimeout as sleep } from "node:timers/promises";
import { now, type Inflicted } from "./history.ts";
import type { Faults } from "./parts/fault.ts";
import type { Planned } from "./plan.ts";

/** Faults that are under way. */
export interface Infliction {
  /** Mends at once what is not mended yet, and waits until all is. */
  heal(): Promise<readonly Inflicted[]>;
}

/** Inflicts each fault when its time has come, and mends it when that is over. */
export function inflict(planned: readonly Planned[], faults: ReadonlyMap<string, Faults>): Infliction {
  const healing = new AbortController();
  /** Waits, and gives up waiting when all is to be mended. */
  const wait = (ms: number): Promise<void> =>
    sleep(ms, undefined, { signal: healing.signal }).catch(() => undefined);

  const running = planned.map(async ({ target, kind, at, forMs }): Promise<Inflicted[]> => {
    const fault = faults.get(target)?.[kind];
    if (fault === undefined) throw new Error(`${target} cannot be ${kind}`);
    await wait(at);
    if (healing.signal.aborted) return [];
    const startedAt = now();
    await fault.begin();
    await wait(forMs);
    await fault.end();
    return [{ target, kind, startedAt, endedAt: now() }];
  });
  // Whoever fails is heard of in `heal`.
  for (const one of running) one.catch(() => undefined);
  return {
    async heal() {
      healing.abort();
      return (await Promise.all(running)).flat();
    },
  };
}
