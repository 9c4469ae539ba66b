import type { Handler } from "hono";
import type { Bindings } from "./isolate/bindings.ts";
import type { FaultWord } from "./isolate/fault.ts";
import { waitUntilOf } from "./isolate/wait-until.ts";
import { runtimeOf, type ToBindings } from "./runtime.ts";
import type { Reading } from "./snapshot/snapshot-reader.ts";

/** Where the worker reports its snapshot. */
export const STATUS_PATH = "/.well-known/sluice";

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

/** The public report: it names no flag and no setting. Members are null while there is no snapshot. */
function toStatus({ cached, ageMs, killsAgeMs, sinceMs, source, fault }: Reading): Response {
  const status = {
    epoch: cached?.head.epoch ?? null,
    revision: cached?.head.revision ?? null,
    age_ms: ageMs ?? null,
    // How long ago Redis last reported the kills, even with a head that is refused.
    kills_age_ms: killsAgeMs ?? null,
    source,
    // How long ago this isolate replaced an older revision; absent when it began with this one.
    ...(sinceMs !== undefined && { since_ms: sinceMs }),
    // Whose gates are closed to visitors for whom a flag is off: the snapshot's, or those of the deploy.
    gates: cached === undefined ? "deploy" : "snapshot",
    // Why the last refresh failed, or else which defect the snapshot has; absent when all is well.
    ...(fault !== undefined && { fault }),
    // Redis and the cached snapshot contradict each other: `sluice publish --force` decides.
    ...(DIVERGED.includes(fault) && { diverged: true }),
  };
  return Response.json(status, { headers: { "cache-control": "no-store" } });
}
