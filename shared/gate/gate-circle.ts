import { closingsOf } from "./closings.ts";
import { targetOf, withPath } from "./gate.ts";
import type { GateTable, ReadyGate } from "./gate-table.ts";

const SITE = new URL("https://site.invalid");

/**
 * A way from gate to gate that comes back to where it began, for somebody for whom the flags of all of them are off: a
 * redirect would never end, a rewrite would end as 404.
 *
 * @returns the gates in turn, the first one being `from`; undefined when there is none
 */
export function findCircle(table: GateTable, from: ReadyGate): readonly ReadyGate[] | undefined {
  const cameBy = new Map<ReadyGate, ReadyGate | undefined>([[from, undefined]]);
  // A map is walked in the order of insertion, and what is added meanwhile is walked too.
  for (const gate of cameBy.keys()) {
    for (const next of nextOf(table, gate)) {
      if (next === from) return wayTo(cameBy, gate);
      if (!cameBy.has(next)) cameBy.set(next, gate);
    }
  }
  return undefined;
}

/** The gates that may speak where this one leads: whether more specific ones of other flags are open is not known. */
function nextOf(table: GateTable, { otherwise }: ReadyGate): readonly ReadyGate[] {
  const target = "status" in otherwise && !("redirect" in otherwise) ? undefined : targetOf(otherwise);
  if (target === undefined) return [];
  const closed = Array.from(closingsOf(table, withPath(SITE, target)), ({ gate }) => gate);
  // Of one flag all gates are shut at once, so the most specific of them speaks.
  return closed.filter(({ flag }, index) => closed.findIndex((other) => other.flag === flag) === index);
}

function wayTo(cameBy: ReadonlyMap<ReadyGate, ReadyGate | undefined>, last: ReadyGate): readonly ReadyGate[] {
  const way: ReadyGate[] = [];
  for (let at: ReadyGate | undefined = last; at !== undefined; at = cameBy.get(at)) way.unshift(at);
  return way;
}
