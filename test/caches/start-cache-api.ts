import { Miniflare, convertV4MiniflareOptions } from "miniflare";
import { COPY_HEADER, type SharedCache } from "./cache.ts";

/**
 * Another worker with the Cache API, as a site may have one in front of Sluice or behind it. It offers every answer to the
 * cache, which stores what it may.
 */
const script = `export default {
  async fetch(request, { UPSTREAM }, ctx) {
    const { pathname, search } = new URL(request.url);
    const url = UPSTREAM + pathname + search;
    const reads = request.method === "GET";
    const copy = reads && (await caches.default.match(new Request(url, { headers: request.headers })));
    if (copy) return withMark(copy, "HIT");
    const answer = await fetch(new Request(new Request(url, request), { redirect: "manual" }));
    if (reads && answer.status !== 304) {
      ctx.waitUntil(caches.default.put(new Request(url), answer.clone()).catch(() => undefined));
    }
    return withMark(answer, "MISS");
  },
};
const withMark = (answer, word) => {
  const copy = new Response(answer.body, answer);
  copy.headers.set("${COPY_HEADER}", word);
  return copy;
};`;

export async function startCacheApi(upstream: string): Promise<SharedCache> {
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      host: "127.0.0.1",
      port: 0,
      cf: false,
      workers: [
        {
          name: "cache",
          modules: true,
          script,
          compatibilityDate: "2026-10-23",
          bindings: { UPSTREAM: upstream },
        },
      ],
    }),
  );
  return { url: (await miniflare.ready).origin, stop: () => miniflare.dispose() };
}
