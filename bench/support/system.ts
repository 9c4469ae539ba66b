import { randomBytes } from "node:crypto";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { startEmbeddedPostgres } from "../../publisher/dev/postgres/embedded-postgres.ts";
import { migrate } from "../../publisher/postgres/migrate.ts";
import { openConnections, type Send } from "./http.ts";
import { startPart, type Part } from "./part.ts";
import type { PublisherCounts, PublisherOptions, PublisherStarted } from "./publisher-part.ts";
import type { RedisCounts, RedisStarted } from "./redis-part.ts";
import type { Bench } from "./run-bench.ts";

export type RedisPart = Part<RedisStarted, RedisCounts>;

/** Postgres, the Redis endpoint and the publisher, each in its own process. */
export interface System {
  readonly databaseUrl: string;
  /** A few connections as a superuser, for plain SQL. */
  readonly pool: pg.Pool;
  readonly redis: RedisPart;
  readonly publisher: Part<PublisherStarted, PublisherCounts>;
  readonly environment: string;
  readonly adminToken: string;
  /** The admin API, over connections that stay open. Throws unless the status is 2xx. */
  readonly call: (method: string, path: string, body?: object) => Promise<ApiAnswer>;
  /** Waits until Redis has the revision of Postgres. */
  readonly settled: () => Promise<ApiAnswer>;
}

export interface ApiAnswer {
  readonly epoch: number;
  readonly revision: number;
  readonly published: boolean;
}

/** Starts the Redis endpoint. */
export async function startRedis(bench: Bench): Promise<RedisPart> {
  const redis: RedisPart = await startPart(new URL("redis-part.ts", import.meta.url), {});
  bench.defer(redis.stop);
  return redis;
}

/** Starts the system. Postgres has its defaults: every commit is flushed to disk. */
export async function startSystem(
  bench: Bench,
  { maxSnapshotBytes = 1_048_576 }: { readonly maxSnapshotBytes?: number } = {},
): Promise<System> {
  const environment = "bench";
  const adminToken = randomBytes(24).toString("base64url");
  const postgres = await startEmbeddedPostgres({ dataDir: path.join(bench.folder, "postgres") });
  bench.defer(() => postgres.stop({ remove: true }));
  const redis = await startRedis(bench);
  await migrate(postgres.url);
  const options: PublisherOptions = {
    databaseUrl: postgres.url,
    redisUrl: redis.started.url,
    redisToken: redis.started.token,
    environment,
    adminToken,
    port: 0,
    host: "127.0.0.1",
    maxSnapshotBytes,
  };
  const publisher: System["publisher"] = await startPart(
    new URL("publisher-part.ts", import.meta.url),
    options,
  );
  bench.defer(publisher.stop);
  const pool = new pg.Pool({ connectionString: postgres.url });
  bench.defer(() => pool.end());
  const { send, close } = openConnections();
  bench.defer(async () => close());

  const call = connectApi(send, publisher.started.url, adminToken);
  const settled = async (): Promise<ApiAnswer> => {
    const deadline = performance.now() + SETTLE_LIMIT_MS;
    for (;;) {
      const answer = await call("GET", "/status");
      if (answer.published) return answer;
      if (performance.now() > deadline) throw new Error("Redis did not reach the revision of Postgres");
      await sleep(100);
    }
  };
  return {
    databaseUrl: postgres.url,
    pool,
    redis,
    publisher,
    environment,
    adminToken,
    call,
    settled,
  };
}

/** A revision that takes longer will never arrive. */
const SETTLE_LIMIT_MS = 60_000;

function connectApi(send: Send, apiUrl: string, token: string): System["call"] {
  return async (method, route, body) => {
    const { status, text } = await send(`${apiUrl}/api/v1${route}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        // No other client changes these flags, so no precondition is needed.
        ...(method === "PATCH" && { "if-match": "*" }),
        ...(body !== undefined && { "content-type": "application/json" }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    if (status < 200 || status > 299) throw new Error(`${method} ${route} answered ${status}: ${text}`);
    return JSON.parse(text) as ApiAnswer;
  };
}
