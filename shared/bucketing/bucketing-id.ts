import { attributeReader, type EvaluationContext, KNOWN_ATTRIBUTES } from "../flag/context.ts";

/** Reads the bucketing id. Returns undefined when the context has none. */
export type IdReader = (context: EvaluationContext) => string | undefined;

/**
 * Compiles the reader of a bucketing attribute. Its value becomes an id by `toId`.
 *
 * @param bucketBy a path to the attribute, as in conditions
 */
export function idReader(bucketBy: string): IdReader {
  const read = attributeReader(bucketBy);
  return (context) => toId(read?.(context));
}

/**
 * Converts a value to an id: a text as it is, a finite number as JavaScript prints it (`7`, `1.5`, `1e+21`). Any other value
 * and the empty text are not ids.
 */
export function toId(value: unknown): string | undefined {
  if (typeof value === "string") return value === "" ? undefined : value;
  return Number.isFinite(value) ? String(value) : undefined;
}

/**
 * Checks whether any context can have an id at this path.
 *
 * @param path matches `ATTRIBUTE_PATTERN`
 * @returns why none can, or undefined
 */
export function neverAnId(path: string): string | undefined {
  const names = path.split(".");
  if (names.includes("__proto__")) return "cannot be used: JavaScript reserves the name __proto__";
  const [name = ""] = names;
  const type = Object.hasOwn(KNOWN_ATTRIBUTES, name) ? KNOWN_ATTRIBUTES[name] : undefined;
  if (type === undefined || path === name) {
    return type === "boolean" ? `cannot be an id: ${name} is true or false` : undefined;
  }
  return `is always missing: ${name} is a ${type} and has no members`;
}
