import { compareVersions, type Version } from "../../../shared/snapshot/revision.ts";
import type { Inflicted, Sighting, Violation, Write } from "../history.ts";
import { FORGETTING } from "../parts/redis.ts";
import { nameOf, type Truth } from "../truth.ts";

const RULE = "no killed flag was on again";

/** Several processes read the clock of one machine, and times are rounded on the way. */
const CLOCK_TOLERANCE_MS = 50;

/**
 * An acknowledged kill stays: once an isolate has the kill, the flag is on only in versions in which somebody enabled it after
 * the kill. A kill that only the edge has ("not yet recorded") reaches Postgres.
 *
 * When does an isolate have a kill? If Redis is known to have the kill: when the isolate has asked Redis since. Otherwise:
 * when the isolate shows the flag off, in a version with the kill or in a version in which the flag would be on.
 *
 * A Redis that forgets may lose a kill that is in no snapshot yet. Isolates then get it only with the next publish. An
 * isolate that has the version of the kill never goes back.
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
    const isAllowedOn = versionsAllowedOn(write, key, isForgotten, truth);
    if (isAllowedOn === undefined) return [];

    const lost = isLost(write, key, truth);
    const again = byIsolate.flatMap(([isolate, seen]) => {
      const shown = firstProof(seen, write, key, isForgotten, truth);
      const hasIt = (sighting: Sighting): boolean =>
        (shown !== undefined && sighting.startedAt > shown.endedAt) ||
        (!isForgotten && isAtRedis(write) && confirmedAt(sighting) > write.endedAt + CLOCK_TOLERANCE_MS);
      const found = seen.find(
        (sighting) =>
          sighting.on.includes(key) &&
          hasIt(sighting) &&
          (sighting.version === undefined || !isAllowedOn(sighting.version)),
      );
      if (found === undefined) return [];
      const at = found.version === undefined ? "no version" : nameOf(found.version);
      return [{ rule: RULE, what: `${key} at ${isolate}, on in ${at}`, about: [write, shown, found] }];
    });
    return lost ? [...again, { rule: RULE, what: `the kill of ${key} was lost`, about: [write] }] : again;
  });
}

/** The first visit that proves by itself that this isolate has the kill. */
function firstProof(
  seen: readonly Sighting[],
  { outcome, endedAt }: Write,
  key: string,
  isForgotten: boolean,
  truth: Truth,
): Sighting | undefined {
  const killed = outcome.result === "acknowledged" ? outcome.promised?.version : undefined;
  return seen
    .filter(({ startedAt, on, version }) => {
      if (startedAt <= endedAt || version === undefined || on.includes(key)) return false;
      const hasVersion = killed !== undefined && compareVersions(version, killed) >= 0;
      return hasVersion || (!isForgotten && truth.stateAt(key, version)?.enabled === true);
    })
    .toSorted((a, b) => a.endedAt - b.endedAt)[0];
}

/** Whether the answer said that Redis has the kill. */
function isAtRedis({ outcome }: Write): boolean {
  if (outcome.result !== "acknowledged") return outcome.result === "edge-only";
  return outcome.promised?.published === true || outcome.promised?.atEdge === true;
}

/** Everything that was in Redis before this time is in the snapshot that the visit saw. */
function confirmedAt({ startedAt, ageMs = Infinity }: Sighting): number {
  return startedAt - ageMs;
}

/** Whether a killed flag may be on in a version; undefined when the write is no acknowledged kill. */
function versionsAllowedOn(
  { what, outcome, startedAt }: Write,
  key: string,
  isForgotten: boolean,
  truth: Truth,
): ((version: Version) => boolean) | undefined {
  if (what !== "kill") return undefined;
  if (outcome.result === "acknowledged" && outcome.promised !== undefined) {
    const killed = outcome.promised.version;
    return (version) => compareVersions(version, killed) > 0 && truth.stateAt(key, version)?.enabled === true;
  }
  // Only Redis had it.
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

/** Whether a kill that only the edge had never reached Postgres: the flag has been enabled ever since. */
function isLost({ outcome, startedAt }: Write, key: string, truth: Truth): boolean {
  if (outcome.result !== "edge-only" || truth.stateAt(key, truth.newest)?.enabled !== true) return false;
  return !truth.changes.some(
    ({ key: changed, at, before, after }) =>
      changed === key &&
      at > startedAt - CLOCK_TOLERANCE_MS &&
      (before?.enabled !== true || after?.enabled !== true),
  );
}
