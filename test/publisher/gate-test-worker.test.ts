import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ENVIRONMENT, startApiSystem, type ApiSystem } from "../support/api-system.ts";
import { startOrigin, type Origin } from "../support/origin.ts";
import { sendRaw } from "../support/raw-request.ts";
import { isFull, runs } from "../support/thoroughness.ts";
import { startWorker, type RunningWorker } from "../support/worker.ts";
import { patient } from "../support/patience.ts";

// Compares `POST /gates/test` with a real worker, for the same requests.

const SECRET = "a secret of 26 characters";
const USERS = Array.from({ length: 12 }, (_, index) => `user-${index}`);

/** Every action of a gate, chains of gates, and gates whose target another gate closes. */
const GATES: Readonly<Record<string, readonly object[]>> = {
  assistant: [{ pattern: "/ai/*", otherwise: { status: 404, page: "/not-found" } }],
  notfound: [{ pattern: "/not-found", otherwise: { rewrite: "/plain?from=gate" } }],
  plain: [{ pattern: "/plain", otherwise: { status: 403 } }],
  chat: [{ pattern: "/chat", otherwise: { rewrite: "/classic" } }],
  classic: [{ pattern: "/classic", otherwise: { redirect: "/start", status: 303 } }],
  start: [{ pattern: "/start/*", otherwise: { status: 410 } }],
  lang: [{ pattern: "/:lang/ai/*", otherwise: { rewrite: "/ai/intro?q=intro" } }],
  intro: [{ pattern: "/ai/intro", otherwise: { rewrite: "/classic" } }],
  docs: [
    { pattern: "/docs/helper", otherwise: { redirect: "/docs", status: 302 } },
    { pattern: "/notes/:page", otherwise: { status: 403, page: "/chat" } },
  ],
};

let system: ApiSystem;
let origin: Origin;
let worker: RunningWorker;

beforeAll(async () => {
  system = await startApiSystem();
  let revision = 0;
  for (const [key, gates] of Object.entries(GATES)) {
    const { body } = await system.call("POST", "/api/v1/flags", { body: { key, gates } });
    expect(body.flag["key"]).toBe(key);
  }
  await system.sql("UPDATE feature_flags SET enabled = true, rollout_pct = 50");
  // Killed only at the edge: it is on in Postgres.
  await system.redisCommand("SET", `sluice:${ENVIRONMENT}:off`, '{"docs":null}');
  // A circle: only plain SQL can create one.
  await system.sql(
    `INSERT INTO feature_flags (key, gates) VALUES
       ('round', '[{"pattern": "/round", "otherwise": {"redirect": "/about", "status": 302}}]'),
       ('about', '[{"pattern": "/about", "otherwise": {"redirect": "/round", "status": 302}}]')`,
  );
  origin = await startOrigin();
  origin.answer = (_request, response) => {
    response.setHeader("content-type", "text/html");
    response.end("<p>a page");
  };
  worker = await startWorker({
    vars: {
      ORIGIN_URL: origin.url,
      UPSTASH_REDIS_REST_URL: system.redis.url,
      UPSTASH_REDIS_REST_TOKEN: system.redis.readOnlyToken,
      SLUICE_ENV: ENVIRONMENT,
      REFRESH_MS: "20",
      REDIS_TIMEOUT_MS: "5000",
      CONTEXT_SECRET: SECRET,
    },
  });
  const deadline = Date.now() + patient(30_000);
  do {
    await sleep(50);
    ({ revision } = (await system.call("GET", "/api/v1/status")).body);
  } while ((await heldBy(worker)) < revision && Date.now() < deadline);
  expect(await heldBy(worker)).toBe(revision);
});
afterAll(async () => {
  await worker.stop();
  await origin.stop();
  await system.stop();
});

async function heldBy({ url }: RunningWorker): Promise<number> {
  const status = (await (await fetch(`${url}/.well-known/sluice`)).json()) as { revision: number | null };
  return status.revision ?? -1;
}

/** The actual or predicted result, and the request that the origin receives. */
interface Seen {
  readonly status: number;
  readonly location?: string;
  readonly asked: readonly string[];
}

async function throughWorker(path: string, userId: string): Promise<Seen> {
  const before = origin.seen.length;
  const answer = await sendRaw(worker.url, [
    `GET ${path} HTTP/1.1`,
    "Accept: text/html",
    `x-sluice-context: ${Buffer.from(JSON.stringify({ userId })).toString("base64url")}`,
    `x-sluice-proof: ${SECRET}`,
  ]);
  const location = /^location: (.*)\r$/im.exec(answer)?.[1];
  return {
    status: Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]),
    ...(location !== undefined && { location }),
    asked: origin.seen.slice(before).map(({ url }) => url),
  };
}

interface Tested {
  readonly outcome: {
    readonly action: "pass" | "rewrite" | "redirect" | "status";
    readonly path: string;
    readonly status: number;
    readonly page?: { readonly shown?: string };
  };
}

async function byTest(url: string, userId: string): Promise<Seen> {
  const { status, body } = await system.call("POST", "/api/v1/gates/test", {
    body: { url, context: { userId } },
  });
  expect(status).toBe(200);
  const { outcome } = body as unknown as Tested;
  if (outcome.action === "redirect") return { status: outcome.status, location: outcome.path, asked: [] };
  if (outcome.action !== "status") return { status: 200, asked: [outcome.path] };
  const { page } = outcome;
  return { status: outcome.status, asked: page?.shown === undefined ? [] : [page.shown] };
}

const { hostile, ordinary } = JSON.parse(
  readFileSync(new URL("../cases/gates.json", import.meta.url), "utf8"),
) as Readonly<Record<"hostile" | "ordinary", readonly { readonly target: string }[]>>;

const ROWS = [...hostile, ...ordinary].map(({ target }) => target.replace(/^http:\/\/[^/]*/, ""));

const PARTS = [
  "ai",
  "chat",
  "classic",
  "de",
  "docs",
  "helper",
  "notes",
  "a",
  "..",
  "%2e%2e",
  "",
  "%2f",
  "x.json",
];
const path = fc
  .array(fc.constantFrom(...PARTS, "CHAT", "chat;x=1", "start", "not-found", "plain", "round", "about"), {
    minLength: 1,
    maxLength: 5,
  })
  .map((parts) => `/${parts.join("/")}`);

test("all rows of the table of tricks and generated paths agree, for several visitors", async () => {
  const paths = new Set([...ROWS, ...fc.sample(path, { numRuns: runs(300), seed: 7 })]);
  if (isFull) expect(paths.size).toBeGreaterThan(400);
  const seen = new Set<string>();
  for (const [index, target] of [...paths].entries()) {
    for (const step of isFull ? [0, 5, 7] : [0]) {
      const user = USERS[(index + step) % USERS.length] ?? "";
      const said = await byTest(target, user);
      expect({ target, user, ...(await throughWorker(target, user)) }).toEqual({ target, user, ...said });
      seen.add(`${said.status} ${said.location ?? ""} ${said.asked.length}`);
    }
  }
  if (!isFull) return;
  // Every result occurred: passed, redirected, closed with a page of the site, closed without one.
  expect([...seen].toSorted()).toEqual(
    ["200  1", "303 /start 0", "302 /docs 0", "403  0", "403  1", "404  0", "404  1", "410  0"].toSorted(),
  );
});
