/**
 * An error answer (RFC 9457).
 *
 * @param detail for whoever sees the page: nothing of the inside
 */
export function problem(status: number, title: string, detail: string): Response {
  return Response.json(
    { type: "about:blank", title, status, detail },
    { status, headers: { "content-type": "application/problem+json", "cache-control": "no-store" } },
  );
}
