import type { HonoRequest } from "hono";
import { cloneRawRequest } from "hono/request";
import type { Validators } from "../answer/validators.ts";
import type { Evaluation } from "../decide/evaluation.ts";
import type { Course } from "../gates/course.ts";
import { askForDocument } from "../identity/visitor/visitor-cookie.ts";
import { writeOriginHeaders, type SigningParts } from "./origin-headers.ts";

/** How a request goes on. */
interface Going {
  readonly evaluation: Evaluation;
  readonly course: Course;
  /** The client's, stripped. */
  readonly headers: Headers;
  readonly validators: Validators;
  readonly runtime: SigningParts;
}

/**
 * The request as it goes on: at the URL that the gates chose, with the client's stripped headers, the decisions, and its
 * body unread. Its answer is fetched past Cloudflare's own cache, which is between worker and origin and does not tell
 * decisions apart. A static request goes on as received, stripped.
 */
export async function toOnward(received: HonoRequest, going: Going): Promise<Request> {
  const { evaluation, course, headers, validators, runtime } = going;
  if (evaluation.isStatic) return new Request(new Request(course.url, await unread(received)), { headers });
  await writeOriginHeaders(headers, evaluation, course, runtime);
  await validators.unmark(headers);
  askForDocument(evaluation.received, headers, evaluation.visitor.setCookie);
  if (course.page !== undefined) return course.page.toRequest(headers);
  return new Request(new Request(course.url, await unread(received)), { headers, cache: "no-store" });
}

/** The request with its body, which middleware before `flags` may have read through Hono. */
async function unread(request: HonoRequest): Promise<Request> {
  const { raw } = request;
  if (!raw.bodyUsed) return raw;
  return new Request(await cloneRawRequest(request), raw.cf === undefined ? {} : { cf: raw.cf });
}
