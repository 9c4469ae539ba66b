import type { Fault, Path } from "../../shared/flag/fault.ts";
import { Problem } from "./problem.ts";

/** The longest step of a pointer: members that somebody made up may have any length. */
const MAX_STEP = 64;

/** What the evaluator finds wrong with a body, as an answer: where it is, and what, never the value itself. */
export function faultProblem({ path, detail }: Fault): Problem {
  const pointer = toJsonPointer(path);
  return new Problem("invalid-request", `${pointer === "" ? "body" : pointer}: ${detail}`, {
    errors: [{ pointer, detail }],
  });
}

/** RFC 6901. */
export function toJsonPointer(path: Path | readonly PropertyKey[]): string {
  return path
    .map((step) => String(step).slice(0, MAX_STEP).toWellFormed())
    .map((step) => `/${step.replaceAll("~", "~0").replaceAll("/", "~1")}`)
    .join("");
}
