import { compareVersions, type Version } from "../../../shared/revision.ts";
import { FORGETTING } from "../parts/redis.ts";
import type { Inflicted, Sighting, Violation, Write } from "../history.ts";
import { nameOf, type Truth } from "../truth.ts";

const RULE = "no killed flag was on again";

/** The clocks are one; the moment at which Postgres looks at it is not the last of its transaction. */
const CLOCK_TOLERANCE_MS = 50;

/**
 * Once a kill was acknowledged, and an isolate had it, the flag is never on there again, but in a version that somebody
 * enabled it in after the kill.
 *
 * An isolate has it when it shows the flag off since: in a version that knows of the kill, or in one in which it would be
 * on. A kill that only the edge has ("not yet recorded") is gone with a Redis that forgets: nothing else knows of it.
 */
export function checkKills(
  sightings: readonly Sighting[],
  writes: readonly Write[],
  faults: readonly Inflicted[],
  truth: Truth,
): readonly Violation[] {
  const sound = sightings.filter(({ problem }) => problem === undefined);
  const byIsolate = [...Map.groupBy(sound, ({ isolate }) => isolate)];
  return writes.flatMap((write) => {
    const [key = ""] = write.keys;
    const mayBeOn = whenOnAgain(write, key, faults, truth);
    if (mayBeOn === undefined) return [];
    return byIsolate.flatMap(([isolate, seen]) => {
      const confirmed = whenConfirmed(seen, write, key, truth);
      const again = seen.find(
        ({ startedAt, on, version }) =>
          confirmed !== undefined &&
          startedAt > confirmed.endedAt &&
          on.includes(key) &&
          (version === undefined || !mayBeOn(version)),
      );
      if (again === undefined) return [];
      const at = again.version === undefined ? "nothing" : nameOf(again.version);
      return [{ rule: RULE, what: `${key} at ${isolate}, on in ${at}`, about: [write, confirmed, again] }];
    });
  });
}

/** The first visit that shows that this isolate has the kill. */
function whenConfirmed(
  seen: readonly Sighting[],
  { outcome, endedAt }: Write,
  key: string,
  truth: Truth,
): Sighting | undefined {
  const killed = outcome.result === "acknowledged" ? outcome.told?.version : undefined;
  return seen
    .filter(({ startedAt, on, version }) => {
      if (startedAt <= endedAt || version === undefined || on.includes(key)) return false;
      const hasVersion = killed !== undefined && compareVersions(version, killed) >= 0;
      return hasVersion || truth.stateAt(key, version)?.enabled === true;
    })
    .toSorted((a, b) => a.endedAt - b.endedAt)[0];
}

/** In which versions a killed flag may be on; undefined when the write is no kill that anybody was promised. */
function whenOnAgain(
  { what, outcome, startedAt }: Write,
  key: string,
  faults: readonly Inflicted[],
  truth: Truth,
): ((version: Version) => boolean) | undefined {
  if (what !== "kill") return undefined;
  if (outcome.result === "acknowledged" && outcome.told !== undefined) {
    const killed = outcome.told.version;
    return (version) => compareVersions(version, killed) > 0 && truth.stateAt(key, version)?.enabled === true;
  }
  if (outcome.result !== "edge-only") return undefined;
  const isForgotten = faults.some(({ kind, endedAt }) => FORGETTING.has(kind) && endedAt > startedAt);
  if (isForgotten) return undefined;
  const enabledAfter = truth.changes.filter(
    (change) =>
      change.key === key &&
      change.after?.enabled === true &&
      change.before?.enabled !== true &&
      change.at > startedAt - CLOCK_TOLERANCE_MS,
  );
  return (version) =>
    truth.stateAt(key, version)?.enabled === true &&
    enabledAfter.some((change) => compareVersions(change, version) <= 0);
}
