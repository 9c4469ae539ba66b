import { createMiddleware } from "hono/factory";
import { Problem } from "../problem/problem.ts";

const JSON_TYPE = /^application\/(?:[a-z.-]+\+)?json *(?:;|$)/i;

const METHODS_WITH_BODY: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH", "DELETE"]);

const decoder = new TextDecoder("utf-8", { fatal: true });

/**
 * Lets requests through whose body is JSON text of at most so many bytes, or that have none. The handlers behind it find a
 * body of valid UTF-8 with the content type `application/json`, or neither body nor content type.
 */
export function requireJsonBody(maxBytesOf: (path: string) => number) {
  return createMiddleware(async function jsonBody(context, next) {
    const { raw } = context.req;
    if (!METHODS_WITH_BODY.has(raw.method)) return next();

    const bytes = await readBody(raw, maxBytesOf(context.req.path));
    const headers = new Headers(raw.headers);
    headers.delete("content-length");
    headers.delete("transfer-encoding");
    // Many clients name a content type whether they send something or not.
    headers.delete("content-type");
    const { method, url, signal } = raw;
    if (bytes.length === 0) {
      context.req.raw = new Request(url, { method, headers, signal });
      return next();
    }
    if (!JSON_TYPE.test(raw.headers.get("content-type") ?? "")) {
      throw new Problem("unsupported-media-type", "send JSON, with `content-type: application/json`");
    }
    headers.set("content-type", "application/json");
    context.req.raw = new Request(url, { method, headers, signal, body: decode(bytes) });
    return next();
  });
}

/** A user id whose bytes were replaced silently would name somebody else. */
function decode(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new Problem("malformed-request", "the body is not UTF-8");
  }
}

async function readBody(request: Request, maxBytes: number): Promise<Uint8Array> {
  const tooLarge = () => new Problem("content-too-large", `the body has more than ${maxBytes} bytes`);
  if (Number(request.headers.get("content-length") ?? "0") > maxBytes) throw tooLarge();
  const reader: ReadableStreamDefaultReader<Uint8Array> | undefined = request.body?.getReader();
  if (reader === undefined) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const { value } = await reader.read();
    if (value === undefined) return Buffer.concat(chunks, size);
    size += value.length;
    if (size > maxBytes) {
      void discard(reader);
      throw tooLarge();
    }
    chunks.push(value);
  }
}

/** Many clients read no answer before they have sent everything: the server cuts those off that go on for too long. */
async function discard(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  try {
    while ((await reader.read()).value !== undefined);
  } catch {
    // The client has gone, or was cut off.
  }
}
