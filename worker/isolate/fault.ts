/** The kinds of faults. The status page shows these words in public (`/.well-known/sluice`). */
export type FaultWord =
  | "misconfigured"
  | "redis-unreachable"
  | "redis-timeout"
  | "redis-refused"
  | "redis-garbage"
  | "head-missing"
  | "head-unreadable"
  | "snapshot-missing"
  | "snapshot-unreadable"
  | "snapshot-too-large"
  | "digest-mismatch"
  | "off-unreadable"
  | "gates-unreadable"
  | "older-revision"
  | "other-digest"
  | "foreign-database"
  | "colo-cache"
  | "context-unproven"
  | "context-malformed"
  | "override-refused"
  | "override-ended"
  | "jwt-refused"
  | "jwt-expired"
  | "jwt-keys"
  | "origin-missing"
  | "origin-unreachable"
  | "shared-copy"
  | "internal";

/** A fault with a detail for the log: the problem and its fix, never a token, an id or a payload. */
export class WorkerFault extends Error {
  readonly word: FaultWord;

  constructor(word: FaultWord, detail: string) {
    super(detail);
    this.name = "WorkerFault";
    this.word = word;
  }
}

/** Turns an exception into a fault. Of an unexpected one only the class is used: its text may contain anything. */
export function toFault(error: unknown): WorkerFault {
  if (error instanceof WorkerFault) return error;
  return new WorkerFault("internal", `unexpected ${error instanceof Error ? error.name : typeof error}`);
}

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
