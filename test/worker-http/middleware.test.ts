import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startEdgeWorker, type EdgeWorker } from "../../publisher/dev/edge-worker.ts";
import { startRedisRest, type RedisRest } from "../../publisher/dev/redis-rest/start.ts";
import { startOrigin } from "../support/origin.ts";
import { putSnapshot } from "../support/published.ts";
import { sendRaw } from "../support/raw-request.ts";

const secret = "a secret of 26 characters";

const gated = (key: string, pattern: string, otherwise: object) => ({
  key,
  enabled: true,
  rollout_pct: 0,
  targeting: { allowlist: ["member"] },
  gates: [{ pattern, otherwise }],
});

let redis: RedisRest;
let worker: EdgeWorker;

beforeAll(async () => {
  redis = await startRedisRest();
  await putSnapshot(redis, "production", 1, [
    {
      key: "copilot",
      enabled: true,
      rollout_pct: 100,
      variants: [{ key: "large", ranges: [[0, 10_000]], value: { model: "large-2" } }],
    },
    { key: "unheard", enabled: true, rollout_pct: 100, in_header: false },
    { key: "dark", enabled: true, rollout_pct: 0 },
    gated("rewritten", "/ai/*", { rewrite: "/classic?from=ai" }),
    gated("hidden", "/secret/*", { status: 404 }),
    gated("redirected", "/beta/*", { redirect: "/home" }),
    gated("everything", "/all/*", { rewrite: "/all/classic" }),
    gated("there", "/circle/there", { rewrite: "/circle/back" }),
    gated("back", "/circle/back", { rewrite: "/circle/there" }),
    gated("body", "/read-before/ai", { rewrite: "/read-before/classic" }),
    gated("replacing", "/replaced/ai", { rewrite: "/replaced/classic" }),
    gated("doubling", "/twice/ai", { rewrite: "/twice/classic" }),
    gated("streams", "/events/ai", { rewrite: "/events/classic" }),
    gated("sockets", "/socket/ai", { rewrite: "/socket/classic" }),
    gated("failing", "/fails/ai", { rewrite: "/throws/classic" }),
    gated("shown", "/shown/ai", { status: 410, page: "/page" }),
    gated("unshown", "/unshown/ai", { status: 403, page: "/throws/page" }),
    gated("lost", "/lost/ai", { rewrite: "/nothing/there" }),
  ]);
  worker = await startEdgeWorker({
    root: fileURLToPath(new URL("../support/middleware-worker", import.meta.url)),
    vars: {
      FLAGS_URL: redis.url,
      FLAGS_TOKEN: redis.readOnlyToken,
      FLAGS_CONTEXT_SECRET: secret,
    },
  });
});
afterAll(async () => {
  await worker.stop();
  await redis.stop();
});

const member = {
  "x-sluice-context": Buffer.from('{"userId":"member"}').toString("base64url"),
  "x-sluice-proof": secret,
};
const ask = (path: string, init: RequestInit = {}) =>
  fetch(`${worker.url}${path}`, { redirect: "manual", ...init });

interface Seen {
  readonly page: string;
  readonly url: string;
  readonly method: string;
  readonly body: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly [member: string]: unknown;
}
const see = async (path: string, init: RequestInit = {}) => (await (await ask(path, init)).json()) as Seen;

describe("a gate's page that the application serves itself", () => {
  const browser = { accept: "text/html" };

  it("has the status of the gate, and is not cached", async () => {
    const response = await ask("/shown/ai", { method: "POST", body: "x", headers: browser });
    expect([response.status, await response.text()]).toEqual([410, "<p>hello"]);
    expect(response.headers.get("cache-control")).toBe("no-store");
  });

  it("is the plain page when the application fails", async () => {
    const response = await ask("/unshown/ai", { headers: browser });
    expect([response.status, await response.text()]).toEqual([403, expect.stringContaining("<h1>Forbidden")]);
  });
});

