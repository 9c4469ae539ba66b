import { compareVersions, type Version } from "../../../shared/snapshot/revision.ts";
import type { Sighting, Violation } from "../history.ts";
import { nameOf } from "../truth.ts";

const RULE = "no isolate went back";

/**
 * Within each isolate, a visit that began after another had ended saw no older version, and never no version after one. Visits
 * that overlap have no order.
 *
 * @param sightings of each isolate, from its start to its end, in any order
 */
export function checkOrder(sightings: readonly Sighting[]): readonly Violation[] {
  const byIsolate = Map.groupBy(sightings, ({ isolate }) => isolate);
  return [...byIsolate.values()].flatMap(goesForward);
}

function goesForward(sightings: readonly Sighting[]): readonly Violation[] {
  const seen = sightings.filter(({ problem }) => problem === undefined);
  const byEnd = seen.toSorted((a, b) => a.endedAt - b.endedAt);
  let next = 0;
  let newest: (Sighting & { readonly version: Version }) | undefined;
  return seen
    .toSorted((a, b) => a.startedAt - b.startedAt)
    .flatMap((sighting) => {
      for (
        let done = byEnd[next];
        done !== undefined && done.endedAt < sighting.startedAt;
        done = byEnd[++next]
      ) {
        const { version } = done;
        if (version === undefined) continue;
        if (newest === undefined || compareVersions(version, newest.version) > 0)
          newest = { ...done, version };
      }
      if (newest === undefined) return [];
      const { version } = sighting;
      if (version !== undefined && compareVersions(version, newest.version) >= 0) return [];
      const what = `${sighting.isolate} went from ${nameOf(newest.version)} to ${version === undefined ? "no version" : nameOf(version)}`;
      return [{ rule: RULE, what, about: [newest, sighting] }];
    });
}
