import type { Faults } from "./parts/fault.ts";
import type { Random } from "./random.ts";

/** One planned fault. Times are in milliseconds from the beginning of the round. */
export interface Planned {
  readonly target: string;
  readonly kind: string;
  readonly at: number;
  readonly forMs: number;
}

/** The plan of one round. */
export interface Plan {
  /** How long clients write. */
  readonly writeMs: number;
  readonly faults: readonly Planned[];
}

/** The share of faults in processes. There are many links: without it most rounds would only cut connections. */
const SHARE_OF_PROCESSES = 0.55;

/** Picks the faults of a round at random, at most one per target. @param menu the kinds of fault by target */
export function planRound(random: Random, menu: ReadonlyMap<string, Faults>): Plan {
  const writeMs = random.between(900, 1_800);
  // Sorted, because parts start in any order and only the seed may decide the plan.
  const targets = [...menu.keys()].sort();
  const links = targets.filter((target) => target.startsWith("link "));
  const processes = targets.flatMap((target) => {
    if (target.startsWith("link ")) return [];
    // Counted twice: there is only one of each, and everything depends on it.
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
