import type { WorkerFault, FaultWord } from "./fault.ts";

/** Makes a fault visible to whoever runs the worker. */
export type Report = (fault: WorkerFault) => void;

/** The same fault is written at most once in this time: a log is billed by the line, and every request may fail alike. */
const QUIET_MS = 10_000;

/**
 * One JSON line per fault.
 *
 * @param write where the line goes
 * @param now milliseconds since the epoch
 */
export function createReport(
  write: (line: string) => void = console.error,
  now: () => number = Date.now,
): Report {
  const quietUntil = new Map<FaultWord, number>();
  const suppressed = new Map<FaultWord, number>();

  return function report({ word, message }) {
    const at = now();
    if (at < (quietUntil.get(word) ?? 0)) {
      suppressed.set(word, (suppressed.get(word) ?? 0) + 1);
      return;
    }
    quietUntil.set(word, at + QUIET_MS);
    const count = suppressed.get(word);
    suppressed.delete(word);
    const line = { sluice: "fault", fault: word, detail: message };
    write(JSON.stringify(count === undefined ? line : { ...line, suppressed: count }));
  };
}
