import type { HonoRequest } from "hono";
import { cloneRawRequest } from "hono/request";
import { askForDocument } from "../identity/visitor/cookie.ts";
import type { Course } from "../gates/course.ts";
import type { Evaluation } from "../decide/evaluation.ts";
import { tellOrigin, type SigningParts } from "./tell-origin.ts";
import type { Validators } from "../answer/validators.ts";

/** With what a request goes on. */
interface Going {
  readonly evaluation: Evaluation;
  readonly course: Course;
  /** The client's, stripped. */
  readonly headers: Headers;
  readonly validators: Validators;
  readonly runtime: SigningParts;
}

/**
 * The request as it goes on: at the URL to which the gates led it, with the headers that may and what was decided, its
 * body unread. Its answer is fetched past Cloudflare's own cache, which stands between here and the origin and does not
 * know one decision from another. What is the same for everybody goes on as it came, stripped.
 */
export async function toOnward(received: HonoRequest, going: Going): Promise<Request> {
  const { evaluation, course, headers, validators, runtime } = going;
  if (evaluation.isStatic) return new Request(new Request(course.url, await unread(received)), { headers });
  const told = await tellOrigin({ ...evaluation, destination: course, kept: headers }, runtime);
  for (const [name, value] of told) headers.set(name, value);
  await validators.unmark(headers);
  askForDocument(evaluation.received, headers, evaluation.visitor.setCookie);
  if (course.page !== undefined) return course.page.toRequest(headers);
  return new Request(new Request(course.url, await unread(received)), { headers, cache: "no-store" });
}

/** The request with its body, which middleware before `flags` may have read by Hono's means. */
async function unread(request: HonoRequest): Promise<Request> {
  const { raw } = request;
  if (!raw.bodyUsed) return raw;
  return new Request(await cloneRawRequest(request), raw.cf === undefined ? {} : { cf: raw.cf });
}
