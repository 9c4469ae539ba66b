import { fault, type Fault, type Path } from "../../shared/flag/fault.ts";
import { isObject } from "../../shared/flag/members.ts";
import { gatePatternFault } from "../schema/gate-pattern.ts";
import { gate } from "../schema/gate-schema.ts";

/** A row's gates, judged. */
export interface JudgedGates {
  /** What the worker closes; as JSON at most five bytes longer than the row's own: `flag-sizes.ts` counts on it. */
  readonly list: readonly unknown[];
  /** The first thing that is wrong, seen from the flag; undefined when all of them are sound. */
  readonly fault: Fault | undefined;
}

/** Stands for what cannot travel: the worker says of it that it cannot be read. */
const UNREADABLE = null;

/**
 * Judges a row's gates, one by one. A gate that plain SQL broke goes on closing its page: its pattern travels, and the
 * worker knows what to do about the rest. Only a pattern that could hold a worker up, or is none, stays here.
 */
export function judgeGates(gates: unknown): JudgedGates {
  if (!Array.isArray(gates)) return { list: [UNREADABLE], fault: fault("must be an array", "gates") };
  const items: readonly unknown[] = gates;
  const faults = items.map(gateFault);
  const first = faults.findIndex((found) => found !== undefined);
  const found = faults[first];
  if (found === undefined) return { list: items, fault: undefined };
  const list = items.flatMap((item, index) => (faults[index] === undefined ? [item] : withoutUnsound(item)));
  return { list: [...list, UNREADABLE], fault: { ...found, path: ["gates", first, ...found.path] } };
}

/** @returns what is wrong with one gate, seen from it */
function gateFault(item: unknown): Fault | undefined {
  const [issue] = gate.safeParse(item).error?.issues ?? [];
  if (issue === undefined) return undefined;
  // Symbols are never in JSON.
  return fault(issue.message, ...(issue.path as Path));
}

/** What of a gate is sound: nothing when its pattern is not. */
function withoutUnsound(item: unknown): readonly object[] {
  if (!isObject(item)) return [];
  const { pattern, otherwise } = item;
  if (typeof pattern !== "string" || gatePatternFault(pattern) !== undefined) return [];
  const isSound = gate.shape.otherwise.safeParse(otherwise).success;
  return [{ pattern, ...(isSound && { otherwise }) }];
}
