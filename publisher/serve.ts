import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { createAdminApi } from "./admin-api.ts";
import { startLoop } from "./background-loop.ts";
import type { PublisherConfig } from "./config.ts";
import { createFlagService } from "./flag-service.ts";
import { importKills, pruneKills } from "./import-kills.ts";
import { listenForChanges } from "./listen.ts";
import type { Log } from "./log.ts";
import { createPool } from "./postgres.ts";
import { briefly } from "./problem.ts";
import { startPublisher } from "./publisher.ts";
import { createPublisherRedis } from "./redis.ts";

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
  const publisher = startPublisher({ pool, redis, log });
  const listener = listenForChanges({
    databaseUrl: config.databaseUrl,
    onChange: publisher.request,
    log,
  });
  const killImporter = startLoop({
    everyMs: IMPORT_KILLS_MS,
    onError: (error) => log("kill.import_failed", { error: briefly(error) }),
    work: async () => {
      const keys = await importKills(pool, redis);
      if (keys.length > 0) log("kill.imported", { keys });
    },
  });
  const killPruner = startLoop({
    everyMs: PRUNE_KILLS_MS,
    onError: (error) => log("kill.prune_failed", { error: briefly(error) }),
    work: () => pruneKills(pool, redis),
  });

  const service = createFlagService({ ...config, pool, redis, publisher, log });
  const api = createAdminApi({
    service,
    publisherStatus: publisher.status,
    adminToken: config.adminToken,
    log,
  });
  const server = createAdaptorServer({ fetch: api.fetch });

  async function stop(): Promise<void> {
    const closed = server.listening ? once(server, "close") : Promise.resolve();
    server.close();
    if ("closeIdleConnections" in server) server.closeIdleConnections();
    await closed;
    await listener.stop();
    await Promise.all([publisher.stop(), killImporter.stop(), killPruner.stop()]);
    await pool.end();
  }

  try {
    server.listen(config.port, config.host);
    await once(server, "listening");
  } catch (error) {
    await stop();
    throw error;
  }
  const { address, port, family } = server.address() as AddressInfo;
  const host = family === "IPv6" ? `[${address}]` : address;
  return { url: `http://${host}:${port}`, stop };
}
