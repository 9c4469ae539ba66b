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
