import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import type pg from "pg";
import { createAdminApi } from "./admin-api.ts";
import { startLoop, type BackgroundLoop } from "./background-loop.ts";
import type { PublisherConfig } from "./config.ts";
import { createFlagService } from "./flag-service.ts";
import { importKills, pruneKills, type KillImport } from "./import-kills.ts";
import { listenForChanges } from "./listen.ts";
import type { Log } from "./log.ts";
import { createPool } from "./postgres.ts";
import { briefly } from "./problem.ts";
import { createSegmentService } from "./segment-service.ts";
import { startPublisher } from "./publisher.ts";
import { createPublisherRedis, type PublisherRedis } from "./redis.ts";

/** How often a kill that Postgres has not heard of is looked for. */
const IMPORT_KILLS_MS = 10_000;

/** How often kills that every snapshot knows of are taken out of Redis. */
const PRUNE_KILLS_MS = 3_600_000;

/** A publisher that runs. */
export interface RunningPublisher {
  readonly url: string;
  /** Answers what was asked, publishes what was committed, then closes every connection. */
  stop(): Promise<void>;
}

/** Runs the publisher: admin API, publishing loop, LISTEN. The schema must be there (`migrate`). */
export async function servePublisher(
  config: Omit<PublisherConfig, "migrationDatabaseUrl">,
  log: Log,
): Promise<RunningPublisher> {
  const pool = createPool(config.databaseUrl, log);
  const redis = createPublisherRedis(config);
  const stops: (() => Promise<unknown>)[] = [() => pool.end()];
  /** Ends every part, the last started first. */
  const stop = async (): Promise<void> => {
    for (const stopPart of stops.splice(0).reverse()) await stopPart();
  };

  try {
    const publisher = startPublisher({ pool, redis, log });
    stops.push(publisher.stop);
    const killImporter = startKillImporter({ pool, redis, publisher }, log);
    stops.push(killImporter.stop, startKillPruner(pool, redis, log).stop);
    const listener = listenForChanges({
      databaseUrl: config.databaseUrl,
      onChange: publisher.request,
      log,
    });
    stops.push(() => listener.stop());

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
      publisherStatus: publisher.status,
      adminToken: config.adminToken,
      log,
    });
    const server = createAdaptorServer({ fetch: api.fetch });
    server.listen(config.port, config.host);
    await once(server, "listening");
    stops.push(async () => {
      const closed = once(server, "close");
      server.close();
      if ("closeIdleConnections" in server) server.closeIdleConnections();
      await closed;
    });
    return { url: urlOf(server.address() as AddressInfo), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function startKillImporter(parts: KillImport, log: Log): BackgroundLoop {
  return startLoop({
    everyMs: IMPORT_KILLS_MS,
    onError: (error) => log("kill.import_failed", { error: briefly(error) }),
    work: async () => {
      const keys = await importKills(parts);
      if (keys.length > 0) log("kill.imported", { keys });
    },
  });
}

function startKillPruner(pool: pg.Pool, redis: PublisherRedis, log: Log): BackgroundLoop {
  return startLoop({
    everyMs: PRUNE_KILLS_MS,
    onError: (error) => log("kill.prune_failed", { error: briefly(error) }),
    work: () => pruneKills(pool, redis),
  });
}

function urlOf({ address, port, family }: AddressInfo): string {
  return `http://${family === "IPv6" ? `[${address}]` : address}:${port}`;
}
