import { fault, type Fault, faultWithin, quote } from "./fault.ts";

/** Takes one member's value over, or says what is wrong with it, seen from that value. */
export type Member<Into> = (value: unknown, into: Into) => Fault | undefined;

/** Every member that an object may have; with its type, that none is forgotten. */
export type Members<Into, Shape = Readonly<Record<string, unknown>>> = {
  readonly [Name in keyof Shape]-?: Member<Into>;
};

/**
 * Takes an object over, member by member. One that the table does not hold is a fault: an unknown restriction must never
 * widen exposure.
 */
export function takeMembers<Into>(value: unknown, members: Members<Into>, into: Into): Fault | undefined {
  if (!isObject(value)) return fault("must be an object");
  for (const [name, member] of Object.entries(value)) {
    // Own members of the table alone: "constructor" or "__proto__" in a snapshot is unknown like any other.
    const take = Object.hasOwn(members, name) ? members[name] : undefined;
    if (take === undefined) return fault(`unknown member ${quote(name)}`, name);
    const found = take(member, into);
    if (found !== undefined) return faultWithin(found, name);
  }
  return undefined;
}

/** Takes a list over, item by item. */
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

/** What JSON calls an object. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
