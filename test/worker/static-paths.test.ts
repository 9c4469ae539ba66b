import { describe, expect, it } from "vitest";
import { readBindings } from "../../worker/isolate/bindings.ts";
import { toSharedAnswer } from "../../worker/answer/private-answer.ts";
import { isStatic, readStaticPaths } from "../../worker/decide/static-evaluation.ts";

function read(STATIC_PATHS: unknown) {
  const reader = readBindings({ STATIC_PATHS });
  return { paths: readStaticPaths(reader), problems: reader.problems };
}

describe("STATIC_PATHS", () => {
  it("is files and folders", () => {
    const { paths, problems } = read("/assets/*, /favicon.ico,/_next/static/*,/.well-known/security.txt");
    expect(problems).toEqual([]);
    expect([...(paths?.files ?? [])]).toEqual(["/favicon.ico", "/.well-known/security.txt"]);
    expect(paths?.folders).toEqual(["/assets/", "/_next/static/"]);
  });

  it.each([undefined, ""])("may be missing: %j", (given) => {
    expect(read(given)).toEqual({ paths: undefined, problems: [] });
  });

  it.each([
    "/*",
    "/",
    "*",
    "assets/*",
    "/*.css",
    "/assets/*.css",
    "/*/assets",
    "/assets/",
    "/assets//x",
    "/assets/../account",
    "/assets/./x",
    "/a%2fb",
    "/a b",
    "/a?b",
    "/a;b",
    "//evil.example",
    "/assets/*,",
    "/ü",
    `/${"a".repeat(256)}`,
    Array.from({ length: 101 }, (_, n) => `/file-${n}`).join(","),
    7,
  ])("%j is a problem that names the variable and not the value", (given) => {
    const { problems } = read(given);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/^STATIC_PATHS: list at most 100 files and folders/);
  });

  it("is read in linear time", () => {
    expect(read(`/${"a.".repeat(50_000)}!`).problems).toHaveLength(1);
    expect(read("/a".repeat(50_000)).problems).toHaveLength(1);
  });
});

describe("a request is for something static", () => {
  const { paths = { files: new Set<string>(), folders: [] } } = read("/assets/*,/favicon.ico,/robots.txt");
  const asks = (path: string, method = "GET") =>
    isStatic(paths, method, new URL(`https://www.example.com${path}`));

  it.each([
    "/assets/app.js",
    "/assets/fonts/a.woff2?v=2",
    "/assets/my%20photo.png",
    "/assets/a%2fb.png",
    "/assets//a.png",
    "/assets/x/../a.png",
    "/assets/%C3%BC.png",
    "/favicon.ico",
    "/favicon.ico?v=/../ai",
    "/robots.txt",
    "/assets/app.json",
  ])("%s", (path) => {
    expect(asks(path)).toBe(true);
    expect(asks(path, "HEAD")).toBe(true);
  });

  // Each is another page to some origin, or could be.
  it.each([
    "/",
    "/assets",
    "/assets/",
    "/assetsx/a.js",
    "/ASSETS/app.js",
    "/favicon.ico/",
    "/favicon.ico.html",
    "/favicon.ico;/account",
    "/assets/../account",
    "/assets/..%2faccount",
    "/assets/%2e%2e/account",
    "/assets/%252e%252e%252faccount",
    "/assets/..%5caccount",
    "/assets/x/..%2f..%2faccount",
    "/assets/..;/account",
    "/assets/.%2e;x=1/account",
    "/assets%2fapp.js",
    "/account/assets/app.js",
    "/account/favicon.ico",
    "/account/..%2fassets/app.js",
    "/account%2f..%2fassets/app.js",
    "/account%3f/../assets/..%2faccount",
    "/;/assets/app.js",
    "//assets/app.js",
    "/%2fassets/app.js",
    "/robots",
    "/assets/index.html",
    "/assets/app.js?x_astro_path=/account",
    `/assets/%${"25".repeat(300)}2e`,
  ])("and not for %s", (path) => {
    expect(asks(path)).toBe(false);
  });

  it.each(["POST", "PUT", "DELETE", "OPTIONS", "get"])("nor by %s", (method) => {
    expect(asks("/favicon.ico", method)).toBe(false);
  });
});

describe("the answer to one", () => {
  it("is the origin's, unchanged", () => {
    const response = new Response("", {
      headers: { "cache-control": "public, max-age=31536000, immutable" },
    });
    expect(toSharedAnswer(response)).toBe(response);
  });

  it("is private when it sets a cookie", () => {
    const response = new Response("", {
      headers: { "cache-control": "public, max-age=60", "set-cookie": "a=1" },
    });
    const { headers } = toSharedAnswer(response);
    expect(headers.get("cache-control")).toBe("private, no-cache");
    expect(headers.getSetCookie()).toEqual(["a=1"]);
  });
});
