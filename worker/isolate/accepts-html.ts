/** Whether a request says that a page would be welcome: a browser's, for a document. Programs are not that definite. */
export function acceptsHtml(headers: Headers): boolean {
  return /\btext\/html\b/i.test(headers.get("accept") ?? "");
}
