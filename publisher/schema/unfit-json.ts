import { fault, faultWithin, type Fault } from "../../shared/flag/fault.ts";

export const PROTO = "cannot be used: JavaScript reserves the name __proto__";

/**
 * What JSON can say and Postgres cannot hold, or would hold as something else.
 *
 * @param value of a depth that was judged before
 */
export function unfitJson(value: unknown): Fault | undefined {
  if (typeof value === "string") return unfitText(value);
  if (typeof value === "number") {
    return Number.isFinite(value) ? undefined : fault("is beyond what a number can hold");
  }
  if (typeof value !== "object" || value === null) return undefined;
  for (const [name, item] of Object.entries(value)) {
    const step = Array.isArray(value) ? Number(name) : name;
    // Assigned somewhere in a front end, it would change what an object inherits.
    if (name === "__proto__") {
      return fault(PROTO, step);
    }
    const found = unfitText(name) ?? unfitJson(item);
    if (found !== undefined) return faultWithin(found, step);
  }
  return undefined;
}

/** The same for what holds conditions, where names are paths: `a.__proto__.b` leads to what JavaScript adds. */
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
  if (!text.isWellFormed()) return fault("holds a lone surrogate: send whole Unicode characters");
  return text.includes("\0") ? fault("holds a NUL character") : undefined;
}
