import { anonymousCookie } from "./anonymous-id.ts";

/**
 * Adds the cookie of a fresh anonymous id to a document. Any other answer is given back as it is, and the next document
 * brings the cookie.
 *
 * @param response a private one (`toPrivateAnswer`): a shared cache would hand one visitor's id to all others
 * @param minted undefined when the visitor has an id
 */
export function addIdentityCookie(
  request: Request,
  response: Response,
  minted: string | undefined,
): Response {
  if (minted === undefined || !isDocument(request, response)) return response;
  const copy = new Response(response.body, response);
  copy.headers.append("set-cookie", anonymousCookie(minted));
  return copy;
}

function isDocument(request: Request, response: Response): boolean {
  if (request.method !== "GET" && request.method !== "HEAD") return false;
  // A 304 changes the headers of what a cache holds already; a 101 has no copy.
  if (response.status === 304 || response.status === 101) return false;
  return /^text\/html\s*(?:;|$)/i.test(response.headers.get("content-type") ?? "");
}
