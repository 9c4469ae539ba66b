import { fault, type Fault } from "../flag/fault.ts";
import type { Requirement } from "../flag/flag.ts";

/** What the order of evaluation needs to know of a flag. */
export interface OrderedFlag {
  readonly key: string;
  /** A flag that cannot be evaluated has no known prerequisites and variants: it is off. */
  readonly fault?: unknown;
  readonly requires: readonly Requirement[];
  readonly variants: readonly { readonly key: string }[];
}

/** How flags stand to each other. */
export interface FlagOrder {
  /** The position of every flag, those that others need before these. */
  readonly order: readonly number[];
  /** By key: those whose prerequisites lead nowhere, or in a circle. */
  readonly faults: ReadonlyMap<string, Fault>;
}

/** How many flags of a circle a fault names. */
const MAX_NAMED = 5;

/**
 * Puts flags in the order in which they can be decided. A prerequisite that is not there, a variant that it does not have,
 * and a circle are faults: of the flag that names them, and of every flag of the circle.
 */
export function orderFlags(flags: readonly OrderedFlag[]): FlagOrder {
  const positions = new Map(flags.map(({ key }, position) => [key, position]));
  const faults = new Map<string, Fault>();
  for (const flag of flags) {
    const found = judgeReferences(flag, (key) => flags[positions.get(key) ?? -1]);
    if (found !== undefined) faults.set(flag.key, found);
  }
  const needed = flags.map(({ requires }) => requires.map(({ flag }) => positions.get(flag) ?? -1));
  const groups = findCircles(needed.map((some) => some.filter((position) => position >= 0)));
  for (const group of groups) {
    const members = new Set(group);
    // Once for the whole group: a circle may have ten thousand members.
    const names = group.flatMap((member) => flags[member]?.key ?? []).sort();
    for (const position of group) {
      const index = needed[position]?.findIndex((other) => members.has(other)) ?? -1;
      const key = flags[position]?.key;
      if (index === -1 || key === undefined) continue;
      faults.set(key, fault(circleText(names), "requires", index, "flag"));
    }
  }
  return { order: groups.flat(), faults };
}

function judgeReferences(
  { requires }: OrderedFlag,
  find: (key: string) => OrderedFlag | undefined,
): Fault | undefined {
  for (const [index, { flag: key, variant }] of requires.entries()) {
    const flag = find(key);
    if (flag === undefined) return fault(`there is no flag "${key}"`, "requires", index, "flag");
    // What a broken flag would have is not known; it is off, and so are those that need it.
    if (variant === undefined || flag.fault !== undefined) continue;
    if (!flag.variants.some((one) => one.key === variant)) {
      return fault(`the flag "${key}" has no such variant`, "requires", index, "variant");
    }
  }
  return undefined;
}

function circleText(names: readonly string[]): string {
  if (names.length === 1) return "a flag cannot need itself";
  const rest = names.length > MAX_NAMED ? ` and ${names.length - MAX_NAMED} more` : "";
  return `these flags need each other, in a circle: ${names.slice(0, MAX_NAMED).join(", ")}${rest}`;
}

/**
 * Tarjan's algorithm: groups of positions that lead to each other, a group after all those that it leads to. Most groups are
 * of one. With a stack of its own: a chain of ten thousand prerequisites must not exhaust the engine's.
 */
function findCircles(edges: readonly (readonly number[])[]): readonly (readonly number[])[] {
  const groups: number[][] = [];
  const found = edges.map(() => -1);
  const lowest = edges.map(() => -1);
  const isOpen = edges.map(() => false);
  const open: number[] = [];
  let count = 0;

  for (const root of edges.keys()) {
    if (found[root] !== -1) continue;
    const path = [{ position: root, next: 0 }];
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const { position } = top;
      if (top.next === 0 && found[position] === -1) {
        found[position] = lowest[position] = count;
        count += 1;
        open.push(position);
        isOpen[position] = true;
      }
      const target = edges[position]?.[top.next];
      top.next += 1;
      if (target === undefined) {
        path.pop();
        if (lowest[position] === found[position]) {
          const group = open.splice(open.lastIndexOf(position));
          for (const member of group) isOpen[member] = false;
          groups.push(group);
        }
        const below = path.at(-1);
        if (below !== undefined) lower(lowest, below.position, lowest[position]);
      } else if (found[target] === -1) path.push({ position: target, next: 0 });
      else if (isOpen[target] === true) lower(lowest, position, found[target]);
    }
  }
  return groups;
}

function lower(lowest: number[], position: number, value: number | undefined): void {
  lowest[position] = Math.min(lowest[position] ?? Infinity, value ?? Infinity);
}
