import { fault, faultWithin, type Fault } from "../../shared/flag/fault.ts";

export const PROTO = "cannot be used: JavaScript reserves the name __proto__";

/**
 * Finds values that JSON allows, but that Postgres cannot store or would change.
 *
 * @param value its depth is limited already
 */
export function unfitJson(value: unknown): Fault | undefined {
  if (typeof value === "string") return unfitText(value);
  if (typeof value === "number") {
    return Number.isFinite(value) ? undefined : fault("is too large for a number");
  }
  if (typeof value !== "object" || value === null) return undefined;
  for (const [name, item] of Object.entries(value)) {
    const step = Array.isArray(value) ? Number(name) : name;
    // A front end that assigns it would change an object's prototype.
    if (name === "__proto__") {
      return fault(PROTO, step);
    }
    const found = unfitText(name) ?? unfitJson(item);
    if (found !== undefined) return faultWithin(found, step);
  }
  return undefined;
}

/** Also checks the paths in conditions: `a.__proto__.b` would read what JavaScript adds to objects. */
export function unfitConditions(value: unknown): Fault | undefined {
  return unfitJson(value) ?? protoPath(value);
}

function protoPath(value: unknown): Fault | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  for (const [name, item] of Object.entries(value)) {
    const step = Array.isArray(value) ? Number(name) : name;
    if (name.split(".").includes("__proto__")) return fault(PROTO, step);
    const found = protoPath(item);
    if (found !== undefined) return faultWithin(found, step);
  }
  return undefined;
}

function unfitText(text: string): Fault | undefined {
  if (!text.isWellFormed()) return fault("contains a lone surrogate: send whole Unicode characters");
  return text.includes("\0") ? fault("contains a NUL character: remove it") : undefined;
}
