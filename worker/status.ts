import type { Handler } from "hono";
import type { Bindings } from "./isolate/bindings.ts";
import { waitUntilOf } from "./isolate/wait-until.ts";
import type { FaultWord } from "./isolate/fault.ts";
import { runtimeOf, type ToBindings } from "./runtime.ts";
import type { Reading } from "./snapshot/snapshot-reader.ts";

/** Where the worker tells what it holds. */
export const STATUS_PATH = "/.well-known/sluice";

/** What stands there, in public: no flag, no setting. Members are null while nothing is cached. */
interface Status {
  readonly epoch: number | null;
  readonly revision: number | null;
  readonly age_ms: number | null;
  /** How long ago Redis last told what is killed: also where it holds a head that is refused. */
  readonly kills_age_ms: number | null;
  readonly source: Reading["source"];
  /** How long ago this isolate went from an older revision to this one; absent when it began with it. */
  readonly since_ms?: number;
  /** Whose gates are closed for whom a flag is off: the snapshot's, or all that were known at the deploy. */
  readonly gates: "snapshot" | "deploy";
  /** Why the last refresh failed, or else what in the snapshot could not be understood; absent when all is well. */
  readonly fault?: FaultWord;
  /** Redis and what is cached contradict each other: `sluice publish --force` decides. */
  readonly diverged?: true;
}

const DIVERGED: readonly (FaultWord | undefined)[] = ["older-revision", "other-digest", "foreign-database"];

/**
 * Answers at `STATUS_PATH`. Under the same policy as a page: a status that never asked Redis would tell of an idle
 * worker, not of the edge.
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
