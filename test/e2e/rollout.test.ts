import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connectAdmin, type Admin } from "../../examples/demo/admin.ts";
import { proofOf, showAll, visit, whoIsIn } from "../../examples/demo/visitors.ts";
import { startOrigin } from "../support/origin.ts";
import { patient } from "../support/patience.ts";
import { isFull } from "../support/thoroughness.ts";
import { advance, startWorker } from "../support/worker.ts";
import { startTestSystem } from "./local-system.ts";

const USERS = Array.from({ length: isFull ? 10_000 : 1_000 }, (_, index) => `user-${index}`);

const PATIENCE_MS = patient(30_000);

let system: Awaited<ReturnType<typeof startTestSystem>>;
let admin: Admin;

beforeAll(async () => {
  system = await startTestSystem({ REFRESH_MS: "500" });
  admin = connectAdmin(system);
});
afterAll(() => system.end());

/** Waits until the worker evaluates a revision. */
async function arrived(revision: number): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const seen = (await visit(system, { userId: "watcher" })).revision ?? -1;
    if (seen >= revision) return;
    if (performance.now() > deadline) throw new Error(`the worker is at ${seen}, not at ${revision}`);
    await sleep(20);
  }
}

describe("a rollout through every real part", () => {
  it("admits the requested share, always the same users, and only adds users when raised", async () => {
    await admin.create("ai_answers", "for this test");
    await arrived(await admin.enable("ai_answers"));
    expect((await whoIsIn(system, "ai_answers", USERS.slice(0, 500))).size).toBe(0);

    await arrived(await admin.rollout("ai_answers", 25));
    const quarter = await whoIsIn(system, "ai_answers", USERS);
    expect(Math.abs(quarter.size / USERS.length - 0.25)).toBeLessThanOrEqual(0.015);
    expect(await whoIsIn(system, "ai_answers", USERS)).toEqual(quarter);

    await arrived(await admin.rollout("ai_answers", 50));
    const half = await whoIsIn(system, "ai_answers", USERS);
    expect(Math.abs(half.size / USERS.length - 0.5)).toBeLessThanOrEqual(0.015);
    expect([...quarter].filter((user) => !half.has(user))).toEqual([]);

    await arrived(await admin.kill("ai_answers"));
    expect((await whoIsIn(system, "ai_answers", USERS)).size).toBe(0);
  });

  it("a worker that was idle during the kill turns the flag off at its first request", async () => {
    // An origin that reads no signature: the clock that moves on here is the worker's alone.
    const origin = await startOrigin();
    const worker = await startWorker({
      movableClock: true,
      vars: {
        SLUICE_ENV: system.environment,
        ORIGIN_URL: origin.url,
        UPSTASH_REDIS_REST_URL: system.redis.url,
        UPSTASH_REDIS_REST_TOKEN: system.redis.readOnlyToken,
        // A slow machine is no outage.
        REDIS_TIMEOUT_MS: "5000",
      },
    });
    const flagsOfVisit = async () => {
      await (await fetch(worker.url)).text();
      return origin.last.headers["x-flags"];
    };
    try {
      await admin.create("ai_idle", "for this test");
      await admin.rollout("ai_idle", 100);
      await admin.enable("ai_idle");
      await expect.poll(flagsOfVisit).toContain("ai_idle");

      await admin.kill("ai_idle");
      if (isFull) await sleep(61_000);
      else await advance(worker.url, 61_000);
      expect(await flagsOfVisit()).toBeUndefined();
    } finally {
      await worker.stop();
      await origin.stop();
    }
  });

  it("carries a plain UPDATE to the worker", async () => {
    const before = await admin.create("ai_sql", "for this test");
    await arrived(before);
    const client = new pg.Client({ connectionString: system.databaseUrl });
    await client.connect();
    try {
      await client.query("UPDATE feature_flags SET enabled = true, rollout_pct = 100 WHERE key = 'ai_sql'");
    } finally {
      await client.end();
    }
    await arrived(before + 1);
    expect((await visit(system, { userId: "user-1" })).enabled).toContain("ai_sql");
  });

  it("shows each visitor the page of their flags, by the cookie", async () => {
    await admin.create("ai_search", "the flag that the demo site asks for");
    await admin.rollout("ai_search", 50);
    await arrived(await admin.enable("ai_search"));

    const kinds = new Set<string>();
    for (let visitor = 0; visitor < 40; visitor++) {
      const first = await fetch(system.edgeUrl);
      const cookie = (first.headers.get("set-cookie") ?? "").split(";", 1)[0] ?? "";
      expect(cookie).toMatch(/^__Host-sluice-id=anon-[\w-]{22}\.\d{5}\.[\w.-]+$/);
      const [, kind] = /data-page="(\w+)"/.exec(await first.text()) ?? [];
      const heard = (await (await fetch(`${system.edgeUrl}/flags.json`, { headers: { cookie } })).json()) as {
        enabled: string[];
      };
      // The page of the first visit, which had no cookie yet, and the flags of the second are the same visitor's.
      expect(kind).toBe(heard.enabled.includes("ai_search") ? "ai" : "classic");
      kinds.add(kind ?? "none");
    }
    expect([...kinds].sort()).toEqual(["ai", "classic"]);
  });

  it("gates the site's AI page: users with the flag get the page and its stream, others the alternative", async () => {
    const gate = { pattern: "/ai/*", otherwise: { rewrite: "/search" } };
    await admin.create("ai_page", "for this test", [gate]);
    await admin.rollout("ai_page", 50);
    await arrived(await admin.enable("ai_page"));

    const some = USERS.slice(0, 200);
    const isIn = await whoIsIn(system, "ai_page", some);
    expect(isIn.size).toBeGreaterThan(50);
    expect(isIn.size).toBeLessThan(150);
    const shown = await showAll(system, "/ai/answers", some);
    for (const user of some)
      expect([user, shown.get(user)?.page]).toEqual([user, isIn.has(user) ? "ai" : "classic"]);

    const stream = async (userId: string | undefined) =>
      (await fetch(`${system.edgeUrl}/ai/stream?q=one+two`, { headers: proofOf(system, { userId }) })).text();
    const [inside = ""] = isIn;
    expect(await stream(inside)).toMatch(/^data: You\n\n.*event: end\n/s);
    expect(await stream(some.find((user) => !isIn.has(user)))).toMatch(/<h1 data-page="classic">/);

    await arrived(await admin.kill("ai_page"));
    for (const path of ["/ai/answers", "/AI/answers/", "//ai/answers", "/ai%2fanswers"]) {
      expect((await showAll(system, path, [inside])).get(inside)?.page).toBe("classic");
    }
  });

  it("ignores visitors' claims about their identity or flags", async () => {
    await admin.create("ai_listed", "for this test");
    await arrived(await admin.enable("ai_listed"));
    const client = new pg.Client({ connectionString: system.databaseUrl });
    await client.connect();
    await client.query(
      `UPDATE feature_flags SET targeting = '{"allowlist": ["vip"]}' WHERE key = 'ai_listed'`,
    );
    await client.end();
    const deadline = performance.now() + PATIENCE_MS;
    while (!(await visit(system, { userId: "vip" })).enabled.includes("ai_listed")) {
      if (performance.now() > deadline) throw new Error("the allowlist did not reach the worker");
    }

    const context = Buffer.from('{"userId":"vip"}').toString("base64url");
    for (const headers of [
      { "x-flags": "ai_listed" },
      { X_Flags: "ai_listed" },
      { "x-sluice-context": context },
      { "x-sluice-context": context, "x-sluice-proof": `${system.contextSecret}x` },
      { cookie: "__Host-sluice-id=vip" },
    ]) {
      const heard = (await (await fetch(`${system.edgeUrl}/flags.json`, { headers })).json()) as {
        enabled: string[];
      };
      expect(heard.enabled).not.toContain("ai_listed");
    }
  });

  it("rejects requests that bypass the worker or replay its headers for another page", async () => {
    const { headers } = (await (await fetch(`${system.edgeUrl}/flags.json`)).json()) as {
      headers: Record<string, string>;
    };
    const past = async (sent: Record<string, string>) =>
      (await (await fetch(`${system.originUrl}/flags.json?again`, { headers: sent })).json()) as {
        enabled: string[];
        problem: string;
      };
    expect(await past({})).toMatchObject({
      enabled: [],
      problem: expect.stringContaining("no x-flags-context"),
    });
    const { "x-flags-context": context = "" } = headers;
    expect(await past({ "x-flags": "ai_listed", "x-flags-context": context })).toMatchObject({
      enabled: [],
      problem: expect.stringContaining("not signed"),
    });
    expect(await past(headers)).toMatchObject({
      enabled: [],
      problem: expect.stringContaining("of another request: path"),
    });
  });
});
