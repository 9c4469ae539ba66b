import type { Faults } from "./parts/fault.ts";
import type { Random } from "./random.ts";

/** One fault to come. Times are in milliseconds, from the round's beginning. */
export interface Planned {
  readonly target: string;
  readonly kind: string;
  readonly at: number;
  readonly forMs: number;
}

/** What happens in one round. */
export interface Plan {
  /** How long clients write. */
  readonly writeMs: number;
  readonly faults: readonly Planned[];
}

/** Links are many: without this most rounds would only cut cables. */
const SHARE_OF_PROCESSES = 0.55;

/** Draws a round's faults, at most one for each target. @param menu the kinds of fault by target */
export function planRound(random: Random, menu: ReadonlyMap<string, Faults>): Plan {
  const writeMs = random.between(900, 1_800);
  // Sorted: parts come up in any order, and the plan is the seed's.
  const targets = [...menu.keys()].sort();
  const links = targets.filter((target) => target.startsWith("link "));
  const processes = targets.flatMap((target) => {
    if (target.startsWith("link ")) return [];
    // There is one of each, and everything hangs on it.
    return target === "postgres" || target === "redis" ? [target, target] : [target];
  });
  const count = random.between(1, 4);
  const faults: Planned[] = [];
  while (faults.length < count) {
    const target = random.pick(random.chance(SHARE_OF_PROCESSES) ? processes : links);
    if (faults.some((planned) => planned.target === target)) continue;
    const kind = random.pick(Object.keys(menu.get(target) ?? {}));
    faults.push({ target, kind, at: random.between(50, writeMs - 100), forMs: random.between(50, 1_500) });
  }
  return { writeMs, faults: faults.toSorted((a, b) => a.at - b.at) };
}
