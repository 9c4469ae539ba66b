import { traceSegment, type ValueTest } from "./comparison.ts";
import type { ConditionCompiler } from "./condition-compiler.ts";
import { quote } from "../flag/fault.ts";
import { isObject } from "../flag/members.ts";
import { compileRegex, type Regex } from "./regex/compile-regex.ts";
import { parseTimestamp, type Instant } from "./rfc3339.ts";
import { parseSemVer, type SemVer } from "./version-order.ts";

/** The longest text in a condition, in UTF-16 units. */
export const MAX_TEXT_LENGTH = 1_024;

/** The longest list of `$in`, `$nin`, `$ini` and `$nini`. */
export const MAX_LIST_LENGTH = 10_000;

/** Characters of a regular expression that count as one node: a match costs more for a longer pattern. */
const CHARACTERS_A_NODE = 4;

export type Scalar = string | number | boolean | null;

const TYPE_NAMES = ["string", "number", "boolean", "array", "object", "null"];

/** Checks and prepares an operator's argument, or notes why it is refused. */
type Read<Argument> = (argument: unknown, compiler: ConditionCompiler) => Argument | undefined;

/** A JSON value that is compared as a whole. Members that begin with "$" are refused: they would not work as operators. */
export const readJson: Read<unknown> = (argument, compiler) => {
  if (typeof argument !== "object" || argument === null) return readScalar(argument, compiler);
  // An iterator, because a list may be far longer than the limit at which reading stops.
  const entries: Iterable<readonly [string | number, unknown]> = Array.isArray(argument)
    ? argument.entries()
    : Object.entries(argument);
  for (const [step, item] of entries) {
    const judged = compiler.within(step, () =>
      typeof step === "string" && step.startsWith("$")
        ? compiler.refuse(
            `${quote(step)} is inside a value that is compared as a whole; write a path such as "a.b" instead`,
          )
        : readJson(item, compiler),
    );
    if (judged === undefined) return undefined;
  }
  return argument;
};

export const readScalars: Read<readonly Scalar[]> = (argument, compiler) => {
  if (!Array.isArray(argument)) return compiler.refuse("must be an array");
  if (argument.length > MAX_LIST_LENGTH) return compiler.refuse(`has more than ${MAX_LIST_LENGTH} items`);
  const items: readonly unknown[] = argument;
  for (const [index, item] of items.entries()) {
    const problem = scalarProblem(item);
    if (problem !== undefined) return compiler.refuse(problem, index);
  }
  return items as readonly Scalar[];
};

export const readBoolean: Read<boolean> = (argument, compiler) =>
  typeof argument === "boolean" ? argument : compiler.refuse("must be true or false");

/** A value that has an order. */
export const readOrdered: Read<string | number> = (argument, compiler) =>
  typeof argument === "string" || typeof argument === "number"
    ? readScalar(argument, compiler)
    : compiler.refuse("must be a number or a string");

export const readTypeName: Read<string> = (argument, compiler) =>
  TYPE_NAMES.find((name) => name === argument) ??
  compiler.refuse(`must be one of ${TYPE_NAMES.join(", ")}; a missing attribute is "null"`);

/** A text that is not empty: every text contains the empty one. */
export const readText: Read<string> = (argument, compiler) =>
  typeof argument === "string" && argument !== ""
    ? readScalar(argument, compiler)
    : compiler.refuse("must be a non-empty string");

/** A pattern, as a test of a text. */
export const readRegex =
  (ignoreCase: boolean): Read<Regex["test"]> =>
  (argument, compiler) => {
    const pattern = readText(argument, compiler);
    if (pattern === undefined) return undefined;
    const regex = compileRegex(pattern, ignoreCase);
    if ("problem" in regex) return compiler.refuse(regex.problem);
    return compiler.count(Math.ceil(regex.size / CHARACTERS_A_NODE)) ? regex.test : undefined;
  };

export const readTimestamp: Read<Instant> = (argument, compiler) =>
  parseTimestamp(argument) ??
  compiler.refuse("must be an RFC 3339 timestamp with an offset, such as 2026-07-01T00:00:00Z");

export const readVersion: Read<SemVer> = (argument, compiler) => {
  // Versions must be strings: as a number, 1.10 equals 1.1.
  const version = parseSemVer(argument);
  if (version === undefined) return compiler.refuse('must be a version as a string, such as "1.2.3"');
  return readScalar(String(argument), compiler) === undefined ? undefined : version;
};

/** A segment, as a test of a value. */
export const readGroup: Read<ValueTest> = (argument, compiler) => {
  if (typeof argument !== "string") return compiler.refuse("must be the name of a segment");
  const group = compiler.group(argument);
  if (group === undefined) return compiler.refuse(`there is no segment ${quote(argument)}`);
  const { attribute } = compiler;
  return (value, attributes, trace) =>
    group(value, attributes, attribute, trace && traceSegment(argument, trace));
};

/** A value to compare with, or operators. */
export const readValue: Read<ValueTest> = (argument, compiler) => compiler.value(argument);

/** A number of items, or operators on the number. */
export const readSize: Read<ValueTest> = (argument, compiler) => {
  if (Number.isInteger(argument) && Number(argument) >= 0) return (length) => length === argument;
  return isOperatorObject(argument)
    ? compiler.value(argument)
    : compiler.refuse('must be an integer from 0, or operators such as {"$gte": 2}');
};

/** Operators on an item of a list, or a condition on the item's members. */
export const readElement: Read<ValueTest> = (argument, compiler) =>
  isOperatorObject(argument) ? compiler.value(argument) : compiler.condition(argument);

/** A list of values to compare with, or of operators. */
export const readValues: Read<readonly ValueTest[]> = (argument, compiler) =>
  readEach(argument, compiler, (item) => compiler.value(item));

/** Like `readValues`, but texts are compared without case. */
export const readFoldedValues: Read<readonly ValueTest[]> = (argument, compiler) =>
  readEach(argument, compiler, (item) => {
    if (typeof item !== "string") return compiler.value(item);
    const text = readScalar(item, compiler)?.toLowerCase();
    return text === undefined
      ? undefined
      : (value) => typeof value === "string" && value.toLowerCase() === text;
  });

function readEach(
  argument: unknown,
  compiler: ConditionCompiler,
  read: (item: unknown) => ValueTest | undefined,
): readonly ValueTest[] | undefined {
  if (!Array.isArray(argument)) return compiler.refuse("must be an array");
  const tests: ValueTest[] = [];
  for (const [index, item] of argument.entries()) {
    const test = compiler.within(index, () => read(item));
    if (test === undefined) return undefined;
    tests.push(test);
  }
  return tests;
}

function readScalar<Value>(value: Value, compiler: ConditionCompiler): Value | undefined {
  const problem = scalarProblem(value);
  return problem === undefined ? value : compiler.refuse(problem);
}

function scalarProblem(value: unknown): string | undefined {
  if (typeof value === "string") {
    return value.length > MAX_TEXT_LENGTH ? `is longer than ${MAX_TEXT_LENGTH} characters` : undefined;
  }
  return value === null || typeof value === "boolean" || Number.isFinite(value)
    ? undefined
    : "must be a string, a number, a boolean or null";
}

function isOperatorObject(value: unknown): boolean {
  if (!isObject(value)) return false;
  const names = Object.keys(value);
  return names.length > 0 && names.every((name) => name.startsWith("$"));
}
