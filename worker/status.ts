import type { Handler } from "hono";
import type { Bindings } from "./isolate/bindings.ts";
import type { FaultWord } from "./isolate/fault.ts";
import { waitUntilOf } from "./isolate/wait-until.ts";
import { runtimeOf, type ToBindings } from "./runtime.ts";
import type { Reading } from "./snapshot/snapshot-reader.ts";

/** Where the worker reports its snapshot. */
export const STATUS_PATH = "/.well-known/sluice";

/** The public report: it names no flag and no setting. Members are null while there is no snapshot. */
interface Status {
  readonly epoch: number | null;
  readonly revision: number | null;
  readonly age_ms: number | null;
  /** How long ago Redis last reported the kills, even with a head that is refused. */
  readonly kills_age_ms: number | null;
  readonly source: Reading["source"];
  /** How long ago this isolate replaced an older revision; absent when it began with this one. */
  readonly since_ms?: number;
  /** Whose gates are closed to visitors for whom a flag is off: the snapshot's, or those of the deploy. */
  readonly gates: "snapshot" | "deploy";
  /** Why the last refresh failed, or else which defect the snapshot has; absent when all is well. */
  readonly fault?: FaultWord;
  /** Redis and the cached snapshot contradict each other: `sluice publish --force` decides. */
  readonly diverged?: true;
}

const DIVERGED: readonly (FaultWord | undefined)[] = ["older-revision", "other-digest", "foreign-database"];

/**
 * Answers at `STATUS_PATH`. It refreshes the snapshot like a page does: otherwise it would report an idle isolate and
 * not the edge.
 *
 * @param options those of `flags`
 */
export function status<B extends object = Bindings>(
  options: { readonly bindings?: ToBindings<B> } = {},
): Handler<{ Bindings: B }> {
  return async function status(c) {
    const { read } = runtimeOf(c.env, options.bindings);
    return toStatus(await read(waitUntilOf(c)));
  };
}

function toStatus({ cached, ageMs, killsAgeMs, sinceMs, source, fault }: Reading): Response {
  const status: Status = {
    epoch: cached?.head.epoch ?? null,
    revision: cached?.head.revision ?? null,
    age_ms: ageMs ?? null,
    kills_age_ms: killsAgeMs ?? null,
    source,
    ...(sinceMs !== undefined && { since_ms: sinceMs }),
    gates: cached === undefined ? "deploy" : "snapshot",
    ...(fault !== undefined && { fault }),
    ...(DIVERGED.includes(fault) && { diverged: true }),
  };
  return Response.json(status, { headers: { "cache-control": "no-store" } });
}
