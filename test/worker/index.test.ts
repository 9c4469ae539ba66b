import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { decodeFlagsContext } from "../../shared/x-flags/flags-header.ts";
import worker from "../../worker/index.ts";

/** A site behind a service binding, which remembers what it was asked. */
function site(answer: () => Response = () => new Response("hello")) {
  const asked: Request[] = [];
  const fetch = async (request: Request): Promise<Response> => {
    asked.push(request);
    return answer();
  };
  return { asked, ORIGIN: { fetch } as unknown as Fetcher };
}

async function ask(bindings: Parameters<typeof worker.fetch>[1], path = "/", init: RequestInit = {}) {
  const ctx = createExecutionContext();
  const response = await worker.fetch(new Request(`https://www.example.com${path}`, init), bindings, ctx);
  await waitOnExecutionContext(ctx);
  return response;
}

const broken = { SLUICE_ENV: "production", UPSTASH_REDIS_REST_TOKEN: "t", REFRESH_MS: "often" };

describe("a worker with wrong settings", () => {
  it("passes requests through, stripped, with everything off", async () => {
    const { asked, ORIGIN } = site();
    const response = await ask({ ...broken, ORIGIN }, "/ai?x=1", {
      headers: { "x-flags": "copilot", accept: "*/*" },
    });
    expect(await response.text()).toBe("hello");
    const [request] = asked;
    expect(request?.url).toBe("https://www.example.com/ai?x=1");
    expect(request?.headers.get("accept")).toBe("*/*");
    expect(request?.headers.get("x-flags")).toBeNull();
    const context = decodeFlagsContext(request?.headers.get("x-flags-context") ?? "");
    expect(context).toMatchObject({
      source: "none",
      method: "GET",
      host: "www.example.com",
      path: "/ai?x=1",
    });
    expect(context?.version).toBeUndefined();
  });

  it("sets no cookie: without its keys it would replace a visitor's id", async () => {
    const { asked, ORIGIN } = site(() => new Response("<p>", { headers: { "content-type": "text/html" } }));
    const response = await ask({ ...broken, ORIGIN }, "/", {
      headers: { cookie: `__Host-sluice-id=anon-${"k".repeat(22)}` },
    });
    expect(response.headers.getSetCookie()).toEqual([]);
    expect(decodeFlagsContext(asked[0]?.headers.get("x-flags-context") ?? "")?.targetingKey).toBeUndefined();
  });

  it("reports it in its status", async () => {
    const response = await ask({ ...broken, ...site() }, "/.well-known/sluice");
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(await response.json()).toEqual({
      epoch: null,
      revision: null,
      age_ms: null,
      kills_age_ms: null,
      source: "none",
      gates: "deploy",
      fault: "misconfigured",
    });
  });

  it("without an origin it only reports the missing setting", async () => {
    const response = await ask(broken);
    expect(response.status).toBe(500);
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(await response.json()).toMatchObject({
      status: 500,
      detail: expect.stringContaining("ORIGIN_URL is not set") as string,
    });
  });
});

describe("the page is shown with any fault of the flags", () => {
  it("when nothing answers at the Redis URL", async () => {
    const { asked, ORIGIN } = site();
    const bindings = {
      ORIGIN,
      SLUICE_ENV: "production",
      UPSTASH_REDIS_REST_URL: "http://127.0.0.1:1",
      UPSTASH_REDIS_REST_TOKEN: "t",
    };
    expect((await ask(bindings)).status).toBe(200);
    expect(asked[0]?.headers.get("x-flags-context")).toContain("src=none");
    expect(await (await ask(bindings, "/.well-known/sluice")).json()).toMatchObject({
      source: "none",
      fault: "redis-unreachable",
    });
  });

  it("when the URL is too long for the context header", async () => {
    const { asked, ORIGIN } = site();
    const path = `/${"p".repeat(10_000)}`;
    expect((await ask({ ...broken, ORIGIN }, path)).status).toBe(200);
    expect(asked[0]?.url).toBe(`https://www.example.com${path}`);
    expect(asked[0]?.headers.get("x-flags-context")?.length).toBeLessThan(5_000);
  });
});

describe("the origin behind a service binding", () => {
  it("sees the public address", async () => {
    const { asked, ORIGIN } = site();
    await ask({ ...broken, ORIGIN }, "/", {
      headers: { "x-forwarded-host": "evil.example", "x-forwarded-proto": "http" },
    });
    expect(asked[0]?.headers.get("x-forwarded-host")).toBe("www.example.com");
    expect(asked[0]?.headers.get("x-forwarded-proto")).toBe("https");
  });

  it.each(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])(
    "is asked with the method %s",
    async (method) => {
      const { asked, ORIGIN } = site();
      await ask({ ...broken, ORIGIN }, "/", { method, headers: { "x-flags": "copilot" } });
      expect(asked[0]?.method).toBe(method);
      expect(asked[0]?.headers.has("x-flags")).toBe(false);
    },
  );

  it("that fails is a 502 without internals", async () => {
    const { ORIGIN } = site(() => {
      throw new Error("connect to 10.0.0.7 failed");
    });
    const response = await ask({ ...broken, ORIGIN });
    expect(response.status).toBe(502);
    expect(await response.text()).not.toContain("10.0.0.7");
  });

  it("a new visitor gets a cookie, and its id counts at once", async () => {
    const { asked, ORIGIN } = site(() => new Response("<p>", { headers: { "content-type": "text/html" } }));
    const response = await ask({
      ORIGIN,
      SLUICE_ENV: "production",
      UPSTASH_REDIS_REST_URL: "http://127.0.0.1:1",
      UPSTASH_REDIS_REST_TOKEN: "t",
    });
    const [cookie] = response.headers.getSetCookie();
    const { targetingKey } = decodeFlagsContext(asked[0]?.headers.get("x-flags-context") ?? "") ?? {};
    expect(targetingKey).toMatch(/^anon-/);
    expect(cookie).toContain(`__Host-sluice-id=${targetingKey}.`);
  });
});

describe("the status", () => {
  it("answers GET and HEAD; other methods are the origin's", async () => {
    const { asked, ORIGIN } = site();
    const head = await ask({ ...broken, ORIGIN }, "/.well-known/sluice", { method: "HEAD" });
    expect(head.status).toBe(200);
    expect(asked).toEqual([]);
    await ask({ ...broken, ORIGIN }, "/.well-known/sluice", { method: "POST" });
    expect(asked).toHaveLength(1);
  });
});
