import type { WorkerFault, FaultWord } from "./fault.ts";

/** Logs a fault for the operators of the worker. */
export type Report = (fault: WorkerFault) => void;

/** Each kind of fault is logged at most once in this time: logs are billed by the line, and every request may fail. */
const QUIET_MS = 10_000;

/**
 * Logs one JSON line per fault.
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
