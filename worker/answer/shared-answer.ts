import { toPrivateAnswer } from "./private-answer.ts";

/**
 * An answer that is the same for everybody, and what the origin says to caches. One that sets a cookie is somebody's,
 * whatever its path: no cache may give it to another.
 */
export function toSharedAnswer(response: Response): Response {
  return response.headers.has("set-cookie") ? toPrivateAnswer(response) : response;
}
