import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { redisKey, startApiSystem, type ApiSystem } from "../support/api-system.ts";

let system: ApiSystem;

const closed = { status: 404 };

beforeAll(async () => {
  system = await startApiSystem();
  const create = async (key: string, body: object): Promise<void> => {
    const { status, text } = await system.call("POST", "/api/v1/flags", { body: { key, ...body } });
    if (status !== 201) throw new Error(text);
  };
  await create("assistant", {
    targeting: { allowlist: ["member"] },
    gates: [{ pattern: "/ai/*", otherwise: { rewrite: "/classic" } }],
  });
  await create("chat", {
    targeting: { plans: ["pro"] },
    gates: [{ pattern: "/ai/chat", otherwise: { redirect: "/pricing", status: 303 } }],
  });
  await create("older", { gates: [{ pattern: "/classic", otherwise: { status: 410, page: "/ended" } }] });
  await create("shop", { gates: [{ pattern: "/shop", otherwise: { status: 403, page: "/shop/closed" } }] });
  await create("shop_closed", { gates: [{ pattern: "/shop/closed", otherwise: closed }] });
  await system.sql("UPDATE feature_flags SET enabled = true WHERE key IN ('assistant', 'chat')");
  await system.sql("UPDATE feature_flags SET rollout_pct = 100 WHERE key = 'chat'");
});
afterAll(() => system.stop());

const send = (body: unknown) => system.call("POST", "/api/v1/gates/test", { body });
const ask = async (url: string, context?: object) => (await send({ url, context })).body;

describe("the outcome, and why", () => {
  test("the most specific closed gate decides, and its target is checked against gates again", async () => {
    const { steps, flags, ...rest } = await ask("/ai/chat?q=1", { userId: "u1", plan: "free" });
    expect(rest).toMatchObject({
      path: "/ai/chat?q=1",
      outcome: { action: "redirect", path: "/pricing", status: 303 },
    });
    expect(steps).toEqual([
      {
        path: "/ai/chat?q=1",
        gates: [
          {
            flag_key: "chat",
            pattern: "/ai/chat",
            otherwise: { redirect: "/pricing", status: 303 },
            reading: "/ai/chat",
            open: false,
            decided: true,
          },
          {
            flag_key: "assistant",
            pattern: "/ai/*",
            otherwise: { rewrite: "/classic" },
            reading: "/ai/chat",
            open: false,
            decided: false,
          },
        ],
      },
    ]);
    expect(flags).toMatchObject([
      { flag_key: "assistant", value: false, rule: "rollout_pct" },
      { flag_key: "chat", value: false, rule: "plans" },
    ]);
  });

  test("a rewrite leads to the next gate and keeps the query", async () => {
    const { outcome, steps } = await ask("/ai/chat?q=1", { userId: "u1", plan: "pro" });
    expect(outcome).toEqual({
      action: "status",
      status: 410,
      why: "gate",
      page: { path: "/ended", shown: "/ended" },
    });
    expect(steps).toMatchObject([
      { path: "/ai/chat?q=1", gates: [{ flag_key: "chat", open: true, decided: false }, { decided: true }] },
      { path: "/classic?q=1", gates: [{ flag_key: "older", decided: true }] },
    ]);
  });

  test("a user for whom all flags are on gets the page", async () => {
    const { outcome, steps } = await ask("/ai/chat", { userId: "member", plan: "pro" });
    expect(outcome).toEqual({ action: "pass", path: "/ai/chat" });
    expect(steps).toMatchObject([
      {
        gates: [
          { open: true, decided: false },
          { open: true, decided: false },
        ],
      },
    ]);
  });

  test("a page without a gate", async () => {
    expect(await ask("/about", {})).toMatchObject({
      outcome: { action: "pass", path: "/about" },
      steps: [{ path: "/about", gates: [] }],
      flags: [],
    });
  });

  test("the page of a status is not shown when it is closed too", async () => {
    const { outcome } = await ask("/shop");
    expect(outcome).toEqual({ action: "status", status: 403, why: "gate", page: { path: "/shop/closed" } });
  });

  test("the reading of a path", async () => {
    const { path, steps } = await ask("https://www.example.com/x/..%2fai%2fother#top", { userId: "u1" });
    expect(path).toBe("/x/..%2fai%2fother");
    expect(steps).toMatchObject([{ gates: [{ flag_key: "assistant", reading: "/ai/other" }] }, {}]);
  });

  test("a path with too many readings is closed by any gate", async () => {
    const url = `/a${".b".repeat(300)}`;
    const { outcome, steps } = await ask(url, { userId: "u1" });
    expect(outcome).toEqual({ action: "status", status: 404, why: "unreadable_path" });
    expect(steps).toMatchObject([
      { gates: expect.arrayContaining([expect.objectContaining({ reading: null })]) },
    ]);
  });

  test("a worker without a snapshot closes all gates and evaluates no flag", async () => {
    const { body } = await send({ url: "/ai/chat", cold: true, context: { userId: "member", plan: "pro" } });
    expect(body).toMatchObject({ outcome: { action: "redirect", path: "/pricing" }, flags: [] });
  });

  test("a kill at the edge counts before Postgres has recorded it", async () => {
    await system.redisCommand("SET", redisKey("off"), '{"assistant":null}');
    try {
      const { outcome, flags } = await ask("/ai/other", { userId: "member" });
      expect(outcome).toMatchObject({ action: "status", status: 410 });
      expect(flags).toMatchObject([{ flag_key: "assistant", killed_at_edge: true, rule: "off" }, {}]);
    } finally {
      await system.redisCommand("SET", redisKey("off"), "{}");
    }
  });

  test("after plain SQL: a gate with an unknown action is 404, and a circle ends", async () => {
    await system.sql(
      `INSERT INTO feature_flags (key, enabled, rollout_pct, gates) VALUES
         ('odd', true, 100, '[{"pattern": "/odd", "otherwise": {"teleport": "/x"}}]'),
         ('ring', false, 0, '[{"pattern": "/ring/*", "otherwise": {"rewrite": "/gnir/x"}}]'),
         ('gnir', false, 0, '[{"pattern": "/gnir/*", "otherwise": {"rewrite": "/ring/x"}}]')`,
    );
    const odd = await ask("/odd", { userId: "u1" });
    expect(odd).toMatchObject({ outcome: { action: "status", status: 404, why: "gate" } });
    expect(odd["flags"]).toMatchObject([{ flag_key: "odd", reason: "ERROR", invalid: expect.any(String) }]);
    const { outcome, steps } = await ask("/ring/a");
    expect(outcome).toEqual({ action: "status", status: 404, why: "circle" });
    expect((steps as unknown[]).length).toBeGreaterThan(2);
  });

  test("the test changes nothing", async () => {
    const before = await system.sql("SELECT epoch, revision FROM publication");
    await ask("/ai/chat", { userId: "u1" });
    expect(await system.sql("SELECT epoch, revision FROM publication")).toEqual(before);
  });
});

