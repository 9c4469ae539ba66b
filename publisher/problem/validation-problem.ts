import type { z } from "@hono/zod-openapi";
import type { Path } from "../../shared/flag/fault.ts";
import { Problem, toJsonPointer, type ProblemDetail } from "./problem.ts";

/** The part of a request that a value came from. */
export type InputPart = "body" | "param" | "query" | "header";

/** How many faults an answer lists: a body of 10,000 bad ids needs no 10,000 lines. */
const MAX_DETAILS = 10;

/**
 * Turns the faults that a schema found into a problem: what is wrong and where, never the value itself.
 *
 * @param at the path of the input in the body
 */
export function validationProblem(
  error: z.core.$ZodError,
  part: InputPart,
  input?: unknown,
  at: Path = [],
): Problem {
  const errors = error.issues
    .flatMap((issue) => describe(issue, part, input))
    .map(({ pointer, detail }) => ({ pointer: toJsonPointer(at) + pointer, detail }));
  const shown = errors.slice(0, MAX_DETAILS);
  const [first] = shown;
  const where = first === undefined || first.pointer === "" ? part : first.pointer;
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : "";
  return new Problem("invalid-request", `${where}: ${first?.detail ?? "is not valid"}${more}`, {
    errors: shown,
  });
}

function describe(issue: z.core.$ZodIssue, part: InputPart, input: unknown): readonly ProblemDetail[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({
      pointer: toPointer([...issue.path, key], part),
      detail: "is an unknown member",
    }));
  }
  const missing = issue.code === "invalid_type" && issue.path.length > 0 && !isThere(input, issue.path);
  return [
    {
      pointer: toPointer(issue.path, part),
      detail: missing ? `is missing: it ${issue.message}` : issue.message,
    },
  ];
}

/** An RFC 6901 pointer for a body, else the plain name. */
function toPointer(path: readonly PropertyKey[], part: InputPart): string {
  return part === "body" ? toJsonPointer(path) : path.map((step) => String(step).slice(0, 64)).join(".");
}

/** Whether a path has a value: a missing value is another fault than a wrong type. */
function isThere(input: unknown, path: readonly PropertyKey[]): boolean {
  let value = input;
  for (const step of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return false;
    value = (value as Record<PropertyKey, unknown>)[step];
  }
  return value !== undefined;
}
