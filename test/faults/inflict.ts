import { setTimeout as sleep } from "node:timers/promises";
import { now, type Inflicted } from "./history.ts";
import type { Faults } from "./parts/fault.ts";
import type { Planned } from "./plan.ts";

/** Faults that are under way. */
export interface Infliction {
  /** Ends all faults now, and waits until everything is repaired. */
  heal(): Promise<readonly Inflicted[]>;
}

/** Begins each fault at its planned time, and ends it after its planned duration. */
export function inflict(planned: readonly Planned[], faults: ReadonlyMap<string, Faults>): Infliction {
  const healing = new AbortController();
  /** Waits, at most until `heal` is called. */
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
  // `heal` reports a failure; here it must not end the process.
  for (const one of running) one.catch(() => undefined);
  return {
    async heal() {
      healing.abort();
      return (await Promise.all(running)).flat();
    },
  };
}
