import { createMiddleware } from "hono/factory";
import { Problem } from "../problem/problem.ts";

const JSON_TYPE = /^application\/(?:[a-z.-]+\+)?json *(?:;|$)/i;

const METHODS_WITH_BODY: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH", "DELETE"]);

const decoder = new TextDecoder("utf-8", { fatal: true });

/**
 * Refuses bodies that are too large or not sent as JSON. Handlers after it see either a body of valid UTF-8 with the content
 * type `application/json`, or no body and no content type.
 */
export function requireJsonBody(maxBytesOf: (path: string) => number) {
  return createMiddleware(async function jsonBody(context, next) {
    const { raw } = context.req;
    if (!METHODS_WITH_BODY.has(raw.method)) return next();

    const bytes = await readBody(raw, maxBytesOf(context.req.path));
    const headers = new Headers(raw.headers);
    headers.delete("content-length");
    headers.delete("transfer-encoding");
    // Many clients send a content type also without a body.
    headers.delete("content-type");
    const { method, url, signal } = raw;
    if (bytes.length === 0) {
      context.req.raw = new Request(url, { method, headers, signal });
      return next();
    }
    if (!JSON_TYPE.test(raw.headers.get("content-type") ?? "")) {
      throw new Problem(
        "unsupported-media-type",
        "the body is not sent as JSON: set `content-type: application/json`",
      );
    }
    headers.set("content-type", "application/json");
    context.req.raw = new Request(url, { method, headers, signal, body: decode(bytes) });
    return next();
  });
}

/** Strict: a user id with replaced bytes would be another user's id. */
function decode(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new Problem("malformed-request", "the body is not UTF-8: encode it as UTF-8");
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

/** Many clients read the answer only after they have sent everything. The server cuts off those that send for too long. */
async function discard(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  try {
    while ((await reader.read()).value !== undefined);
  } catch {
    // The client has gone, or was cut off.
  }
}
