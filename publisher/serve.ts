import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import type pg from "pg";
import { createAdminApi } from "./api/admin-api.ts";
import { startLoop, type BackgroundLoop } from "./process/background-loop.ts";
import type { PublisherConfig } from "./config.ts";
import { drain } from "./process/drain.ts";
import { createFlagService } from "./service/flag-service.ts";
import { KillImportError, importKills, pruneKills, type KillImport } from "./kills/import-kills.ts";
import { checkDatabase } from "./postgres/check-database.ts";
import { listenForChanges, type ListenTimes } from "./postgres/listen.ts";
import type { Log } from "./process/log.ts";
import { createPool } from "./postgres/postgres.ts";
import { briefly } from "./problem/problem.ts";
import { createOverrideService } from "./service/override-service.ts";
import { createSegmentService } from "./service/segment-service.ts";
import { pruneHistory } from "./publish/head-history.ts";
import { startPublisher } from "./publish/publisher.ts";
import { createPublisherRedis, type PublisherRedis } from "./redis/redis.ts";
import { withinTime } from "./process/within-time.ts";

/** How often the publisher compares Redis with Postgres and imports kills that Postgres lacks, in milliseconds. */
const EVERY_MS = 10_000;

/** How often kills that every snapshot has are removed from Redis, and old versions from Postgres, in milliseconds. */
const PRUNE_MS = 3_600_000;

/** How long the start waits for the check of the database, in milliseconds. */
const CHECK_MS = 3_000;

/** How long open requests may take when the publisher stops: a write waits up to 15 s for Postgres and Redis. */
const DRAIN_MS = 20_000;

/** How long any other part may take to stop, in milliseconds: Postgres may hang. */
const END_MS = 5_000;

/** A running publisher. */
export interface RunningPublisher {
  readonly url: string;
  /** Answers the open requests, which includes publishing, then closes every connection. Takes up to half a minute. */
  stop(): Promise<void>;
  /** Whether `stop` had to close a connection before its request was answered. */
  readonly hasCutOff: boolean;
}

/**
 * Runs the publisher: admin API, publishing loop, LISTEN. The database must be migrated (`sluice migrate`).
 *
 * @param options.everyMs how often the loops run when no change was announced
 * @param options.listenTimes the times of the listening connection, for tests
 */
export async function servePublisher(
  config: Omit<PublisherConfig, "migrationDatabaseUrl">,
  log: Log,
  {
    everyMs = EVERY_MS,
    listenTimes = {},
  }: { readonly everyMs?: number | undefined; readonly listenTimes?: Partial<ListenTimes> | undefined } = {},
): Promise<RunningPublisher> {
  const pool = createPool(config.databaseUrl, log);
  const redis = createPublisherRedis(config);
  const stops: (() => Promise<unknown>)[] = [() => withinTime(END_MS, pool.end(), () => undefined)];
  /** Stops every part, the last started first. */
  const stop = async (): Promise<void> => {
    for (const stopPart of stops.splice(0).reverse()) await stopPart();
  };
  let isDrained = true;

  try {
    // A Postgres that hangs must not keep the publisher from taking kills.
    await withinTime(CHECK_MS, checkDatabase(pool), () => undefined);
    const publisher = startPublisher({ pool, redis, log, reconcileMs: everyMs });
    stops.push(publisher.stop);
    const killImporter = startKillImporter({ pool, redis, publisher }, everyMs, log);
    stops.push(killImporter.stop, ...startPruners(pool, redis, log).map(({ stop: stopLoop }) => stopLoop));
    const listener = listenForChanges({
      databaseUrl: config.listenDatabaseUrl ?? config.databaseUrl,
      pool,
      onChange: publisher.request,
      log,
      times: listenTimes,
    });
    stops.push(() => withinTime(END_MS, listener.stop(), () => undefined));

    const service = createFlagService({
      ...config,
      pool,
      redis,
      publisher,
      log,
      onUnrecordedKill: killImporter.request,
    });
    const api = createAdminApi({
      service,
      segments: createSegmentService({ ...config, pool, publisher }),
      overrides: createOverrideService({ ...config, pool, redis, log }),
      publisherStatus: publisher.status,
      listenStatus: listener.status,
      adminToken: config.adminToken,
      log,
    });
    // An HTTP/1.1 server, because no other is configured.
    const server = createAdaptorServer({ fetch: api.fetch }) as Server;
    server.listen(config.port, config.host);
    await once(server, "listening");
    stops.push(async () => {
      isDrained = await drain(server, DRAIN_MS);
      if (!isDrained) log("serve.cut_off", { after_ms: DRAIN_MS });
    });
    return {
      url: urlOf(server.address() as AddressInfo),
      stop,
      get hasCutOff() {
        return !isDrained;
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function startKillImporter(parts: KillImport, everyMs: number, log: Log): BackgroundLoop {
  return startLoop({
    everyMs,
    onError: (error) => log("kill.import_failed", { error: briefly(error), ...causesOf(error) }),
    work: async () => {
      const keys = await importKills(parts);
      if (keys.length > 0) log("kill.imported", { keys });
    },
  });
}

/** How many kills a log line names. */
const MAX_LOGGED = 20;

function causesOf(error: unknown): { kills?: Readonly<Record<string, string>> } {
  if (!(error instanceof KillImportError)) return {};
  const logged = [...error.faults].slice(0, MAX_LOGGED);
  return { kills: Object.fromEntries(logged.map(([key, cause]) => [key, briefly(cause)])) };
}

function startPruners(pool: pg.Pool, redis: PublisherRedis, log: Log): readonly BackgroundLoop[] {
  return [
    startLoop({
      everyMs: PRUNE_MS,
      onError: (error) => log("kill.prune_failed", { error: briefly(error) }),
      work: () => pruneKills(pool, redis),
    }),
    startLoop({
      everyMs: PRUNE_MS,
      onError: (error) => log("lineage.prune_failed", { error: briefly(error) }),
      work: () => pruneHistory(pool, redis),
    }),
  ];
}

function urlOf({ address, port, family }: AddressInfo): string {
  return `http://${family === "IPv6" ? `[${address}]` : address}:${port}`;
}
