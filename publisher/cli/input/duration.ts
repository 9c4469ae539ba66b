import { InvalidArgumentError } from "commander";

const SECONDS: { readonly [unit: string]: number } = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** A duration from the command line: `90s`, `30m`, `2h`, `7d`. @returns seconds */
export function parseDuration(text: string): number {
  const [, count, unit = ""] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const seconds = Number(count) * (SECONDS[unit] ?? Number.NaN);
  if (seconds >= 60) return seconds;
  throw new InvalidArgumentError("Write a duration of a minute or more, like 90s, 30m, 2h or 7d.");
}

/** A time limit from the command line, in seconds: `30`, `0.5`. @returns milliseconds */
export function parseSeconds(text: string): number {
  const seconds = /^\d{1,4}(\.\d{1,3})?$/.test(text) ? Number(text) : Number.NaN;
  if (seconds > 0 && seconds <= 3_600) return seconds * 1_000;
  throw new InvalidArgumentError("Write seconds like 30, more than 0 and at most 3600.");
}
