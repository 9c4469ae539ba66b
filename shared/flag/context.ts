import { MAX_ATTRIBUTE_PATH } from "./flag.ts";
import { isObject } from "./members.ts";
import { quote } from "./fault.ts";

/**
 * Who asks: OpenFeature's evaluation context. Attributes are camelCase and come from verified sources alone;
 * what a client merely claims is never in here. The empty string counts as missing everywhere.
 */
export interface EvaluationContext {
  /** The user id, else the anonymous id. */
  readonly targetingKey?: string;
  readonly userId?: string;
  readonly anonymousId?: string;
  readonly plan?: string;
  readonly isEmployee?: boolean;
  readonly email?: string;
  readonly organization?: string;
  readonly country?: string;
  /** Whatever else is known: strings, numbers, booleans, and arrays and objects of these. */
  readonly [attribute: string]: unknown;
}

/** The longest id or text that is taken, in UTF-16 units; a longer one is a mistake or an attack. */
export const MAX_ATTRIBUTE_LENGTH = 256;

/** How much of a context is taken. */
export const MAX_ATTRIBUTES = 100;
/** The longest name of an attribute or of a member within one. */
export const MAX_ATTRIBUTE_NAME = 128;
/** Arrays and objects in each other, the context itself not counted. */
export const MAX_ATTRIBUTE_DEPTH = 5;
/** Attributes, their members and items, all together. */
export const MAX_CONTEXT_VALUES = 1_000;

/** The attributes that Sluice itself asks for, and what they must be. */
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
 * Takes a decoded JSON value for an evaluation context, without its targeting key, which is derived.
 * Attributes that are null, and texts that are empty, are left out.
 *
 * @returns the context, or what is wrong with it: attributes by name, never by value, which may be personal data
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

/** Sets `targetingKey` from the ids, whatever was in it before. */
export function withTargetingKey(context: EvaluationContext): EvaluationContext {
  const { targetingKey: _given, ...attributes } = context;
  const targetingKey = [attributes.userId, attributes.anonymousId].find(isId);
  return targetingKey === undefined ? attributes : { ...attributes, targetingKey };
}

// Both are strings by their types, and whatever the caller's JSON held by their values.
const isId = (id: unknown): id is string => typeof id === "string" && id !== "";

type Taken = { readonly value: unknown } | { readonly problem: string };

/** How many values may still come. */
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
  // Assigned somewhere, it would change what an object inherits.
  if (name === "__proto__") return "cannot be used: the name has a meaning of its own in JavaScript";
  if (name === "") return "has an empty name";
  return name.length > MAX_ATTRIBUTE_NAME
    ? `has a name of more than ${MAX_ATTRIBUTE_NAME} characters`
    : undefined;
}

/** A copy, so that nobody else holds what was judged. */
function takeValue(value: unknown, depth: number, budget: Budget): Taken {
  budget.left -= 1;
  if (budget.left < 0)
    return { problem: `is one too many: a context has at most ${MAX_CONTEXT_VALUES} values` };
  if (typeof value === "string" && value.length > MAX_ATTRIBUTE_LENGTH) {
    return { problem: `is longer than ${MAX_ATTRIBUTE_LENGTH} characters` };
  }
  // Null comes here as an item alone: one that says nothing, but is one all the same.
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

/** Names joined by dots; a "$" in front would read like an operator. */
const PATH_PATTERN = /^(?!\$)[^\s.\p{Cc}]+(?:\.[^\s.\p{Cc}]+)*$/u;

/** Finds one attribute; null when it is not there. */
export type AttributeReader = (scope: unknown) => unknown;

/**
 * Prepares a dotted path such as `organization.plan`, or `teams.0` for the first item of a list. What JSON holds is found,
 * never what JavaScript adds to it: `constructor` is missing unless somebody sent it, and so is a list's `length`.
 *
 * @returns undefined when the path is none
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
