import { randomBytes } from "node:crypto";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { startRedisRest } from "../../publisher/dev/redis-rest/start.ts";
import { migrate } from "../../publisher/postgres/migrate.ts";
import { redisKeys } from "../../shared/snapshot/snapshot.ts";
import { withClient } from "../support/database.ts";
import { createFlags } from "./flags.ts";
import { startEdgePart, type EdgePart, type Isolate } from "./parts/edge.ts";
import type { Faults } from "./parts/fault.ts";
import type { DirectRedis } from "./parts/direct-redis.ts";
import { startJanitor } from "./parts/janitor.ts";
import { startLink } from "./parts/link.ts";
import { startPostgresPart } from "./parts/postgres.ts";
import { startPublisherPart } from "./parts/publisher.ts";
import { startRedisPart } from "./parts/redis.ts";
import { startSite } from "./parts/site.ts";

/** All parts as separate processes, connected by links that can fail. */
export interface System {
  /** The admin APIs, through links. */
  readonly apiUrls: readonly string[];
  readonly adminToken: string;
  /** The database, through a link. */
  readonly sqlUrl: () => string;
  /** The database, without a link. */
  readonly databaseUrl: () => string;
  /** Redis, without a link. */
  readonly redis: DirectRedis;
  readonly environment: string;
  /** The isolates of the worker that run now. */
  readonly isolates: () => readonly Isolate[];
  readonly contextSecret: string;
  /** The faults of each part and link, by its name. */
  readonly faults: ReadonlyMap<string, Faults>;
  /** Publishers that ended by themselves. */
  readonly ownEnds: () => readonly string[];
  /** The last log lines of publishers and workers. */
  readonly logLines: () => readonly string[];
  /** Ends all parts, in the reverse order of their start. */
  stop(): Promise<void>;
}

const PUBLISHERS = 3;

/** Isolates of one colo share the Cache API. */
const COLOS = { a: 3, b: 1 } as const;

/** The refresh time at the edge, in milliseconds. It is short, so that a round has many refreshes. */
const REFRESH_MS = "200";

/** How long the edge waits for Redis, in milliseconds. It is long, because all parts share one busy machine. */
const REDIS_TIMEOUT_MS = "1000";

/** Starts all parts. */
export async function startSystem(): Promise<System> {
  const stops: (() => Promise<unknown> | void)[] = [];
  const stop = async (): Promise<void> => {
    for (const stopPart of stops.splice(0).reverse()) await stopPart();
  };
  try {
    return await start(stops, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function start(stops: (() => Promise<unknown> | void)[], stop: () => Promise<void>): Promise<System> {
  const faults = new Map<string, Faults>();
  const link = async (name: string, target: () => number): Promise<number> => {
    const started = await startLink(target);
    stops.push(() => started.stop());
    faults.set(`link ${name}`, started.faults);
    return started.port;
  };

  const janitor = startJanitor();
  stops.push(() => janitor.stop());
  const folder = await mkdtemp(path.join(tmpdir(), "sluice-faults-"));
  janitor.watchFolder(folder);
  stops.push(() => rm(folder, { recursive: true, force: true }));
  // Root starts Postgres as another user, who needs access.
  await chmod(folder, 0o755);

  const environment = "faults";
  const adminToken = randomBytes(24).toString("base64url");
  const contextSecret = randomBytes(24).toString("base64url");

  const postgres = await startPostgresPart(path.join(folder, "postgres"), janitor);
  stops.push(() => postgres.stop());
  faults.set("postgres", postgres.faults);
  await migrate(postgres.url());
  await withClient(postgres.url(), createFlags);

  const keys = redisKeys(environment);
  const redis = await startRedisPart(path.join(folder, "redis"), janitor, [
    keys.head,
    keys.snapshot,
    keys.off,
    `${keys.off}:held`,
  ]);
  stops.push(() => redis.stop());
  faults.set("redis", redis.faults);
  const rest = await startRedisRest({
    redisUrl: `redis://127.0.0.1:${await link("REST end to redis", redis.port)}`,
  });
  stops.push(() => rest.stop());
  const restPort = (): number => Number(new URL(rest.url).port);

  const sqlPort = await link("SQL clients to postgres", postgres.port);
  const apiUrls: string[] = [];
  const publishers = await Promise.all(
    Array.from({ length: PUBLISHERS }, async (_, index) => {
      const name = `publisher ${index + 1}`;
      const publisher = await startPublisherPart(
        {
          DATABASE_URL: postgres.url(await link(`${name} to postgres`, postgres.port)),
          UPSTASH_REDIS_REST_URL: `http://127.0.0.1:${await link(`${name} to REST end`, restPort)}`,
          UPSTASH_REDIS_REST_TOKEN: rest.token,
          SLUICE_ENV: environment,
          ADMIN_TOKEN: adminToken,
        },
        janitor,
      );
      stops.push(() => publisher.stop());
      faults.set(name, publisher.faults);
      apiUrls.push(`http://127.0.0.1:${await link(`clients to ${name}`, publisher.port)}/api/v1`);
      return publisher;
    }),
  );

  const site = await startSite();
  stops.push(() => site.stop());
  const workerLines: string[] = [];
  const edges: EdgePart[] = [];
  for (const [colo, count] of Object.entries(COLOS)) {
    const restLink = await link(`colo ${colo} to REST end`, restPort);
    const vars = {
      SLUICE_ENV: environment,
      ORIGIN_URL: site.url,
      UPSTASH_REDIS_REST_URL: `http://127.0.0.1:${restLink}`,
      UPSTASH_REDIS_REST_TOKEN: rest.readOnlyToken,
      CONTEXT_SECRET: contextSecret,
      REFRESH_MS,
      REDIS_TIMEOUT_MS,
    };
    const keep = (line: string): void =>
      void workerLines.splice(0, workerLines.push(`colo ${colo} ${line}`) - KEPT_LINES);
    const edge = await startEdgePart(colo, count, vars, janitor, keep);
    stops.push(() => edge.stop());
    faults.set(`colo ${colo}`, edge.faults);
    edges.push(edge);
  }

  return {
    apiUrls,
    adminToken,
    sqlUrl: () => postgres.url(sqlPort),
    databaseUrl: () => postgres.url(),
    redis: redis.direct,
    environment,
    isolates: () => edges.flatMap(({ isolates }) => isolates()),
    contextSecret,
    faults,
    ownEnds: () =>
      publishers.flatMap(({ ownEnds }, index) => ownEnds.map((how) => `publisher ${index + 1}: ${how}`)),
    logLines: () => [
      ...publishers.flatMap(({ logLines }, index) =>
        logLines().map((line) => `publisher ${index + 1} ${line}`),
      ),
      ...workerLines,
    ],
    stop,
  };
}

const KEPT_LINES = 60;
