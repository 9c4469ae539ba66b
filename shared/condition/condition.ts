import { type Fault, quote } from "../flag/fault.ts";
import { MAX_ATTRIBUTE_PATH } from "../flag/flag.ts";
import { isObject } from "../flag/members.ts";
import { attributeReader } from "../flag/context.ts";
import { traceWithin, type Condition, type GroupTest, type ValueTest } from "./comparison.ts";
import { ConditionCompiler } from "./condition-compiler.ts";
import { OPERATORS, compileOperator, isOperator } from "./operators.ts";

/**
 * Compiles a condition to a function, once per snapshot. All faults are found here.
 *
 * @example
 * const compiled = compileCondition({ country: { $in: ["DE", "FR"] } }, () => undefined);
 * if ("condition" in compiled) compiled.condition({ country: "DE" }); // true
 *
 * @param value unchecked input
 * @param groups returns a segment's test by name; undefined when there is no such segment
 * @returns the condition and its size, or its first fault
 */
export function compileCondition(
  value: unknown,
  groups: (name: string) => GroupTest | undefined,
): { readonly condition: Condition; readonly nodes: number } | { readonly fault: Fault } {
  const compiler = new ConditionCompiler(groups, compileMembers, compileValue);
  const test = compileMembers(value, compiler);
  if (compiler.fault !== undefined || test === undefined) {
    return { fault: compiler.fault ?? { path: [], detail: "is not a condition" } };
  }
  return { condition: (attributes, trace) => test(attributes, attributes, trace), nodes: compiler.nodes };
}

/** Logic between conditions. An empty `$or` matches, as GrowthBook's `cases.json` requires. */
const LOGIC: { readonly [operator: string]: Member } = {
  $and: (argument, compiler) => allOf(compileList(argument, compiler)),
  $or: (argument, compiler) => inside("$or", anyOf(compileList(argument, compiler))),
  $nor: (argument, compiler) => inside("$nor", noneOf(anyOf(compileList(argument, compiler)))),
  $not: (argument, compiler) => inside("$not", noneOf(compileMembers(argument, compiler))),
};

/** Compiles the argument of one logical operator. */
type Member = (argument: unknown, compiler: ConditionCompiler) => ValueTest | undefined;

/** Compiles a condition: every member must match. */
function compileMembers(value: unknown, compiler: ConditionCompiler): ValueTest | undefined {
  if (!isObject(value)) {
    return compiler.refuse('must be an object, such as {"country": "DE"}');
  }
  const tests: ValueTest[] = [];
  for (const [name, argument] of Object.entries(value)) {
    const test = compiler.within(name, () => compileMember(name, argument, compiler));
    if (test === undefined) return undefined;
    tests.push(test);
  }
  return allOf(tests);
}

function compileMember(name: string, argument: unknown, compiler: ConditionCompiler): ValueTest | undefined {
  const logic = Object.hasOwn(LOGIC, name) ? LOGIC[name] : undefined;
  if (logic !== undefined) return logic(argument, compiler);
  if (isOperator(name)) {
    return compiler.refuse(`must be inside an attribute: write {"<attribute>": {"${name}": …}}`);
  }
  if (name.startsWith("$")) {
    return compiler.refuse(
      `unknown operator ${quote(name)}; use an attribute, or one of ${Object.keys(LOGIC).join(", ")}`,
    );
  }
  const read = attributeReader(name);
  if (read === undefined) {
    return compiler.refuse(
      `${quote(name)} is not an attribute: write names joined by dots, without spaces, at most ${MAX_ATTRIBUTE_PATH} characters`,
    );
  }
  const outer = compiler.attribute;
  compiler.attribute = name;
  const test = compiler.value(argument);
  compiler.attribute = outer;
  return test && ((scope, attributes, trace) => test(read(scope), attributes, trace));
}

/**
 * Compiles the value of an attribute: an object of operators, all of which must match, or a value that it must equal.
 *
 * @returns undefined when it is refused
 */
function compileValue(value: unknown, compiler: ConditionCompiler): ValueTest | undefined {
  if (!isObject(value)) return compileOperator("$eq", value, compiler);
  const entries = Object.entries(value);
  const operators = entries.filter(([name]) => name.startsWith("$"));
  if (entries.length === 0) {
    return compiler.refuse('must not be an empty object; write {"$eq": {}} or {"$exists": true}');
  }
  if (operators.length === 0) return compileOperator("$eq", value, compiler);
  if (operators.length < entries.length) {
    return compiler.refuse('must not mix operators with other members; write a path such as "a.b" instead');
  }

  const tests: ValueTest[] = [];
  for (const [name, argument] of operators) {
    const test = compiler.within(name, () =>
      isOperator(name)
        ? compileOperator(name, argument, compiler)
        : compiler.refuse(`unknown operator ${quote(name)}; use one of ${Object.keys(OPERATORS).join(", ")}`),
    );
    if (test === undefined) return undefined;
    tests.push(test);
  }
  const [only] = tests;
  if (only !== undefined && tests.length === 1) return only;
  return (actual, attributes, trace) => tests.every((test) => test(actual, attributes, trace));
}

function compileList(value: unknown, compiler: ConditionCompiler): readonly ValueTest[] | undefined {
  if (!Array.isArray(value)) return compiler.refuse("must be an array of conditions");
  const tests: ValueTest[] = [];
  for (const [index, item] of value.entries()) {
    const test = compiler.within(index, () => compileMembers(item, compiler));
    if (test === undefined) return undefined;
    tests.push(test);
  }
  return tests;
}

function allOf(tests: readonly ValueTest[] | undefined): ValueTest | undefined {
  const [only] = tests ?? [];
  if (only !== undefined && tests?.length === 1) return only;
  return tests && ((scope, attributes, trace) => tests.every((test) => test(scope, attributes, trace)));
}

function anyOf(tests: readonly ValueTest[] | undefined): ValueTest | undefined {
  return (
    tests &&
    ((scope, attributes, trace) => tests.length === 0 || tests.some((test) => test(scope, attributes, trace)))
  );
}

/** Makes a test's comparisons report the operator around them. */
function inside(operator: string, test: ValueTest | undefined): ValueTest | undefined {
  return (
    test && ((scope, attributes, trace) => test(scope, attributes, trace && traceWithin(operator, trace)))
  );
}

function noneOf(test: ValueTest | undefined): ValueTest | undefined {
  return test && ((scope, attributes, trace) => !test(scope, attributes, trace));
}
