import { setTimeout as sleep } from "node:timers/promises";

/** Waits until an instant on the clock of `performance.now()`; returns at once when it has passed. */
export async function sleepUntil(at: number): Promise<void> {
  const ms = at - performance.now();
  if (ms > 0) await sleep(ms);
}
