import { setTimeout as sleep } from "node:timers/promises";

/** Waits for an instant on the clock of `performance.now()`; not at all when it has passed. */
export async function sleepUntil(at: number): Promise<void> {
  const ms = at - performance.now();
  if (ms > 0) await sleep(ms);
}
