import type { Fault } from "../flag/fault.ts";
import type { GroupTest, ValueTest } from "./comparison.ts";

/** The deepest nesting of a condition, in objects and lists. */
export const MAX_DEPTH = 16;

/**
 * The most operators and compared values in one condition. Items of `$in`, `$nin`, `$ini` and `$nini` do not count. Every
 * four characters of a regular expression count as one more.
 */
export const MAX_NODES = 1_000;

/** Compiles one kind of node; undefined when it is refused. */
type Compile = (value: unknown, compiler: ConditionCompiler) => ValueTest | undefined;

/**
 * The state of one compilation: the current path, the number of nodes and the first fault. After a fault nothing more is
 * read, so a hostile condition costs no more than the limits allow.
 */
export class ConditionCompiler {
  /** Operators and compared values so far. */
  nodes = 0;
  fault: Fault | undefined;
  /** The attribute that is being compared, as a trace names it. */
  attribute = "";
  readonly group: (name: string) => GroupTest | undefined;
  readonly #path: (string | number)[] = [];
  readonly #condition: Compile;
  readonly #value: Compile;

  constructor(group: ConditionCompiler["group"], condition: Compile, value: Compile) {
    this.group = group;
    this.#condition = condition;
    this.#value = value;
  }

  /** Notes a fault at the current path, or below it. Returns undefined, so that callers can return the result. */
  refuse(detail: string, ...below: readonly (string | number)[]): undefined {
    this.fault ??= { path: [...this.#path, ...below], detail };
    return undefined;
  }

  /** Compiles one more node, one step below the current path. Returns undefined after any fault. */
  within<Result>(step: string | number, compile: () => Result | undefined): Result | undefined {
    if (this.fault !== undefined) return undefined;
    this.#path.push(step);
    if (this.#path.length > MAX_DEPTH) this.refuse(`must not be nested more than ${MAX_DEPTH} deep`);
    const result = this.count(1) ? compile() : undefined;
    this.#path.pop();
    return result;
  }

  /** Counts more nodes. Returns false after any fault, such as too many nodes. */
  count(nodes: number): boolean {
    this.nodes += nodes;
    if (this.nodes > MAX_NODES) {
      this.refuse(`is too large: a condition may have ${MAX_NODES} operators and compared values`);
    }
    return this.fault === undefined;
  }

  /** Compiles a condition: attributes and logic. The test reads attributes from its value. */
  condition(value: unknown): ValueTest | undefined {
    return this.#condition(value, this);
  }

  /** Compiles the value of an attribute: operators, or a value that it must equal. */
  value(value: unknown): ValueTest | undefined {
    return this.#value(value, this);
  }
}