describe("requests that are refused", () => {
  test.each([
    ["no URL", {}, "/url", "must be a string"],
    ["a number", { url: 5 }, "/url", "must be a string"],
    ["no slash", { url: "ai/chat" }, "/url", "must be a path that begins with /, or an http or https URL"],
    ["another scheme", { url: "javascript:alert(1)" }, "/url", "must be a path that begins with /"],
    ["an empty one", { url: "" }, "/url", "must be a path that begins with /"],
    ["a URL without a host", { url: "https://" }, "/url", "must be a path that begins with /"],
    ["a space", { url: "/ai chat" }, "/url", "percent-encode it"],
    ["a line end", { url: "/ai\r\nx: y" }, "/url", "percent-encode it"],
    ["a letter beyond ASCII", { url: "/entwürfe" }, "/url", "percent-encode it"],
    ["a very long one", { url: `/${"a".repeat(8_192)}` }, "/url", "must have at most 8192 characters"],
    ["a context that is none", { url: "/", context: { userId: "anon-1" } }, "/context/userId", "anon-"],
    ["cold that is no boolean", { url: "/", cold: "yes" }, "/cold", "must be true or false"],
    ["an unknown member", { url: "/", method: "POST" }, "/method", ""],
  ])("%s", async (_name, body, pointer, detail) => {
    const { status, body: problem } = await send(body);
    expect({ status, errors: problem.errors }).toMatchObject({
      status: 422,
      errors: expect.arrayContaining([{ pointer, detail: expect.stringContaining(detail) }]),
    });
  });

  test("//ai is a path of this site, as a browser sends it", async () => {
    expect((await ask("//ai/other", { userId: "u1" }))["steps"]).toMatchObject([
      { path: "//ai/other", gates: [{ reading: "/ai/other" }] },
      {},
    ]);
  });

  test("it takes the admin token", async () => {
    const response = await fetch(`${system.url}/api/v1/gates/test`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: '{"url": "/"}',
    });
    expect(response.status).toBe(401);
  });
});
