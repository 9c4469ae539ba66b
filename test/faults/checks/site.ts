import type { Sighting, Violation } from "../history.ts";

const RULE = "the site always answered";

/** Every visitor got the page. */
export function checkSite(sightings: readonly Sighting[]): readonly Violation[] {
  return sightings.flatMap((sighting) =>
    sighting.problem === undefined
      ? []
      : [{ rule: RULE, what: `${sighting.isolate}: ${sighting.problem}`, about: [sighting] }],
  );
}
