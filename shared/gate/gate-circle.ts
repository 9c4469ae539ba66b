import { SITE, closingsOf } from "./closings.ts";
import { targetOf, withPath } from "./gate.ts";
import type { GateTable, ReadyGate } from "./gate-table.ts";

/**
 * Finds a circle of gates, for a user for whom all their flags are off. Its redirects would never end, and its rewrites
 * would end as 404.
 *
 * @returns the gates in order, starting with `from`; undefined when there is no circle
 */
export function findCircle(table: GateTable, from: ReadyGate): readonly ReadyGate[] | undefined {
  const cameBy = new Map<ReadyGate, ReadyGate | undefined>([[from, undefined]]);
  // The loop also visits gates that are added to the map during the loop.
  for (const gate of cameBy.keys()) {
    for (const next of nextOf(table, gate)) {
      if (next === from) return wayTo(cameBy, gate);
      if (!cameBy.has(next)) cameBy.set(next, gate);
    }
  }
  return undefined;
}

/** The gates that may match where this one leads. More specific gates of other flags may be open or closed. */
function nextOf(table: GateTable, { otherwise }: ReadyGate): readonly ReadyGate[] {
  const target = "status" in otherwise && !("redirect" in otherwise) ? undefined : targetOf(otherwise);
  if (target === undefined) return [];
  const closed = Array.from(closingsOf(table, withPath(SITE, target)), ({ gate }) => gate);
  // All gates of one flag are closed together, so only its most specific one decides.
  return closed.filter(({ flag }, index) => closed.findIndex((other) => other.flag === flag) === index);
}

function wayTo(cameBy: ReadonlyMap<ReadyGate, ReadyGate | undefined>, last: ReadyGate): readonly ReadyGate[] {
  const way: ReadyGate[] = [];
  for (let at: ReadyGate | undefined = last; at !== undefined; at = cameBy.get(at)) way.unshift(at);
  return way;
}
