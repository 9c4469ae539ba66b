import type { HonoRequest } from "hono";
import { cloneRawRequest } from "hono/request";

/**
 * The request as it goes on: at the URL to which the gates led it, with the headers that may, and its body unread.
 *
 * @param isStatic the answer is the same for everybody. Any other one is fetched past Cloudflare's own cache, which
 * stands between here and the origin and does not know one decision from another
 */
export async function toOnward(
  received: HonoRequest,
  url: URL,
  headers: Headers,
  isStatic = false,
): Promise<Request> {
  const cache = isStatic ? {} : ({ cache: "no-store" } as const);
  return new Request(new Request(url, await unread(received)), { headers, ...cache });
}

/** The request with its body, which middleware before `flags` may have read by Hono's means. */
async function unread(request: HonoRequest): Promise<Request> {
  const { raw } = request;
  if (!raw.bodyUsed) return raw;
  return new Request(await cloneRawRequest(request), raw.cf === undefined ? {} : { cf: raw.cf });
}
