import { fault, type Fault, faultWithin, quote } from "./fault.ts";

/** Copies one member's value, or returns its fault with a path relative to that value. */
export type Member<Into> = (value: unknown, into: Into) => Fault | undefined;

/** A table of every member that an object may have. `Shape` makes a forgotten member a type error. */
export type Members<Into, Shape = Readonly<Record<string, unknown>>> = {
  readonly [Name in keyof Shape]-?: Member<Into>;
};

/** Copies an object member by member. An unknown member is a fault: an unknown restriction must never widen exposure. */
export function takeMembers<Into>(value: unknown, members: Members<Into>, into: Into): Fault | undefined {
  if (!isObject(value)) return fault("must be an object");
  for (const [name, member] of Object.entries(value)) {
    // Own members only: "constructor" and "__proto__" are unknown members.
    const take = Object.hasOwn(members, name) ? members[name] : undefined;
    if (take === undefined) return fault(`unknown member ${quote(name)}`, name);
    const found = take(member, into);
    if (found !== undefined) return faultWithin(found, name);
  }
  return undefined;
}

/** Copies an array item by item. */
export function takeItems(
  value: unknown,
  maximum: number,
  take: (item: unknown, index: number) => Fault | undefined,
): Fault | undefined {
  if (!Array.isArray(value)) return fault("must be an array");
  if (value.length > maximum) return fault(`must have at most ${maximum} items`);
  for (const [index, item] of value.entries()) {
    const found = take(item, index);
    if (found !== undefined) return faultWithin(found, index);
  }
  return undefined;
}

/** Parses JSON. Returns undefined if the text is absent or not JSON. */
export function jsonOrUndefined(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether a value is an object in JSON's sense. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
