import { compareVersions } from "../../../shared/snapshot/revision.ts";
import type { Inflicted, Violation, Write } from "../history.ts";
import { FORGETTING } from "../parts/redis.ts";
import { nameOf } from "../truth.ts";

const RULE = "what is told to be published is in Redis";

/** Holds `published: true` against what whoever looked afterwards found, but where Redis forgot in the same round. */
export function checkPublished(writes: readonly Write[], faults: readonly Inflicted[]): readonly Violation[] {
  if (faults.some(({ kind }) => FORGETTING.has(kind))) return [];
  return writes.flatMap((write) => {
    const { outcome, headAfter } = write;
    if (outcome.result !== "acknowledged" || outcome.told?.published !== true) return [];
    const { version } = outcome.told;
    if (headAfter === undefined || compareVersions(headAfter, version) >= 0) return [];
    return [
      { rule: RULE, what: `Redis is at ${nameOf(headAfter)}, not at ${nameOf(version)}`, about: [write] },
    ];
  });
}
