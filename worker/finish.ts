import { addIdentityCookie } from "./cookie.ts";
import type { Evaluation } from "./evaluation.ts";
import { toPrivateAnswer } from "./private-answer.ts";
import { toSharedAnswer } from "./shared-answer.ts";
import type { Validators } from "./validators.ts";

/**
 * What leaves the worker for an answer of the site, a gate or an error handler. The one place that sees an answer
 * together with what was decided for its request.
 */
export async function finish(
  { received, visitor, isStatic }: Evaluation,
  response: Response,
  validators?: Validators,
): Promise<Response> {
  if (isStatic) return toSharedAnswer(response);
  const answer = toPrivateAnswer(response);
  await validators?.mark(answer.headers);
  return addIdentityCookie(received, answer, visitor.setCookie);
}
