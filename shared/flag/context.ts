import { MAX_ATTRIBUTE_PATH } from "./flag.ts";
import { isObject } from "./members.ts";
import { quote } from "./fault.ts";

/**
 * OpenFeature's evaluation context: the attributes of the user. They are camelCase and come from verified sources only,
 * never from a client's claims. An empty string counts as missing.
 */
export interface EvaluationContext {
  /** The user id, or the anonymous id when there is no user id. */
  readonly targetingKey?: string;
  readonly userId?: string;
  readonly anonymousId?: string;
  readonly plan?: string;
  readonly isEmployee?: boolean;
  readonly email?: string;
  readonly organization?: string;
  readonly country?: string;
  /** Other attributes: strings, numbers, booleans, and arrays and objects of these. */
  readonly [attribute: string]: unknown;
}

/** The longest id or text, in UTF-16 units. A longer one is a mistake or an attack. */
export const MAX_ATTRIBUTE_LENGTH = 256;

export const MAX_ATTRIBUTES = 100;
/** The longest name of an attribute or of a member within one, in UTF-16 units. */
export const MAX_ATTRIBUTE_NAME = 128;
/** Nested arrays and objects, without the context itself. */
export const MAX_ATTRIBUTE_DEPTH = 5;
/** Attributes, their members and their items together. */
export const MAX_CONTEXT_VALUES = 1_000;

/** The attributes that Sluice itself reads, and their types. */
export const KNOWN_ATTRIBUTES: { readonly [name: string]: "string" | "boolean" } = {
  targetingKey: "string",
  userId: "string",
  anonymousId: "string",
  plan: "string",
  isEmployee: "boolean",
  email: "string",
  organization: "string",
  country: "string",
};

/**
 * Reads an evaluation context from a decoded JSON value and derives its targeting key.
 * Null attributes and empty texts are left out.
 *
 * @returns the context, or a problem that names attributes but never quotes values, which may be personal data
 */
export function parseContext(
  value: unknown,
): { readonly context: EvaluationContext } | { readonly problem: string } {
  if (!isObject(value)) return { problem: "the evaluation context must be a JSON object" };
  const given = Object.entries(value).filter(([, attribute]) => attribute !== null && attribute !== "");
  if (given.length > MAX_ATTRIBUTES) {
    return { problem: `the evaluation context has more than ${MAX_ATTRIBUTES} attributes` };
  }
  const budget = { left: MAX_CONTEXT_VALUES };
  const context: Record<string, unknown> = {};
  for (const [name, attribute] of given) {
    const taken = takeAttribute(name, attribute, budget);
    if ("problem" in taken) return { problem: `attribute ${quote(name)} ${taken.problem}` };
    context[name] = taken.value;
  }
  return { context: withTargetingKey(context) };
}

/** Sets `targetingKey` from the ids. A `targetingKey` in the input is dropped. */
export function withTargetingKey(context: EvaluationContext): EvaluationContext {
  const { targetingKey: _given, ...attributes } = context;
  const targetingKey = [attributes.userId, attributes.anonymousId].find(isId);
  return targetingKey === undefined ? attributes : { ...attributes, targetingKey };
}

// The types say string, but the values come from unchecked JSON.
const isId = (id: unknown): id is string => typeof id === "string" && id !== "";

type Taken = { readonly value: unknown } | { readonly problem: string };

/** How many more values are allowed. */
interface Budget {
  left: number;
}

function takeAttribute(name: string, value: unknown, budget: Budget): Taken {
  const problem = judgeName(name);
  if (problem !== undefined) return { problem };
  const expected = Object.hasOwn(KNOWN_ATTRIBUTES, name) ? KNOWN_ATTRIBUTES[name] : undefined;
  if (expected !== undefined && typeof value !== expected) return { problem: `must be a ${expected}` };
  return takeValue(value, 0, budget);
}

function judgeName(name: string): string | undefined {
  // Assigning to it would replace an object's prototype.
  if (name === "__proto__") return "cannot be used: JavaScript reserves this name";
  if (name === "") return "has an empty name";
  return name.length > MAX_ATTRIBUTE_NAME
    ? `has a name of more than ${MAX_ATTRIBUTE_NAME} characters`
    : undefined;
}

/** Copies the value, so that later changes by the caller have no effect. */
function takeValue(value: unknown, depth: number, budget: Budget): Taken {
  budget.left -= 1;
  if (budget.left < 0)
    return { problem: `exceeds the limit: a context has at most ${MAX_CONTEXT_VALUES} values` };
  if (typeof value === "string" && value.length > MAX_ATTRIBUTE_LENGTH) {
    return { problem: `is longer than ${MAX_ATTRIBUTE_LENGTH} characters` };
  }
  // Null arrives here only as an item of an array. It is kept, so that the other items keep their positions.
  if (typeof value === "string" || typeof value === "boolean" || value === null || Number.isFinite(value)) {
    return { value };
  }
  if (!Array.isArray(value) && !isObject(value)) {
    return { problem: "must be a string, a finite number, a boolean, an array or an object" };
  }
  if (depth === MAX_ATTRIBUTE_DEPTH) return { problem: `is nested deeper than ${MAX_ATTRIBUTE_DEPTH}` };
  return Array.isArray(value) ? takeItems(value, depth + 1, budget) : takeMembers(value, depth + 1, budget);
}

function takeItems(items: readonly unknown[], depth: number, budget: Budget): Taken {
  const taken: unknown[] = [];
  for (const item of items) {
    const one = takeValue(item, depth, budget);
    if ("problem" in one) return one;
    taken.push(one.value);
  }
  return { value: taken };
}

function takeMembers(members: Readonly<Record<string, unknown>>, depth: number, budget: Budget): Taken {
  const taken: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(members)) {
    if (member === null) continue;
    const problem = judgeName(name);
    if (problem !== undefined) return { problem: `has a member that ${problem}` };
    const one = takeValue(member, depth, budget);
    if ("problem" in one) return one;
    taken[name] = one.value;
  }
  return { value: taken };
}

/** Names joined by dots. A leading "$" would look like an operator. */
const PATH_PATTERN = /^(?!\$)[^\s.\p{Cc}]+(?:\.[^\s.\p{Cc}]+)*$/u;

/** Reads one attribute. Returns null when it is missing. */
export type AttributeReader = (scope: unknown) => unknown;

/**
 * Compiles a dotted path such as `organization.plan`, or `teams.0` for the first item of a list. It reads own JSON members
 * only: inherited properties such as `constructor` and a list's `length` are missing.
 *
 * @returns undefined when the path is malformed
 */
export function attributeReader(path: string): AttributeReader | undefined {
  if (path.length > MAX_ATTRIBUTE_PATH || !PATH_PATTERN.test(path)) return undefined;
  const names = path.split(".");
  if (names.length === 1) return (scope) => ownMember(scope, path);
  return (scope) => {
    let found = scope;
    for (const name of names) found = ownMember(found, name);
    return found;
  };
}

function ownMember(scope: unknown, name: string): unknown {
  if (typeof scope !== "object" || scope === null || !Object.hasOwn(scope, name)) return null;
  if (Array.isArray(scope) && name === "length") return null;
  return (scope as Record<string, unknown>)[name] ?? null;
}