describe("a handler gets", () => {
  it("flags that are on, with the evaluation's own reasons", async () => {
    const seen = await see("/");
    expect(seen).toMatchObject({
      enabled: ["copilot", "unheard"],
      unheard: true,
      problem: null,
      copilot: { variant: "large", reason: "STATIC", value: { model: "large-2" } },
      unknown: { value: false, variant: "off", reason: "ERROR", errorCode: "FLAG_NOT_FOUND" },
      context: { method: "GET", path: "/", source: expect.stringMatching(/memory|redis|colo/) as string },
    });
  });

  it("a request without forged headers", async () => {
    const { headers, context } = await see("/", {
      headers: {
        "x-flags": "dark",
        X_Flags: "dark",
        "x-flags-context": "rev=9",
        ...member,
        accept: "text/x",
      },
    });
    expect(headers["x-flags"]).toMatch(
      /^back, body, copilot;v="large";val="\{\\"model\\":\\"large-2\\"\}", doubling, /,
    );
    expect(headers["x-flags"]).not.toContain("dark");
    expect(headers["x-flags-context"]).toContain("rev=1");
    expect(headers).not.toHaveProperty("x_flags");
    expect(headers).not.toHaveProperty("x-sluice-proof");
    expect(headers["accept"]).toBe("text/x");
    expect(context).toMatchObject({ targetingKey: "member", host: new URL(worker.url).host });
  });

  it("its body, and the runtime's properties", async () => {
    expect(await see("/upload?a=1", { method: "PUT", body: "some text" })).toMatchObject({
      page: "/upload",
      url: `${worker.url}/upload?a=1`,
      method: "PUT",
      body: "some text",
    });
  });

  it.each(["/", "/deaf/"])("each flag that it asks for is one exposure (%s)", async (path) => {
    const { exposures } = await see(path, { headers: member });
    const common = { targetingKey: "member", epoch: 1, revision: 1, at: expect.any(Number) as number };
    expect(exposures).toEqual([
      { flagKey: "copilot", variant: "large", ...common },
      { flagKey: "unheard", variant: "on", ...common },
    ]);
  });

  it("a variant's value that it cannot change for other requests", async () => {
    expect(await (await ask("/change-value")).json()).toEqual({ model: "large-2" });
  });
});

it("the status reports the memory that flags() uses", async () => {
  await see("/");
  const status = (await (await ask("/.well-known/sluice")).json()) as object;
  expect(status).toMatchObject({ epoch: 1, revision: 1, source: "memory", gates: "snapshot" });
  expect(status).not.toHaveProperty("fault");
});

describe("a gate on the application's own pages", () => {
  it("rewrites: the router chooses again, with method, query and body", async () => {
    expect(await see("/ai/chat?q=1", { method: "POST", body: "question" })).toMatchObject({
      page: "/classic",
      url: `${worker.url}/classic?from=ai&q=1`,
      method: "POST",
      body: "question",
      context: { method: "POST", path: "/classic?from=ai&q=1" },
    });
  });

  it("shows the page to visitors with the flag", async () => {
    expect(await see("/ai/chat", { headers: member })).toMatchObject({ page: "/ai/chat" });
  });

  it.each(["/secret/x", "/secret%2fx", "//secret/x", "/SECRET/x", "/x/../secret/x"])(
    "closes %s without a handler",
    async (path) => {
      const [head = ""] = (await sendRaw(worker.url, [`GET ${path} HTTP/1.1`])).split("\r\n");
      expect(head).toContain(" 404 ");
    },
  );

  it("redirects without caching", async () => {
    const response = await ask("/beta/x");
    expect(response.status).toBe(302);
    expect(response.headers.get("cache-control")).toBe("no-store");
  });

  it.each([
    ["into its own pattern", "/all/x", "/all/classic"],
    ["behind middleware that puts another request in place of ours", "/replaced/ai", "/replaced/classic"],
    ["where flags() stands twice", "/twice/ai", "/twice/classic"],
  ])("ends when it rewrites %s", async (_what, path, page) => {
    expect(await see(path)).toMatchObject({ page });
  });

  it("ends in a circle of rewrites, closed", async () => {
    expect((await ask("/circle/there")).status).toBe(404);
  });

  it("keeps a body that was read before", async () => {
    const headers = { "content-type": "application/json" };
    const sent = { method: "POST", body: '{"question":1}', headers };
    expect(await see("/read-before/ai", sent)).toMatchObject({
      page: "/read-before/classic",
      body: sent.body,
    });
    expect(await see("/read-before/other", sent)).toMatchObject({
      page: "/read-before/other",
      body: sent.body,
    });
  });

  it.each([
    ["an error of the other page", "/fails/ai", 500],
    ["a page that is not there", "/lost/ai", 404],
  ])("returns %s unchanged", async (_what, path, status) => {
    const response = await ask(path);
    expect(response.status).toBe(status);
    expect(await response.text()).not.toContain("not for visitors");
  });

  it("answers HEAD", async () => {
    const response = await ask("/ai/chat", { method: "HEAD" });
    expect(response.status).toBe(200);
    expect(await response.text()).toBe("");
  });
});

