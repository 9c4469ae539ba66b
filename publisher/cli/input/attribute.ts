import { InvalidArgumentError } from "commander";
import { attributeReader } from "../../../shared/flag/context.ts";
import { MAX_ATTRIBUTE_PATH } from "../../../shared/flag/flag.ts";
import { isObject } from "../../../shared/flag/members.ts";
import { CliError, EXIT } from "../cli-error.ts";
import { visible } from "../terminal/visible.ts";

/** An attribute of an evaluation context from the command line. */
export interface Attribute {
  /** Names of nested objects, with dots between them. */
  readonly path: string;
  readonly value: unknown;
}

/** An evaluation context. */
export type Context = Readonly<Record<string, unknown>>;

/** Attributes that are always texts. */
const TEXTS: ReadonlySet<string> = new Set([
  "targetingKey",
  "userId",
  "anonymousId",
  "plan",
  "email",
  "organization",
  "country",
]);

/** A repeatable `name=value`. */
export function collectAttributes(text: string, previous: readonly Attribute[] = []): readonly Attribute[] {
  const equals = text.indexOf("=");
  const path = text.slice(0, equals);
  if (equals < 1) throw new InvalidArgumentError("Write name=value, like country=DE.");
  const problem = pathProblem(path);
  if (problem !== undefined) throw new InvalidArgumentError(problem);
  return [...previous, { path, value: parseAttribute(path, text.slice(equals + 1)) }];
}

/** The fault in the name of an attribute; undefined when it is valid. */
export function pathProblem(path: string): string | undefined {
  if (path.length > MAX_ATTRIBUTE_PATH)
    return `The name of an attribute has at most ${MAX_ATTRIBUTE_PATH} characters.`;
  if (attributeReader(path) === undefined) {
    return "The name of an attribute has only letters, digits and _, with dots between nested names.";
  }
  if (path.split(".").includes("__proto__")) return "An attribute cannot have the name __proto__.";
  return undefined;
}

/**
 * The value of an attribute: parsed if the text is JSON, else the text itself. A number that would lose digits stays a
 * text: the version `1.10`, the code `007`, an id of twenty digits.
 */
export function parseAttribute(path: string, text: string): unknown {
  if (TEXTS.has(path)) return text;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "number" && String(value) !== text ? text : value;
  } catch {
    return text;
  }
}

/** Sets attributes in a context. Dots create nested objects. */
export function withAttributes(context: Context, attributes: readonly Attribute[]): Context {
  return attributes.reduce((set, { path, value }) => withMember(set, path.split("."), value, path), context);
}

function withMember(
  object: Context,
  [name = "", ...rest]: readonly string[],
  value: unknown,
  path: string,
): Context {
  if (rest.length === 0) return { ...object, [name]: value };
  const inner = Object.hasOwn(object, name) ? object[name] : {};
  if (!isObject(inner)) {
    throw new CliError(
      EXIT.usage,
      `--attribute ${visible(path, 80)} sets a member of a value that is not an object`,
      {
        why: [`${visible(name, 80)} already has a value without members.`],
        fix: ["set each attribute once"],
      },
    );
  }
  return { ...object, [name]: withMember(inner, rest, value, path) };
}
