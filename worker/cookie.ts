/**
 * Adds the visitor's cookie to a document. Any other answer is given back as it is, and the next document
 * brings the cookie.
 *
 * @param response a private one (`toPrivateAnswer`): a shared cache would hand one visitor's id to all others
 * @param setCookie undefined when the browser has the right cookie already
 */
export function addIdentityCookie(
  request: Request,
  response: Response,
  setCookie: string | undefined,
): Response {
  if (setCookie === undefined || !isDocument(request, response)) return response;
  const copy = new Response(response.body, response);
  copy.headers.append("set-cookie", setCookie);
  return copy;
}

function isDocument(request: Request, response: Response): boolean {
  if (request.method !== "GET" && request.method !== "HEAD") return false;
  // A 304 changes the headers of what a cache holds already; a 101 has no copy.
  if (response.status === 304 || response.status === 101) return false;
  return /^text\/html\s*(?:;|$)/i.test(response.headers.get("content-type") ?? "");
}
