import { describe, expect, it } from "vitest";
import { toPrivateAnswer } from "../../worker/answer/private-answer.ts";

const answer = (headers: Record<string, string>, status = 200) =>
  toPrivateAnswer(new Response([204, 304].includes(status) ? null : "hello", { status, headers }));

describe("cache-control becomes private", () => {
  it.each([
    [undefined, "private, no-cache"],
    ["", "private, no-cache"],
    // What was meant for all caches.
    ["public", "private, no-cache"],
    ["public, max-age=600", "private, no-cache"],
    ["max-age=600", "private, no-cache"],
    ["max-age=0, s-maxage=600", "private, no-cache"],
    ["S-MaxAge=600, PUBLIC", "private, no-cache"],
    ["public, max-age=0, must-revalidate", "private, must-revalidate, no-cache"],
    ["s-maxage=60, stale-while-revalidate=600", "private, no-cache"],
    ["public, max-age=31536000, immutable", "private, no-cache"],
    ["public, no-transform, max-age=60", "private, no-transform, no-cache"],
    ["no-cache", "private, no-cache"],
    // What was meant for one visitor's browser.
    ["private", "private, no-cache"],
    ["private, max-age=60", "private, max-age=60"],
    ["Max-Age=60,private", "max-age=60, private"],
    [
      "private, max-age=60, stale-while-revalidate=30, must-revalidate",
      "private, max-age=60, stale-while-revalidate=30, must-revalidate",
    ],
    ["private, public, s-maxage=600, max-age=60", "private, max-age=60"],
    ["private, no-cache, no-store, max-age=0", "private, no-cache, no-store, max-age=0"],
    ["no-store", "no-store"],
    ["public, no-store, max-age=60", "no-store"],
    ["must-understand, no-store", "no-store"],
    // About one header, or written to be taken for something else.
    ['private="x-user", max-age=60', "private, no-cache"],
    ['no-cache="set-cookie", max-age=60', "private, no-cache"],
    ['x="a, private, max-age=60, b"', "private, max-age=60"],
    ['x="a, no-store"', "private, no-cache"],
    ["max-age=60; private", "private, no-cache"],
    ["private, max-age=1e9", "private, no-cache"],
    ["constructor, __proto__, private=1", "private, no-cache"],
    [", ,", "private, no-cache"],
  ])("%j becomes %j", async (given, expected) => {
    const response = answer(given === undefined ? {} : { "cache-control": given });
    expect(response.headers.get("cache-control")).toBe(expected);
    expect(await response.text()).toBe("hello");
  });

  it("always contains private or no-store, for any header of the origin", () => {
    const words = [
      "private",
      "public",
      "no-store",
      "no-cache",
      "max-age=9",
      "s-maxage=9",
      'private="a',
      'b"',
    ];
    const shared = words
      .flatMap((first) => words.flatMap((second) => words.map((third) => `${first}, ${second},${third}`)))
      .filter((given) => {
        const said = answer({ "cache-control": given }).headers.get("cache-control")?.split(", ") ?? [];
        return said.includes("public") || !(said.includes("private") || said.includes("no-store"));
      });
    expect(shared).toEqual([]);
  });
});

describe("no other header may control caches", () => {
  it.each([
    "CDN-Cache-Control",
    "Cloudflare-CDN-Cache-Control",
    "Vercel-CDN-Cache-Control",
    "Netlify-CDN-Cache-Control",
    "X-LiteSpeed-Cache-Control",
    "Surrogate-Control",
    "Edge-Control",
    "X-Accel-Expires",
    "Expires",
  ])("%s is removed", (name) => {
    const { headers } = answer({ [name]: "max-age=600", "x-other": "1" });
    expect(Object.fromEntries(headers)).toEqual({
      "cache-control": "private, no-cache",
      "content-type": "text/plain;charset=UTF-8",
      "x-other": "1",
    });
  });
});

describe("every kind of answer becomes private", () => {
  it.each([200, 204, 206, 301, 302, 304, 308, 404, 410, 500, 503])("status %d", (status) => {
    const response = answer({ "cache-control": "public, max-age=600", location: "/" }, status);
    expect(response.status).toBe(status);
    expect(response.headers.get("cache-control")).toBe("private, no-cache");
    expect(response.headers.get("location")).toBe("/");
  });

  it.each(["application/json", "text/plain", "text/event-stream", "image/png"])("%s", (type) => {
    const { headers } = answer({ "content-type": type, "cache-control": "public, s-maxage=60" });
    expect(headers.get("cache-control")).toBe("private, no-cache");
    expect(headers.get("content-type")).toBe(type);
  });

  it("with its cookies", () => {
    const response = new Response("");
    response.headers.append("set-cookie", "a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT");
    response.headers.append("set-cookie", "b=2");
    expect(toPrivateAnswer(response).headers.getSetCookie()).toEqual(response.headers.getSetCookie());
  });
});
