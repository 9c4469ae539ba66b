import { fault, type Fault, type Path } from "../../shared/flag/fault.ts";
import { isObject } from "../../shared/flag/members.ts";
import { gatePatternFault } from "../schema/gate-pattern.ts";
import { gate } from "../schema/gate-schema.ts";

/** The gates of a row after their check. */
export interface JudgedGates {
  /** The gates in the snapshot. Their JSON is at most five bytes longer than the row's: `flag-sizes.ts` relies on it. */
  readonly list: readonly unknown[];
  /** The first fault, with its path in the flag; undefined if all gates are valid. */
  readonly fault: Fault | undefined;
}

/** Replaces an unusable gate. The worker reports it as unreadable. */
const UNREADABLE = null;

/**
 * Checks the gates of a row one by one. A gate that plain SQL broke still closes its page: its pattern is published, and
 * the worker answers 404. Only a missing pattern, or one that could slow a worker down, is not published.
 */
export function judgeGates(gates: unknown): JudgedGates {
  if (!Array.isArray(gates)) return { list: [UNREADABLE], fault: fault("must be an array", "gates") };
  const items: readonly unknown[] = gates;
  const faults = items.map(gateFault);
  const first = faults.findIndex((found) => found !== undefined);
  const found = faults[first];
  if (found === undefined) return { list: items, fault: undefined };
  const list = items.flatMap((item, index) => (faults[index] === undefined ? [item] : validParts(item)));
  return { list: [...list, UNREADABLE], fault: { ...found, path: ["gates", first, ...found.path] } };
}

/** @returns the fault of one gate, with its path in the gate */
function gateFault(item: unknown): Fault | undefined {
  const [issue] = gate.safeParse(item).error?.issues ?? [];
  if (issue === undefined) return undefined;
  // Symbols are never in JSON.
  return fault(issue.message, ...(issue.path as Path));
}

/** The valid parts of a gate; nothing if its pattern is invalid. */
function validParts(item: unknown): readonly object[] {
  if (!isObject(item)) return [];
  const { pattern, otherwise } = item;
  if (typeof pattern !== "string" || gatePatternFault(pattern) !== undefined) return [];
  const isSound = gate.shape.otherwise.safeParse(otherwise).success;
  return [{ pattern, ...(isSound && { otherwise }) }];
}
