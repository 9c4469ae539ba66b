import { isObject } from "../../../shared/flag/members.ts";
import { visible } from "../terminal/visible.ts";

/** The words between an attribute and a value. */
const OPERATORS: { readonly [operator: string]: string } = {
  $eq: "is",
  $ne: "is not",
  $gt: "is above",
  $gte: "is at least",
  $lt: "is below",
  $lte: "is at most",
  $in: "is one of",
  $nin: "is none of",
  $ini: "is one of (ignoring case)",
  $nini: "is none of (ignoring case)",
  $type: "is of the type",
  $regex: "matches",
  $regexi: "matches (ignoring case)",
  $startsWith: "begins with",
  $endsWith: "ends with",
  $contains: "contains",
  $before: "is before",
  $after: "is after",
  $veq: "is version",
  $vne: "is not version",
  $vgt: "is above version",
  $vgte: "is at least version",
  $vlt: "is below version",
  $vlte: "is at most version",
  $all: "has each of",
  $alli: "has each of (ignoring case)",
  $inGroup: "is in the segment",
  $notInGroup: "is not in the segment",
};

/** One comparison in words: `country is one of "DE", "FR"`. Unknown operators are shown as JSON. */
export function comparisonInWords(attribute: string, operator: string, expected: unknown): string {
  const name = visible(attribute, 128);
  if (operator === "$exists") return `${name} is ${expected === true ? "present" : "missing"}`;
  if (operator === "$size" && typeof expected === "number") return `${name} has ${expected} items`;
  const words = OPERATORS[operator];
  if (words === undefined) return `${name} ${visible(operator, 40)} ${valueInWords(expected)}`;
  return `${name} ${words} ${Array.isArray(expected) ? listInWords(expected) : valueInWords(expected)}`;
}

/** A JSON value, in one line. */
export function valueInWords(value: unknown): string {
  return visible(JSON.stringify(value) ?? "nothing", 200);
}

function listInWords(items: readonly unknown[]): string {
  const shown = items.slice(0, SHOWN_ITEMS).map(itemInWords);
  const more = items.length - shown.length;
  return (shown.join(", ") || "nothing") + (more > 0 ? ` and ${more} more` : "");
}

const SHOWN_ITEMS = 11;

/** A list that the API cut ends with the item "… 9 more". */
function itemInWords(item: unknown): string {
  return typeof item === "string" && item.startsWith("… ") ? item : valueInWords(item);
}

const JOINED: { readonly [operator: string]: string } = { $and: " and ", $or: " or " };

/** A condition in words, as `country is "DE" and (plan is "pro" or plan is "team")`. */
export function conditionInWords(condition: unknown): string {
  if (!isObject(condition)) return valueInWords(condition);
  const parts = Object.entries(condition).map(([name, argument]) => memberInWords(name, argument));
  return parts.join(" and ") || "everybody";
}

function memberInWords(name: string, argument: unknown): string {
  const between = JOINED[name];
  if (between !== undefined && Array.isArray(argument)) return joined(argument, between);
  if (name === "$nor" && Array.isArray(argument)) return `not ${joined(argument, " or ")}`;
  if (name === "$not") return `not (${conditionInWords(argument)})`;
  if (!isObject(argument)) return comparisonInWords(name, "$eq", argument);
  const operators = Object.entries(argument);
  // An object without operators is compared for equality.
  if (operators.length === 0 || operators.some(([operator]) => !operator.startsWith("$"))) {
    return comparisonInWords(name, "$eq", argument);
  }
  return operators
    .map(([operator, expected]) =>
      operator === "$not" && isObject(expected)
        ? `not (${memberInWords(name, expected)})`
        : comparisonInWords(name, operator, expected),
    )
    .join(" and ");
}

function joined(conditions: readonly unknown[], between: string): string {
  return `(${conditions.map(conditionInWords).join(between)})`;
}
