import { InvalidArgumentError } from "commander";

/** A time limit from the command line, in seconds: `30`, `0.5`. @returns milliseconds */
export function parseSeconds(text: string): number {
  const seconds = /^\d{1,4}(\.\d{1,3})?$/.test(text) ? Number(text) : Number.NaN;
  if (seconds > 0 && seconds <= 3_600) return seconds * 1_000;
  throw new InvalidArgumentError("Write seconds like 30, more than 0 and at most 3600.");
}
