import { acceptsHtml } from "../../isolate/accepts-html.ts";

/** What asks whether a copy is still good. */
const CONDITIONS = ["if-none-match", "if-modified-since"] as const;

/**
 * Has a browser that is to get the cookie ask for the whole document: a page that is only ever confirmed (304) would
 * never bring it, and a visitor would be somebody new each time, or keep a cookie by a key that is about to go.
 *
 * @param headers those that go on to the origin
 * @param setCookie undefined when the browser has the right cookie already
 */
export function askForDocument(request: Request, headers: Headers, setCookie: string | undefined): void {
  if (setCookie === undefined || !isRead(request) || !acceptsHtml(headers)) return;
  for (const name of CONDITIONS) headers.delete(name);
}

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
  if (!isRead(request)) return false;
  // A 304 changes the headers of what a cache holds already; a 101 has no copy.
  if (response.status === 304 || response.status === 101) return false;
  return /^text\/html\s*(?:;|$)/i.test(response.headers.get("content-type") ?? "");
}

const isRead = ({ method }: Request): boolean => method === "GET" || method === "HEAD";
