import type { ValueTest } from "./comparison.ts";
import type { ConditionCompiler } from "./condition-compiler.ts";
import { OPERATORS, compileOperator, isOperator } from "./operators.ts";
import { quote } from "../flag/fault.ts";

/**
 * What stands behind an attribute: an object of operators, all of which must hold, or a value that it must equal.
 *
 * @returns undefined when it is refused
 */
export function compileValue(value: unknown, compiler: ConditionCompiler): ValueTest | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return compileOperator("$eq", value, compiler);
  }
  const entries = Object.entries(value);
  const operators = entries.filter(([name]) => name.startsWith("$"));
  if (entries.length === 0) {
    return compiler.refuse('an empty object says nothing; write {"$eq": {}} or {"$exists": true}');
  }
  if (operators.length === 0) return compileOperator("$eq", value, compiler);
  if (operators.length < entries.length) {
    return compiler.refuse(
      'operators and other members cannot stand together; write a path such as "a.b" instead',
    );
  }

  const tests: ValueTest[] = [];
  for (const [name, argument] of operators) {
    const test = compiler.within(name, () =>
      isOperator(name)
        ? compileOperator(name, argument, compiler)
        : compiler.refuse(`unknown operator ${quote(name)}; there are ${Object.keys(OPERATORS).join(", ")}`),
    );
    if (test === undefined) return undefined;
    tests.push(test);
  }
  const [only] = tests;
  if (only !== undefined && tests.length === 1) return only;
  return (actual, attributes, trace) => tests.every((test) => test(actual, attributes, trace));
}
