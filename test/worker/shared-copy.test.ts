import { expect, it } from "vitest";
import { isSharedCopy } from "../../worker/origin/proxy.ts";

const page = (headers: Record<string, string>) =>
  isSharedCopy(new Response("", { headers: { "content-type": "text/html; charset=utf-8", ...headers } }));

it.each([
  { age: "12" },
  { "cf-cache-status": "HIT" },
  { "cf-cache-status": "REVALIDATED" },
  { "x-vercel-cache": "STALE" },
  { "x-cache": "Hit from cloudfront" },
  { "x-cache": "MISS, HIT" },
  { age: "12", vary: "accept-encoding, x-flags-context" },
])("%j is a copy from a shared cache", (headers: Record<string, string>) => {
  expect(page(headers)).toBe(true);
});

it.each([
  {},
  { age: "0" },
  { age: "old" },
  { "cf-cache-status": "DYNAMIC" },
  { "x-vercel-cache": "MISS" },
  { age: "12", vary: "Accept-Encoding, X-Flags" },
  { age: "12", "content-type": "image/png" },
])("%j is no copy, or a harmless one", (headers: Record<string, string>) => {
  expect(page(headers)).toBe(false);
});
