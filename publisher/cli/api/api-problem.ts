import type { ProblemBody } from "./answers.ts";

/** The admin API refused a request. Commands check the status; `describeProblem` makes the error text. */
export class ApiProblem extends Error {
  override readonly name = "ApiProblem";
  readonly status: number;
  readonly problem: ProblemBody;
  /** The key of the flag in the request. */
  readonly key: string | undefined;
  /** The name of the segment in the request. */
  readonly segment: string | undefined;
  /** The body of the request. Pointers refer to it. */
  readonly sent: unknown;

  constructor(
    status: number,
    problem: ProblemBody,
    request: { key?: string | undefined; segment?: string | undefined; body?: unknown },
  ) {
    super(problem.detail);
    this.status = status;
    this.problem = problem;
    this.key = request.key;
    this.segment = request.segment;
    this.sent = request.body;
  }
}

/** Whether the API refused with one of these statuses. */
export function isRefusal(error: unknown, ...statuses: readonly number[]): error is ApiProblem {
  return error instanceof ApiProblem && statuses.includes(error.status);
}
