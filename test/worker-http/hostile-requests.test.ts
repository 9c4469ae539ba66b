import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startRedisRest, type RedisRest } from "../../publisher/dev/redis-rest/start.ts";
import { ORIGINS, isAiPage } from "../support/lenient-origins.ts";
import { startOrigin, type Origin } from "../support/origin.ts";
import { putSnapshot } from "../support/published.ts";
import { sendRaw } from "../support/raw-request.ts";
import { startWorker, type RunningWorker } from "../support/worker.ts";

interface Row {
  readonly target: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

const { hostile, ordinary } = JSON.parse(
  readFileSync(new URL("../cases/gates.json", import.meta.url), "utf8"),
) as {
  readonly hostile: readonly (Row & { readonly trick: string; readonly origin: string })[];
  readonly ordinary: readonly (Row & { readonly page: string })[];
};

const secret = "a secret of 26 characters";

let origin: Origin;
let redis: RedisRest;
let worker: RunningWorker;
/** Which kind of origin answers. */
let kind = "decoding";

const gated = (key: string, pattern: string, otherwise: object) => ({
  key,
  enabled: true,
  rollout_pct: 0,
  targeting: { allowlist: ["member"] },
  gates: [{ pattern, otherwise }],
});

beforeAll(async () => {
  origin = await startOrigin();
  origin.answer = (request, response) => {
    const { url = "", headers } = request;
    const path = ORIGINS[kind]?.(url, headers as Record<string, string | undefined>) ?? "";
    const page = isAiPage(path) ? "AI page" : "ordinary page";
    const body = createHash("sha256").update(`${page} ${url}`).digest();
    response.setHeader("x-page", page);
    response.end(request.method === "HEAD" ? undefined : body);
  };
  redis = await startRedisRest();
  await putSnapshot(redis, "production", 1, [
    gated("assistant", "/ai/*", { status: 404 }),
    gated("chat", "/chat", { rewrite: "/classic" }),
    gated("helper", "/docs/helper", { status: 410 }),
    gated("asker", "/ask.php", { status: 404 }),
    gated("notes", "/notes/:page", { status: 403 }),
    gated("drafts", "/entwürfe/*", { redirect: "/", status: 302 }),
  ]);
  worker = await startWorker({
    vars: {
      ORIGIN_URL: origin.url,
      UPSTASH_REDIS_REST_URL: redis.url,
      UPSTASH_REDIS_REST_TOKEN: redis.readOnlyToken,
      REDIS_TIMEOUT_MS: "5000",
      CONTEXT_SECRET: secret,
    },
  });
});
afterAll(async () => {
  await worker.stop();
  await redis.stop();
  await origin.stop();
});

const member = [
  `x-sluice-context: ${Buffer.from('{"userId":"member"}').toString("base64url")}`,
  `x-sluice-proof: ${secret}`,
];

function send(url: string, row: Row, more: readonly string[] = []): Promise<string> {
  const { method = "GET", target, headers = {}, body } = row;
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  const length = body === undefined ? [] : [`content-length: ${body.length}`];
  return sendRaw(url, [`${method} ${target} HTTP/1.1`, ...lines, ...length, ...more], body);
}

const pageOf = (answer: string): string | undefined => /^x-page: (.*)\r$/im.exec(answer)?.[1];

/** In the query or a header, where a trick names another page than the URL: it is taken out for everybody. */
const namesAnother = ({ target, headers = {} }: Row): boolean =>
  target.startsWith("/about") && (target.includes("?") || Object.keys(headers).length > 0);

test("there are at least 60 different tricks", () => {
  expect(new Set(hostile.map((row) => JSON.stringify([row.method, row.target, row.headers]))).size).toBe(
    hostile.length,
  );
  expect(new Set(hostile.map(({ trick }) => trick)).size).toBe(hostile.length);
  expect(hostile.length).toBeGreaterThan(60);
  const docs = readFileSync(new URL("../../docs/gates.md", import.meta.url), "utf8");
  expect(docs).toContain(`${hostile.length} requests, each with another trick`);
  expect(docs).toContain(`${ordinary.length} unusual but legitimate requests`);
});

test.each(hostile)("$trick: $target", async (row) => {
  kind = row.origin;
  // The trick works: asked by itself, this origin shows the page.
  expect(pageOf(await send(origin.url, row))).toBe("AI page");

  const before = origin.seen.length;
  const answer = await send(worker.url, row);
  expect(answer).toMatch(/^HTTP\/1\.1 (?:200|302|400|403|404|410) /);
  expect(pageOf(answer)).not.toBe("AI page");
  // Nor was it asked for behind the answer.
  for (const { url, headers } of origin.seen.slice(before)) {
    const path = ORIGINS[kind]?.(url, headers as Record<string, string | undefined>) ?? "";
    expect([url, isAiPage(path)]).toEqual([url, false]);
  }

  if (namesAnother(row)) return;
  // Whoever is in gets it by the same way, unless it is no HTTP at all.
  const opened = await send(worker.url, row, member);
  if (!opened.startsWith("HTTP/1.1 400 ")) expect(pageOf(opened)).toBe("AI page");
});

test.each(ordinary)("an ordinary page stays unchanged: $page", async (row) => {
  kind = "decoding";
  const direct = await send(origin.url, row);
  const asked = origin.last;
  const through = await send(worker.url, row);
  expect(through).toMatch(/^HTTP\/1\.1 200 /);
  expect(origin.last.url).toBe(asked.url);
  expect(origin.last.method).toBe(asked.method);
  for (const name of Object.keys(row.headers ?? {})) {
    expect(origin.last.headers[name]).toBe(asked.headers[name]);
  }
  expect(bodyOf(through)).toBe(bodyOf(direct));
});

function bodyOf(answer: string): string {
  return answer.slice(answer.indexOf("\r\n\r\n"));
}
