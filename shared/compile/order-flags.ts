import { fault, type Fault } from "../flag/fault.ts";
import type { Requirement } from "../flag/flag.ts";

/** The part of a flag that determines the evaluation order. */
export interface OrderedFlag {
  readonly key: string;
  /** Set when the flag cannot be evaluated. Its prerequisites and variants are then unknown, and it is off. */
  readonly fault?: unknown;
  readonly requires: readonly Requirement[];
  readonly variants: readonly { readonly key: string }[];
}

export interface FlagOrder {
  /** The position of every flag, prerequisites first. */
  readonly order: readonly number[];
  /** By key: flags with a missing or circular prerequisite. */
  readonly faults: ReadonlyMap<string, Fault>;
}

/** The most flags of a circle that a fault names. */
const MAX_NAMED = 5;

/**
 * Orders flags so that prerequisites are decided first. A missing flag or variant is a fault of the flag that names it; a
 * circle is a fault of every flag in it.
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
    // Computed once per group: a circle can have ten thousand members.
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
    // The variants of an invalid flag are unknown. It is off, so the flags that need it are off too.
    if (variant === undefined || flag.fault !== undefined) continue;
    if (!flag.variants.some((one) => one.key === variant)) {
      return fault(`the flag "${key}" has no such variant`, "requires", index, "variant");
    }
  }
  return undefined;
}

function circleText(names: readonly string[]): string {
  if (names.length === 1) return "a flag cannot require itself";
  const rest = names.length > MAX_NAMED ? ` and ${names.length - MAX_NAMED} more` : "";
  return `these flags require each other in a circle: ${names.slice(0, MAX_NAMED).join(", ")}${rest}`;
}

/**
 * Tarjan's algorithm: strongly connected groups of positions, each after the groups that it depends on. Most groups have one
 * member. The stack is explicit, so that a chain of ten thousand prerequisites does not overflow the call stack.
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
