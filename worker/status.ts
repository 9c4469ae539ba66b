import type { FaultWord } from "./fault.ts";
import type { Reading } from "./snapshot-reader.ts";

/** Where the worker tells what it holds. */
export const STATUS_PATH = "/.well-known/sluice";

/** What stands there, in public: no flag, no setting. Members are null while nothing is held. */
interface Status {
  readonly epoch: number | null;
  readonly revision: number | null;
  readonly age_ms: number | null;
  readonly source: Reading["source"];
  /** Why the last refresh failed; absent when it did not. */
  readonly fault?: FaultWord;
}

/** The answer to a question for the status. */
export function toStatus({ held, ageMs, source, fault }: Reading): Response {
  const status: Status = {
    epoch: held?.head.epoch ?? null,
    revision: held?.head.revision ?? null,
    age_ms: ageMs ?? null,
    source,
    ...(fault !== undefined && { fault }),
  };
  return Response.json(status, { headers: { "cache-control": "no-store" } });
}
