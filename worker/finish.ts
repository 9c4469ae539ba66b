import { addIdentityCookie } from "./cookie.ts";
import type { Evaluation } from "./evaluation.ts";
import { toPrivateAnswer } from "./private-answer.ts";

/**
 * What leaves the worker for an answer of the site, a gate or an error handler. The one place that sees an answer
 * together with what was decided for its request.
 */
export function finish({ received, visitor }: Evaluation, response: Response): Response {
  return addIdentityCookie(received, toPrivateAnswer(response), visitor.setCookie);
}
