import type { Evaluation } from "../decide/evaluation.ts";
import type { Expose } from "../decide/expose.ts";
import type { SitePage } from "../gates/site-page.ts";
import { addVisitorCookie } from "../identity/visitor/visitor-cookie.ts";
import type { WaitUntil } from "../isolate/wait-until.ts";
import { toPrivateAnswer, toSharedAnswer } from "./private-answer.ts";
import type { Validators } from "./validators.ts";

/** What finishing an answer needs. */
export interface Finishing {
  readonly evaluation: Evaluation;
  readonly validators?: Validators;
  /** The page that a gate shows instead of the requested one; absent where there is none. */
  readonly page?: SitePage | undefined;
  /** Absent: exposures are not logged. */
  readonly expose?: Expose | undefined;
  readonly waitUntil: WaitUntil;
}

/**
 * Turns an answer of the site, a gate or an error handler into the worker's answer. Only here are an answer and the
 * decisions for its request seen together.
 */
export async function finish(
  response: Response,
  { evaluation, page, validators, expose, waitUntil }: Finishing,
): Promise<Response> {
  const { received, visitor, isStatic } = evaluation;
  if (isStatic) return toSharedAnswer(response);
  const answer = toPrivateAnswer(page?.toAnswer(response) ?? response);
  await validators?.mark(answer.headers);
  const finished = addVisitorCookie(received, answer, visitor.setCookie);
  // A new id that does not reach the browser is never seen again, so it must not be counted as a person.
  const isLasting =
    visitor.setCookie === undefined || visitor.context.userId !== undefined || finished !== answer;
  if (expose !== undefined && isLasting) waitUntil(expose(evaluation));
  return finished;
}
