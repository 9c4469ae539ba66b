import type { ProblemBody } from "./answers.ts";
import type { TypedWords } from "./pointer-words.ts";

/** The admin API refused a request. Commands look at the status; `describeProblem` puts it in the CLI's words. */
export class ApiProblem extends Error {
  override readonly name = "ApiProblem";
  readonly status: number;
  readonly problem: ProblemBody;
  /** The key of the flag that the request was about. */
  readonly key: string | undefined;
  /** The name of the segment that it was about. */
  readonly segment: string | undefined;
  /** What had been sent: what a pointer points into. */
  readonly sent: unknown;
  readonly typed: TypedWords;

  constructor(
    status: number,
    problem: ProblemBody,
    request: { key?: string | undefined; segment?: string | undefined; body?: unknown; typed?: TypedWords },
  ) {
    super(problem.detail);
    this.status = status;
    this.problem = problem;
    this.key = request.key;
    this.segment = request.segment;
    this.sent = request.body;
    this.typed = request.typed ?? {};
  }
}

/** Whether the API refused with one of these statuses. */
export function isRefusal(error: unknown, ...statuses: readonly number[]): error is ApiProblem {
  return error instanceof ApiProblem && statuses.includes(error.status);
}
