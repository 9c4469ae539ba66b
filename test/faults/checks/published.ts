import { compareVersions } from "../../../shared/snapshot/revision.ts";
import type { Inflicted, Violation, Write } from "../history.ts";
import { FORGETTING } from "../parts/redis.ts";
import { nameOf } from "../truth.ts";

const RULE = "a write that answers published: true is in Redis";

/** Compares `published: true` with Redis' head right after the answer. Skips rounds in which Redis forgot. */
export function checkPublished(writes: readonly Write[], faults: readonly Inflicted[]): readonly Violation[] {
  if (faults.some(({ kind }) => FORGETTING.has(kind))) return [];
  return writes.flatMap((write) => {
    const { outcome, headAfter } = write;
    if (outcome.result !== "acknowledged" || outcome.promised?.published !== true) return [];
    const { version } = outcome.promised;
    if (headAfter === undefined || compareVersions(headAfter, version) >= 0) return [];
    return [
      { rule: RULE, what: `Redis is at ${nameOf(headAfter)}, not at ${nameOf(version)}`, about: [write] },
    ];
  });
}
