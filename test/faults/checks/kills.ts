import { compareVersions, type Version } from "../../../shared/snapshot/revision.ts";
import type { Inflicted, Sighting, Violation, Write } from "../history.ts";
import { FORGETTING } from "../parts/redis.ts";
import { nameOf, type Truth } from "../truth.ts";

const RULE = "no killed flag was on again";

/** Clocks of one machine, read in several processes and rounded on the way. */
const CLOCK_TOLERANCE_MS = 50;

/**
 * A kill that was acknowledged holds: where an isolate has it, the flag is never on, but in a version that somebody
 * enabled it in after the kill. And one that only the edge has ("not yet recorded") comes into Postgres.
 *
 * An isolate has a kill of which Redis is known to know as soon as it has asked Redis since; any other as soon as it
 * shows the flag off since: in a version that has the kill, or in one in which the flag would be on.
 *
 * A Redis that forgets may forget a kill that stood in no snapshot yet, and then nothing else tells isolates of it but the
 * next publish. It never makes an isolate that has the version of the kill go back.
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
    const isForgotten = faults.some(({ kind, endedAt }) => FORGETTING.has(kind) && endedAt > write.startedAt);
    const mayBeOn = whenOnAgain(write, key, isForgotten, truth);
    if (mayBeOn === undefined) return [];

    const lost = isLost(write, key, truth);
    const again = byIsolate.flatMap(([isolate, seen]) => {
      const shown = whenShown(seen, write, key, isForgotten, truth);
      const hasIt = (sighting: Sighting): boolean =>
        (shown !== undefined && sighting.startedAt > shown.endedAt) ||
        (!isForgotten && isTold(write) && confirmedAt(sighting) > write.endedAt + CLOCK_TOLERANCE_MS);
      const found = seen.find(
        (sighting) =>
          sighting.on.includes(key) &&
          hasIt(sighting) &&
          (sighting.version === undefined || !mayBeOn(sighting.version)),
      );
      if (found === undefined) return [];
      const at = found.version === undefined ? "nothing" : nameOf(found.version);
      return [{ rule: RULE, what: `${key} at ${isolate}, on in ${at}`, about: [write, shown, found] }];
    });
    return lost ? [...again, { rule: RULE, what: `the kill of ${key} was lost`, about: [write] }] : again;
  });
}

/** The first visit that shows, by itself, that this isolate has the kill. */
function whenShown(
  seen: readonly Sighting[],
  { outcome, endedAt }: Write,
  key: string,
  isForgotten: boolean,
  truth: Truth,
): Sighting | undefined {
  const killed = outcome.result === "acknowledged" ? outcome.told?.version : undefined;
  return seen
    .filter(({ startedAt, on, version }) => {
      if (startedAt <= endedAt || version === undefined || on.includes(key)) return false;
      const hasVersion = killed !== undefined && compareVersions(version, killed) >= 0;
      return hasVersion || (!isForgotten && truth.stateAt(key, version)?.enabled === true);
    })
    .toSorted((a, b) => a.endedAt - b.endedAt)[0];
}

/** Whether the answer said that Redis knows of the kill. */
function isTold({ outcome }: Write): boolean {
  if (outcome.result !== "acknowledged") return outcome.result === "edge-only";
  return outcome.told?.published === true || outcome.told?.atEdge === true;
}

/** Before which moment nothing that was in Redis can be missing in what a visit saw. */
function confirmedAt({ startedAt, ageMs = Infinity }: Sighting): number {
  return startedAt - ageMs;
}

/** In which versions a killed flag may be on; undefined when the write is no kill that anybody was promised. */
function whenOnAgain(
  { what, outcome, startedAt }: Write,
  key: string,
  isForgotten: boolean,
  truth: Truth,
): ((version: Version) => boolean) | undefined {
  if (what !== "kill") return undefined;
  if (outcome.result === "acknowledged" && outcome.told !== undefined) {
    const killed = outcome.told.version;
    return (version) => compareVersions(version, killed) > 0 && truth.stateAt(key, version)?.enabled === true;
  }
  // Nothing but Redis knew of it.
  if (outcome.result !== "edge-only" || isForgotten) return undefined;
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

/** Whether a kill that the edge alone had never came into Postgres: the flag was enabled all the time since. */
function isLost({ outcome, startedAt }: Write, key: string, truth: Truth): boolean {
  if (outcome.result !== "edge-only" || truth.stateAt(key, truth.newest)?.enabled !== true) return false;
  return !truth.changes.some(
    ({ key: changed, at, before, after }) =>
      changed === key &&
      at > startedAt - CLOCK_TOLERANCE_MS &&
      (before?.enabled !== true || after?.enabled !== true),
  );
}
