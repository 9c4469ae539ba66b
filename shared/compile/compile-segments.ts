import { toId } from "../bucketing/bucketing-id.ts";
import type { Condition, GroupTest } from "../condition/comparison.ts";
import { compileCondition } from "../condition/condition.ts";
import { fault, type Fault, faultWithin, quote } from "../flag/fault.ts";
import { KEY_FORM, MAX_SEGMENT_ID, MAX_SEGMENT_IDS, isKey, type Segment } from "../flag/flag.ts";
import { isObject, takeItems, takeMembers, type Members } from "../flag/members.ts";

/** The segments of a snapshot, prepared for the conditions that refer to them. */
export interface Segments {
  readonly tests: ReadonlyMap<string, GroupTest>;
  /** Why a segment is invalid, by name. */
  readonly faults: ReadonlyMap<string, Fault>;
}

interface Draft {
  readonly ids: Set<string>;
  condition?: Condition;
}

const MEMBERS: Members<Draft, Segment> = {
  name: () => undefined,
  ids: (value, { ids }) =>
    takeItems(value, MAX_SEGMENT_IDS, (id) => {
      if (typeof id !== "string" || id === "" || id.length > MAX_SEGMENT_ID) {
        return fault(`must be a string of 1 to ${MAX_SEGMENT_ID} characters`);
      }
      ids.add(id);
      return undefined;
    }),
  condition: (value, into) => {
    let nested: string | undefined;
    const compiled = compileCondition(value, (name) => {
      nested = name;
      return undefined;
    });
    if ("condition" in compiled) {
      into.condition = compiled.condition;
      return undefined;
    }
    return nested === undefined
      ? compiled.fault
      : fault(
          `refers to the segment ${quote(nested)}: a segment cannot contain other segments`,
          ...compiled.fault.path,
        );
  },
  invalid: (value) => fault(typeof value === "string" ? value : "this row is not valid"),
};

/** Prepares the segments of a snapshot. An invalid segment only affects the flags that refer to it. */
export function compileSegments(list: readonly unknown[]): Segments {
  const tests = new Map<string, GroupTest>();
  const faults = new Map<string, Fault>();
  for (const raw of list) {
    // No condition can refer to a segment without a valid name.
    const name = isObject(raw) ? raw["name"] : undefined;
    if (!isKey(name)) continue;
    const compiled = tests.has(name) || faults.has(name) ? TWICE : compileSegment(raw);
    if ("test" in compiled) tests.set(name, compiled.test);
    else {
      tests.delete(name);
      faults.set(name, compiled.fault);
    }
  }
  return { tests, faults };
}

const TWICE = { fault: fault("the name appears twice in the snapshot") };

/** Checks one segment, which must have a name. */
export function judgeSegment(raw: unknown): Fault | undefined {
  if (!isObject(raw)) return fault("must be an object");
  const { name } = raw;
  if (!isKey(name)) return fault(KEY_FORM, "name");
  const compiled = compileSegment(raw);
  return "fault" in compiled ? compiled.fault : undefined;
}

function compileSegment(raw: unknown): { readonly test: GroupTest } | { readonly fault: Fault } {
  const draft: Draft = { ids: new Set() };
  const found = takeMembers(raw, MEMBERS, draft);
  if (found !== undefined) return { fault: found };
  const { ids, condition } = draft;
  return {
    test: (value, attributes, attribute, trace) => {
      const matched = Array.isArray(value) ? value.some((item) => isListed(ids, item)) : isListed(ids, value);
      if (ids.size > 0) trace?.({ attribute, operator: "$in", expected: ids, actual: value, matched });
      return matched || condition?.(attributes, trace) === true;
    },
  };
}

/** Compares by `toId`, as bucketing does. Otherwise the number 7 would pass `$notInGroup` of a segment that lists "7". */
function isListed(ids: ReadonlySet<string>, value: unknown): boolean {
  const id = toId(value);
  return id !== undefined && ids.has(id);
}

/** Compiles a condition that may refer to segments. Its fault distinguishes an invalid segment from a missing one. */
export function compileWithSegments(
  value: unknown,
  { tests, faults }: Segments,
): ReturnType<typeof compileCondition> {
  let broken: string | undefined;
  const compiled = compileCondition(value, (name) => {
    if (faults.has(name)) broken = name;
    return tests.get(name);
  });
  if (broken === undefined || "condition" in compiled) return compiled;
  return { fault: faultWithin(fault(`the segment ${quote(broken)} is not valid`), ...compiled.fault.path) };
}
