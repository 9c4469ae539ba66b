import { percentile } from "./percentile.ts";

const BATCHES = 9;
const BATCH_US = 40_000;

/**
 * The median processor time of one call in microseconds, with one call at a time. It includes other threads of this
 * process, and no other process.
 */
export async function microsecondsOf(call: () => Promise<unknown>): Promise<number> {
  let calls = 1;
  const timed = async (): Promise<number> => {
    const begun = process.cpuUsage();
    for (let n = 0; n < calls; n += 1) await call();
    const { user, system } = process.cpuUsage(begun);
    return user + system;
  };
  // Also warms up.
  while ((await timed()) < BATCH_US) calls *= 2;
  const batches: number[] = [];
  for (let n = 0; n < BATCHES; n += 1) batches.push((await timed()) / calls);
  return percentile(batches, 0.5);
}
