import { traceWithin, type ValueTest } from "./comparison.ts";
import type { ConditionCompiler } from "./condition-compiler.ts";
import { jsonEquals } from "./json-equals.ts";
import {
  readBoolean,
  readElement,
  readFoldedValues,
  readGroup,
  readJson,
  readOrdered,
  readRegex,
  readScalars,
  readSize,
  readText,
  readTimestamp,
  readTypeName,
  readValue,
  readValues,
  readVersion,
} from "./operator-arguments.ts";
import { compareInstants, parseTimestamp, type Instant } from "./rfc3339.ts";
import { compareSemVer, parseSemVer, type SemVer } from "./version-order.ts";

/** Checks an operator's argument and returns its test, or undefined when the argument is refused. */
type Operator = (argument: unknown, compiler: ConditionCompiler) => ValueTest | undefined;

/**
 * Every operator that compares an attribute. A missing attribute is null. An operator for one type does not match values
 * of another type. Negative operators ($ne, $nin, $nini, $vne, $notInGroup) match exactly when their positive counterpart
 * does not.
 */
export const OPERATORS: { readonly [name: string]: Operator } = {
  $eq: operator(readJson, (expected) => (value) => jsonEquals(value, expected)),
  $ne: operator(readJson, (expected) => (value) => !jsonEquals(value, expected)),
  $gt: operator(readOrdered, (bound) => (value) => compareValues(value, bound) > 0),
  $gte: operator(readOrdered, (bound) => (value) => compareValues(value, bound) >= 0),
  $lt: operator(readOrdered, (bound) => (value) => compareValues(value, bound) < 0),
  $lte: operator(readOrdered, (bound) => (value) => compareValues(value, bound) <= 0),
  $in: operator(readScalars, (items) => isAmong(items, asItIs)),
  $nin: operator(readScalars, (items) => not(isAmong(items, asItIs))),
  $ini: operator(readScalars, (items) => isAmong(items, folded)),
  $nini: operator(readScalars, (items) => not(isAmong(items, folded))),
  $exists: operator(
    readBoolean,
    (expected) => (value) => (value !== null && value !== undefined) === expected,
  ),
  $type: operator(readTypeName, (name) => (value) => typeName(value) === name),
  $regex: operator(readRegex(false), (test) => (value) => typeof value === "string" && test(value)),
  $regexi: operator(readRegex(true), (test) => (value) => typeof value === "string" && test(value)),
  $startsWith: operator(readText, (text) => (value) => typeof value === "string" && value.startsWith(text)),
  $endsWith: operator(readText, (text) => (value) => typeof value === "string" && value.endsWith(text)),
  $contains: operator(
    readText,
    (text) => (value) => (typeof value === "string" || Array.isArray(value)) && value.includes(text),
  ),
  $before: operator(readTimestamp, (limit) => happened(limit, (order) => order < 0)),
  $after: operator(readTimestamp, (limit) => happened(limit, (order) => order > 0)),
  $veq: operator(readVersion, (version) => versioned(version, (order) => order === 0)),
  $vne: operator(readVersion, (version) => not(versioned(version, (order) => order === 0))),
  $vgt: operator(readVersion, (version) => versioned(version, (order) => order > 0)),
  $vgte: operator(readVersion, (version) => versioned(version, (order) => order >= 0)),
  $vlt: operator(readVersion, (version) => versioned(version, (order) => order < 0)),
  $vlte: operator(readVersion, (version) => versioned(version, (order) => order <= 0)),
  $not: operator(
    readValue,
    (test) => (value, attributes, trace) => !test(value, attributes, trace && traceWithin("$not", trace)),
  ),
  $size: operator(
    readSize,
    (test) => (value, attributes, trace) =>
      Array.isArray(value) && test(value.length, attributes, trace && traceWithin("$size", trace)),
  ),
  $elemMatch: operator(
    readElement,
    // An item of null never matches, as in GrowthBook.
    (test) => (value, attributes) =>
      Array.isArray(value) && value.some((item) => asItIs(item) !== null && test(item, attributes)),
  ),
  $all: operator(readValues, hasAll),
  $alli: operator(readFoldedValues, hasAll),
  $inGroup: operator(readGroup, (test) => test),
  $notInGroup: operator(readGroup, not),
};

export function isOperator(name: string): boolean {
  return Object.hasOwn(OPERATORS, name);
}

/** Returns the test of one operator, which reports its comparison to a trace; undefined when the argument is refused. */
export function compileOperator(
  operator: string,
  argument: unknown,
  compiler: ConditionCompiler,
): ValueTest | undefined {
  const test = OPERATORS[operator]?.(argument, compiler);
  const { attribute } = compiler;
  return (
    test &&
    ((actual, attributes, trace) => {
      const matched = test(actual, attributes, trace);
      trace?.({ attribute, operator, expected: argument, actual, matched });
      return matched;
    })
  );
}

function operator<Argument>(
  read: (argument: unknown, compiler: ConditionCompiler) => Argument | undefined,
  test: (argument: Argument) => ValueTest,
): Operator {
  return (argument, compiler) => {
    const judged = read(argument, compiler);
    return judged === undefined ? undefined : test(judged);
  };
}

function not(test: ValueTest): ValueTest {
  return (value, attributes, trace) => !test(value, attributes, trace);
}

function asItIs(value: unknown): unknown {
  return value ?? null;
}

/** Lower-cases text and returns every other value unchanged. */
export function folded(value: unknown): unknown {
  return typeof value === "string" ? value.toLowerCase() : asItIs(value);
}

/** Whether the value, or one item of a list value, is among the items. */
function isAmong(items: readonly unknown[], reduced: (value: unknown) => unknown): ValueTest {
  const set = new Set(items.map(reduced));
  return (value) =>
    Array.isArray(value) ? value.some((item) => set.has(reduced(item))) : set.has(reduced(value));
}

/** Whether every test passes for at least one item of a list. */
function hasAll(tests: readonly ValueTest[]): ValueTest {
  return (value, attributes) =>
    Array.isArray(value) && tests.every((test) => value.some((item) => test(item ?? null, attributes)));
}

function happened(limit: Instant, holds: (order: number) => boolean): ValueTest {
  return (value) => {
    const instant = parseTimestamp(value);
    return instant !== undefined && holds(compareInstants(instant, limit));
  };
}

function versioned(expected: SemVer, holds: (order: number) => boolean): ValueTest {
  return (value) => {
    const version = parseSemVer(value);
    return version !== undefined && holds(compareSemVer(version, expected));
  };
}

function typeName(value: unknown): string {
  if (value === null || value === undefined) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}

const DECIMAL = /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/**
 * Compares two values: two strings by UTF-16 code units, everything else as numbers. A string of decimal digits counts as
 * its number, and null or missing as 0. GrowthBook's `cases.json` requires both.
 *
 * @returns below, equal to or above 0; NaN when the two have no order
 */
function compareValues(left: unknown, right: unknown): number {
  if (typeof left === "string" && typeof right === "string") {
    if (left === right) return 0;
    return left < right ? -1 : 1;
  }
  const [first, second] = [toNumber(left), toNumber(right)];
  // Infinity - Infinity is NaN, so no subtraction here.
  if (first === second) return 0;
  if (first < second) return -1;
  return first > second ? 1 : Number.NaN;
}

function toNumber(value: unknown): number {
  if (typeof value === "number") return value;
  if (value === null || value === undefined) return 0;
  return typeof value === "string" && DECIMAL.test(value) ? Number(value) : Number.NaN;
}
