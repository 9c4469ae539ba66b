import { attributeReader, type EvaluationContext, KNOWN_ATTRIBUTES } from "../flag/context.ts";

/** Finds what somebody is bucketed by; undefined when the context has no such id. */
export type IdReader = (context: EvaluationContext) => string | undefined;

/**
 * Prepares bucketing by an attribute, whose value is the id: see `toId`.
 *
 * @param bucketBy the attribute, found as conditions find it
 */
export function idReader(bucketBy: string): IdReader {
  const read = attributeReader(bucketBy);
  return (context) => toId(read?.(context));
}

/**
 * A value as an id: a text as it is, a finite number as JavaScript writes it (`7`, `1.5`, `1e+21`). Nothing else is an id,
 * and the empty text is none either.
 */
export function toId(value: unknown): string | undefined {
  if (typeof value === "string") return value === "" ? undefined : value;
  return Number.isFinite(value) ? String(value) : undefined;
}

/**
 * Why no context can have an id at a path; undefined when one can.
 *
 * @param path of `ATTRIBUTE_PATTERN`
 */
export function neverAnId(path: string): string | undefined {
  const names = path.split(".");
  if (names.includes("__proto__")) return "cannot be used: __proto__ has a meaning of its own in JavaScript";
  const [name = ""] = names;
  const type = Object.hasOwn(KNOWN_ATTRIBUTES, name) ? KNOWN_ATTRIBUTES[name] : undefined;
  if (type === undefined || path === name) {
    return type === "boolean" ? `is never an id: ${name} is true or false` : undefined;
  }
  return `is never there: ${name} is a ${type} and has nothing within`;
}
