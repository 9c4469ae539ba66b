import { buildFlag } from "./build-flag.ts";
import { brokenFlag, compileFlag, type FlagDefinition } from "./compile-flag.ts";
import { compileSegments } from "./compile-segments.ts";
import type { Compiled } from "./compiled.ts";
import { fault } from "../flag/fault.ts";
import { orderFlags } from "./order-flags.ts";
import { createSlots } from "../bucketing/slots.ts";
import type { Snapshot } from "../snapshot/snapshot.ts";

export type { Compiled } from "./compiled.ts";

/** Evaluated while no snapshot is in memory: no flags. */
export const NO_FLAGS: Compiled = { flags: [], positions: new Map(), order: [], slots: [] };

/**
 * Prepares a snapshot for evaluation, once per snapshot. A flag with an unknown member or value is off with ERROR, because
 * an unknown restriction must never widen exposure. Other flags are unaffected.
 *
 * @param snapshot from `parseSnapshot`; its flags and segments are unchecked input
 */
export function compile(snapshot: Snapshot): Compiled {
  const definitions = readDefinitions(snapshot);
  const { order, faults } = orderFlags(definitions);
  const positions = new Map(definitions.map(({ key }, position) => [key, position]));
  const slots = createSlots();
  const flags = definitions.map((flag) => {
    const found = faults.get(flag.key);
    return buildFlag(found === undefined ? flag : brokenFlag(flag.key, found), positions, slots);
  });
  return { flags, positions, order, slots: slots.all };
}

function readDefinitions({ flags, segments = [] }: Snapshot): readonly FlagDefinition[] {
  const compiledSegments = compileSegments(segments);
  const byKey = new Map<string, FlagDefinition>();
  for (const raw of flags) {
    const flag = compileFlag(raw, compiledSegments);
    // A flag without a valid key is dropped: nothing can ask for it, and FLAG_NOT_FOUND is off as well.
    if (flag === undefined) continue;
    const isTwice = byKey.has(flag.key);
    byKey.set(
      flag.key,
      isTwice ? brokenFlag(flag.key, fault("the key appears twice in the snapshot")) : flag,
    );
  }
  // Code unit order is the same everywhere; a locale's order is not.
  return [...byKey.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
}
