/** Whether a request asks for a page: a browser's, for a document. Programs rarely name `text/html`. */
export function acceptsHtml(headers: Headers): boolean {
  return /\btext\/html\b/i.test(headers.get("accept") ?? "");
}

/** Whether an answer is a page. */
export function isHtml({ headers }: Response): boolean {
  return /^text\/html\s*(?:;|$)/i.test(headers.get("content-type") ?? "");
}
