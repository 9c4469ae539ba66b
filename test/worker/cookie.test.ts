import { describe, expect, it } from "vitest";
import { addVisitorCookie } from "../../worker/identity/visitor/visitor-cookie.ts";

const cookie = `__Host-sluice-id=anon-${"k".repeat(22)}; Path=/; Max-Age=31536000; Secure; HttpOnly; SameSite=Lax`;

const page = (headers: Record<string, string>, method = "GET", status = 200) => {
  const response = new Response(status === 304 ? null : "hello", {
    status,
    headers: { "content-type": "text/html; charset=utf-8", ...headers },
  });
  const request = new Request("https://www.example.com/", { method });
  return { before: response, after: addVisitorCookie(request, response, cookie) };
};

describe("a document gets the cookie", () => {
  it("and is otherwise unchanged", async () => {
    const { after } = page({ "cache-control": "private, max-age=60" });
    expect(after.headers.getSetCookie()).toEqual([cookie]);
    expect(after.headers.get("cache-control")).toBe("private, max-age=60");
    expect(await after.text()).toBe("hello");
  });

  it("and keeps the origin's cookies", () => {
    const request = new Request("https://www.example.com/");
    const response = new Response("", { headers: { "content-type": "text/html" } });
    response.headers.append("set-cookie", "a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT");
    response.headers.append("set-cookie", "b=2");
    expect(addVisitorCookie(request, response, cookie).headers.getSetCookie()).toEqual([
      "a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT",
      "b=2",
      cookie,
    ]);
  });

  it("also for an error page and for HEAD", () => {
    expect(page({}, "GET", 404).after.headers.getSetCookie()).toEqual([cookie]);
    expect(page({}, "HEAD").after.headers.getSetCookie()).toEqual([cookie]);
  });
});

describe("any other answer is returned unchanged", () => {
  it.each([
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
    expect(addVisitorCookie(new Request("https://www.example.com/"), response, undefined)).toBe(response);
  });
});
