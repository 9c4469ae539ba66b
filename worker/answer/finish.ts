import { addIdentityCookie } from "../identity/visitor/cookie.ts";
import type { Evaluation } from "../decide/evaluation.ts";
import type { Expose } from "../decide/expose.ts";
import { toPrivateAnswer } from "./private-answer.ts";
import { toSharedAnswer } from "./shared-answer.ts";
import type { WaitUntil } from "../isolate/wait-until.ts";
import type { SitePage } from "../gates/site-page.ts";
import type { Validators } from "./validators.ts";

/** What goes with an answer on its way out. */
export interface Finishing {
  readonly evaluation: Evaluation;
  readonly validators?: Validators;
  /** The page that a gate shows in place of the one that was asked for; absent where there is none. */
  readonly page?: SitePage | undefined;
  /** Absent: exposures are not written down. */
  readonly expose?: Expose | undefined;
  readonly waitUntil: WaitUntil;
}

/**
 * What leaves the worker for an answer of the site, a gate or an error handler. The one place that sees an answer
 * together with what was decided for its request.
 */
export async function finish(
  response: Response,
  { evaluation, page, validators, expose, waitUntil }: Finishing,
): Promise<Response> {
  const { received, visitor, isStatic } = evaluation;
  if (isStatic) return toSharedAnswer(response);
  const answer = toPrivateAnswer(page?.toAnswer(response) ?? response);
  await validators?.mark(answer.headers);
  const finished = addIdentityCookie(received, answer, visitor.setCookie);
  // An id that was made for this request and does not reach the browser is never seen again: it is nobody's exposure.
  const isLasting =
    visitor.setCookie === undefined || visitor.context.userId !== undefined || finished !== answer;
  if (expose !== undefined && isLasting) waitUntil(expose(evaluation));
  return finished;
}
