import { inject } from "vitest";

declare module "vitest" {
  export interface ProvidedContext {
    /** How often each property is tried, or "full". */
    readonly runs: string;
  }
}

/**
 * True in `npm run test:all` (SLUICE_TEST_RUNS=full): each property is tried as often as it is meant to be, and pauses
 * take their real time. Only then do tests ask whether random values have covered every case.
 */
export const isFull = inject("runs") === "full";

/** How often a property is tried: `full` times, or at most SLUICE_TEST_RUNS times (100 in `npm test`). */
export function runs(full: number): number {
  if (isFull) return full;
  const wanted = Number(inject("runs"));
  if (Number.isInteger(wanted) && wanted > 0) return Math.min(full, wanted);
  throw new Error(`SLUICE_TEST_RUNS is "${inject("runs")}": write a whole number above 0, or full`);
}
