import { visible } from "../terminal/visible.ts";

/** A percentage: `25 %`, `0.5 %`. */
export function percentInWords(percent: number): string {
  return `${percent} %`;
}

/** The first ids: `u1, u2 and 8 more`. */
export function idsInWords(ids: readonly string[], maximum: number): string {
  if (ids.length === 0) return "-";
  const shown = ids.slice(0, maximum).map((id) => visible(id, 80));
  const more = ids.length - shown.length;
  return shown.join(", ") + (more > 0 ? ` and ${more} more` : "");
}

/** A duration: `850 ms`, `2.1 s`, `12 min`. */
export function durationInWords(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1_000).toFixed(1)} s`;
  if (ms < 120_000) return `${Math.round(ms / 1_000)} s`;
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`;
  if (ms < 172_800_000) return `${Math.round(ms / 3_600_000)} h`;
  return `${Math.round(ms / 86_400_000)} d`;
}

/** A count with its noun: `1 rule`, `2 rules`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** A time from the API, to the minute, in UTC. */
export function timeInWords(time: string): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return visible(time, 40);
  return `${date.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
