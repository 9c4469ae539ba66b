import type { Fault } from "../flag/fault.ts";
import type { GroupTest, ValueTest } from "./comparison.ts";

/** The deepest nesting of a condition, in objects and lists. */
export const MAX_DEPTH = 16;

/**
 * The most operators and compared values that one condition may have. Items of `$in` and its kin do not count; a
 * regular expression counts once more for every four characters that it asks for.
 */
export const MAX_NODES = 1_000;

/**
 * One compilation: where it is, how much it has seen, and the first thing that is wrong. After a fault nothing more is
 * looked at, so that a hostile condition costs what its limits allow and no more.
 */
export interface ConditionCompiler {
  readonly group: (name: string) => GroupTest | undefined;
  /** Operators and compared values so far. */
  readonly nodes: number;
  readonly fault: Fault | undefined;
  /** The attribute that is being asked for, as a trace names it. */
  attribute: string;
  /** Notes what is wrong at this place, or at a place within it. Always undefined, so that it can be returned. */
  readonly refuse: (detail: string, ...below: readonly (string | number)[]) => undefined;
  /** Judges one more node, at a place within this one; undefined when it is refused, or something was before. */
  readonly within: <Result>(step: string | number, judge: () => Result | undefined) => Result | undefined;
  /** Counts more nodes; false when they are too many, which is then noted. */
  readonly count: (nodes: number) => boolean;
  /** A condition: attributes and logic. `scope` is what its attributes are looked up in. */
  readonly condition: (value: unknown) => ValueTest | undefined;
  /** What one value is compared with: operators, or something it must equal. */
  readonly value: (value: unknown) => ValueTest | undefined;
}

export function conditionCompiler(
  group: ConditionCompiler["group"],
  condition: (value: unknown, compiler: ConditionCompiler) => ValueTest | undefined,
  value: (value: unknown, compiler: ConditionCompiler) => ValueTest | undefined,
): ConditionCompiler {
  const path: (string | number)[] = [];
  let nodes = 0;
  let fault: Fault | undefined;
  const compiler: ConditionCompiler = {
    group,
    attribute: "",
    get nodes() {
      return nodes;
    },
    get fault() {
      return fault;
    },
    refuse(detail, ...below) {
      fault ??= { path: [...path, ...below], detail };
      return undefined;
    },
    within(step, judge) {
      if (fault !== undefined) return undefined;
      path.push(step);
      if (path.length > MAX_DEPTH) compiler.refuse(`must not be nested more than ${MAX_DEPTH} deep`);
      const result = compiler.count(1) ? judge() : undefined;
      path.pop();
      return result;
    },
    count(more) {
      nodes += more;
      if (nodes > MAX_NODES) {
        compiler.refuse(`is too large: a condition may have ${MAX_NODES} operators and compared values`);
      }
      return fault === undefined;
    },
    condition: (inner) => condition(inner, compiler),
    value: (inner) => value(inner, compiler),
  };

  return compiler;
}
