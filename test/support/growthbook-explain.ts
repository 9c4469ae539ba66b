import { evalCondition, type ConditionInterface } from "@growthbook/growthbook";
import { compileSegments, compileWithSegments } from "../../shared/compile/compile-segments.ts";
import type { Trace } from "../../shared/condition/comparison.ts";
import { SEGMENTS } from "./condition-arbitraries.ts";
import { DIFFERENCES, type Leaf } from "./growthbook-differences.ts";

type Members = Readonly<Record<string, unknown>>;

// Its types do not accept read-only lists.
const GROUPS = Object.fromEntries(Object.entries(SEGMENTS).map(([name, ids]) => [name, [...ids]]));

const COMPILED_SEGMENTS = compileSegments(Object.entries(SEGMENTS).map(([name, ids]) => ({ name, ids })));

/** GrowthBook's result, or that it throws, which a conversion can. */
export function growthbook(condition: object, attributes: unknown): boolean | "throws" {
  try {
    return evalCondition(attributes as Members, condition as ConditionInterface, GROUPS);
  } catch {
    return "throws";
  }
}

/** Sluice's result. Conditions that Sluice refuses never get here. */
export function sluice(condition: object, attributes: unknown, trace?: Trace): boolean {
  const compiled = compileWithSegments(condition, COMPILED_SEGMENTS);
  if ("fault" in compiled) throw new Error(JSON.stringify(compiled.fault));
  return compiled.condition(attributes as Members, trace);
}

const disagree = (condition: object, attributes: unknown): boolean =>
  growthbook(condition, attributes) !== sluice(condition, attributes);

/** Compares one value, as an attribute of its own. */
const asked = (value: unknown, actual: unknown): readonly [condition: object, attributes: object] => [
  { v: value },
  { v: actual },
];

/**
 * Returns the names of the differences that explain different results for a condition. Both sides combine parts by the same
 * logic, so the difference must be in one of the parts, down to single comparisons.
 *
 * @returns an empty list when the results are equal
 * @throws when a comparison, or a composition, is not explained
 */
export function explainCondition(condition: object, scope: unknown): readonly string[] {
  if (!disagree(condition, scope)) return [];
  const members = Object.entries(condition);
  const found = members.flatMap(([name, argument]) => explainMember(name, argument, scope));
  return explained(found, condition, scope);
}

function explainMember(name: string, argument: unknown, scope: unknown): readonly string[] {
  if (name === "$not") return explainCondition(argument as object, scope);
  if (name.startsWith("$")) return (argument as object[]).flatMap((part) => explainCondition(part, scope));
  const read = readPath(scope, name);
  if (!("inherited" in read)) return explainValue(argument, read.own);
  // Sluice must treat it as missing. GrowthBook's result for the function or prototype does not matter.
  const isMissing = sluice({ [name]: argument }, scope) === sluice({ v: argument }, {});
  return isMissing && disagree({ [name]: argument }, scope) ? ["inherited properties are missing"] : [];
}

/** The value of an attribute in the condition, for one actual value. */
function explainValue(value: unknown, actual: unknown): readonly string[] {
  if (!disagree(...asked(value, actual))) return [];
  if (!isOperators(value))
    return explainLeaf({ operator: "=", expected: value, actual, sluice: false }, value);
  const found = Object.entries(value).flatMap(([operator, argument]) =>
    disagree(...asked({ [operator]: argument }, actual)) ? explainOperator(operator, argument, actual) : [],
  );
  return explained(found, value, actual);
}

function explainOperator(operator: string, expected: unknown, actual: unknown): readonly string[] {
  const items: readonly unknown[] = Array.isArray(actual) ? actual : [];
  if (operator === "$not") return explainValue(expected, actual);
  if (operator === "$size") return explainValue(expected, items.length);
  if (operator === "$elemMatch") {
    const explain = isOperators(expected) ? explainValue : explainCondition;
    return items.filter((item) => item !== null).flatMap((item) => explain(expected as object, item));
  }
  if (operator === "$all" || operator === "$alli") {
    return (expected as unknown[]).flatMap((one) =>
      items.flatMap((item) =>
        operator === "$alli" && typeof one === "string" ? explainFolded(one, item) : explainValue(one, item),
      ),
    );
  }
  return explainLeaf({ operator, expected, actual, sluice: false }, { [operator]: expected });
}

/** Text of `$alli` against one item of the list. */
function explainFolded(expected: string, item: unknown): readonly string[] {
  const [condition, attributes] = asked({ $alli: [expected] }, [item]);
  if (!disagree(condition, attributes)) return [];
  return named({ operator: "=i", expected, actual: item, sluice: sluice(condition, attributes) });
}

function explainLeaf(leaf: Leaf, value: unknown): readonly string[] {
  return named({ ...leaf, sluice: sluice(...asked(value, leaf.actual)) });
}

function named(leaf: Leaf): readonly string[] {
  const names = DIFFERENCES.filter(({ explains }) => explains?.(leaf) === true).map(({ name }) => name);
  return explained(names, leaf, leaf.actual);
}

function explained(names: readonly string[], what: unknown, actual: unknown): readonly string[] {
  if (names.length > 0) return names;
  throw new Error(`no documented difference explains ${JSON.stringify(what)} on ${JSON.stringify(actual)}`);
}

/** Follows a path as GrowthBook does, and reports whether all of it consists of own JSON members. */
function readPath(scope: unknown, path: string): { readonly own: unknown } | { readonly inherited: true } {
  let found = scope;
  for (const name of path.split(".")) {
    if (typeof found !== "object" || found === null || !(name in found)) return { own: null };
    const isOwn = Object.hasOwn(found, name) && !(Array.isArray(found) && name === "length");
    if (!isOwn) return { inherited: true };
    found = (found as Members)[name];
  }
  return { own: found };
}

function isOperators(value: unknown): value is Members {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const names = Object.keys(value);
  return names.length > 0 && names.every((name) => name.startsWith("$"));
}
