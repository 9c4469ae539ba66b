import type { Version } from "../../../shared/snapshot/revision.ts";
import { BITS, OPPOSITES } from "../flags.ts";
import type { Sighting, Violation, Write } from "../history.ts";
import { nameOf, onAt, type Truth } from "../truth.ts";

const RULE = "no isolate saw a mixture of two snapshots";

/**
 * The flags of each visit are those of Postgres at the visit's version. None is added. None is missing, except flags whose
 * kill had begun.
 *
 * @param writes including all kills that may still be under way
 */
export function checkContent(
  sightings: readonly Sighting[],
  writes: readonly Write[],
  truth: Truth,
  userId: string,
): readonly Violation[] {
  const kills = writes.filter(({ what }) => what === "kill");
  const expected = new Map<string, ReadonlySet<string>>();
  const expectedAt = (version: Version): ReadonlySet<string> => {
    const name = nameOf(version);
    const found = expected.get(name) ?? onAt(truth, version, userId);
    expected.set(name, found);
    return found;
  };
  return sightings.flatMap((sighting) => {
    const { version, problem, isolate, endedAt } = sighting;
    if (problem !== undefined) return [];
    const wrong = (what: string): readonly Violation[] => [
      { rule: RULE, what: `${isolate}: ${what}`, about: [sighting] },
    ];
    if (version === undefined) return sighting.on.length === 0 ? [] : wrong("flags on without a version");
    if (!truth.knows(version)) return wrong(`${nameOf(version)} was never committed`);
    const torn = BITS.filter(
      (bit, at) => sighting.on.includes(bit) === sighting.on.includes(OPPOSITES[at] ?? ""),
    );
    if (torn.length > 0) return wrong(`${torn.join(", ")} equal their opposites`);

    const here = expectedAt(version);
    const tooMany = sighting.on.filter((key) => !here.has(key));
    if (tooMany.length > 0) return wrong(`${tooMany.join(", ")} on, and off in ${nameOf(version)}`);
    const missing = [...here].filter(
      (key) =>
        !sighting.on.includes(key) &&
        !kills.some(({ keys, startedAt }) => keys.includes(key) && startedAt < endedAt),
    );
    return missing.length === 0 ? [] : wrong(`${missing.join(", ")} off, and on in ${nameOf(version)}`);
  });
}
