import { describe, expect, it } from "vitest";
import { addIdentityCookie } from "../../worker/cookie.ts";

const cookie = `__Host-sluice-id=anon-${"k".repeat(22)}; Path=/; Max-Age=31536000; Secure; HttpOnly; SameSite=Lax`;

const page = (headers: Record<string, string>, method = "GET", status = 200) => {
  const response = new Response(status === 304 ? null : "hello", {
    status,
    headers: { "content-type": "text/html; charset=utf-8", ...headers },
  });
  const request = new Request("https://www.example.com/", { method });
  return { before: response, after: addIdentityCookie(request, response, cookie) };
};

describe("a document that may be private gets the cookie", () => {
  it.each([
    [undefined, "private, no-cache"],
    ["private", "private"],
    ["private, max-age=60", "private, max-age=60"],
    ["no-store", "no-store"],
    ["no-cache", "private, no-cache"],
    ["max-age=60", "private, max-age=60"],
    ["Max-Age=60, must-revalidate", "private, Max-Age=60, must-revalidate"],
    ['private="x-user"', 'private, private="x-user"'],
  ])("cache-control %j becomes %j", async (given, expected) => {
    const { after } = page(given === undefined ? {} : { "cache-control": given });
    expect(after.headers.get("cache-control")).toBe(expected);
    expect(after.headers.getSetCookie()).toEqual([cookie]);
    expect(await after.text()).toBe("hello");
  });

  it("whose origin's cookies stay", () => {
    const request = new Request("https://www.example.com/");
    const response = new Response("", { headers: { "content-type": "text/html" } });
    response.headers.append("set-cookie", "a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT");
    response.headers.append("set-cookie", "b=2");
    expect(addIdentityCookie(request, response, cookie).headers.getSetCookie()).toEqual([
      "a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT",
      "b=2",
      cookie,
    ]);
  });

  it("also when it is an error page or only asked about", () => {
    expect(page({}, "GET", 404).after.headers.getSetCookie()).toEqual([cookie]);
    expect(page({}, "HEAD").after.headers.getSetCookie()).toEqual([cookie]);
  });
});

describe("any other answer is given back as it is", () => {
  it.each([
    ["public", { "cache-control": "public, max-age=60" }],
    ["public in capitals", { "cache-control": "max-age=60, PUBLIC" }],
    ["for shared caches", { "cache-control": "max-age=0, s-maxage=600" }],
    ["for the CDN", { "cache-control": "private", "cdn-cache-control": "max-age=600" }],
    ["an API answer", { "content-type": "application/json" }],
    ["an event stream", { "content-type": "text/event-stream" }],
    ["of a type that only begins alike", { "content-type": "text/html-sandboxed" }],
  ])("%s", (_name, headers) => {
    const { before, after } = page(headers);
    expect(after).toBe(before);
    expect(after.headers.getSetCookie()).toEqual([]);
  });

  it("the answer to a POST", () => {
    const { before, after } = page({}, "POST");
    expect(after).toBe(before);
  });

  it("a 304", () => {
    const { before, after } = page({}, "GET", 304);
    expect(after).toBe(before);
  });

  it("when the browser has the cookie already", () => {
    const response = new Response("", { headers: { "content-type": "text/html" } });
    expect(addIdentityCookie(new Request("https://www.example.com/"), response, undefined)).toBe(response);
  });
});