describe("an answer", () => {
  const ID = /^__Host-sluice-id=anon-/;

  it("a page is private and brings the cookie once, beside the page's own cookies", async () => {
    const response = await ask("/page");
    expect(response.headers.getSetCookie()).toEqual(["a=1", expect.stringMatching(ID)]);
    expect(response.headers.get("cache-control")).toBe("private, no-cache");
    expect(await response.text()).toBe("<p>hello");
  });

  it("also where flags() is used twice, and on an error page", async () => {
    for (const path of ["/twice/ai", "/throws/x", "/fails/ai"]) {
      const response = await ask(path);
      expect(response.headers.get("cache-control")).toBe("private, no-cache");
      const expected = path.startsWith("/twice") ? [] : [expect.stringMatching(ID)];
      expect(response.headers.getSetCookie()).toEqual(expected);
    }
  });

  it("an HTTPException's own answer", async () => {
    const response = await ask("/throws-http/x");
    expect(response.status).toBe(418);
    expect(await response.text()).toBe("a teapot");
  });

  it("a handler that forgets to answer is an error, not an empty page", async () => {
    expect((await ask("/forgotten")).status).toBe(500);
  });

  it("an answer whose headers cannot be changed", async () => {
    const response = await ask("/frozen");
    expect(response.status).toBe(302);
    expect(response.headers.get("location")).toBe("https://www.example.com/elsewhere");
    expect(response.headers.get("cache-control")).toBe("private, no-cache");
  });

  it("headers of middleware before it stay", async () => {
    const response = await ask("/header-before/x");
    expect(response.headers.get("x-before")).toBe("yes");
    expect(response.headers.get("x-after")).toBe("yes");
  });
});

describe.each([
  ["here", "other"],
  ["where a gate leads", "ai"],
])("a long answer: %s", (_what, name) => {
  it("events as they happen", async () => {
    const signal = await startOrigin();
    const released = Promise.withResolvers<void>();
    signal.answer = (_request, response) => void released.promise.then(() => response.end());
    try {
      const response = await ask(`/events/${name}?release=${signal.url}`);
      const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
      expect((await reader?.read())?.value).toBe("data: first\n\n");
      released.resolve();
      expect((await reader?.read())?.value).toBe("data: last\n\n");
    } finally {
      await signal.stop();
    }
  });

  it("a WebSocket in both directions", async () => {
    const socket = new WebSocket(`${worker.url.replace("http", "ws")}/socket/${name}`);
    await once(socket, "open");
    socket.send("hello");
    const [{ data }] = (await once(socket, "message")) as [MessageEvent];
    expect(String(data)).toBe(`/socket/${name === "ai" ? "classic" : name}: hello`);
    socket.close();
  });
});
