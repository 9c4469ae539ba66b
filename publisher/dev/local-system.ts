import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import { startSite } from "../../examples/ssr-site/site.ts";
import type { LocalParts } from "../config.ts";
import { migrate } from "../postgres/migrate.ts";
import { createPool } from "../postgres/postgres.ts";
import type { Log } from "../process/log.ts";
import { servePublisher } from "../serve.ts";
import { startEdgeWorker } from "./edge-worker.ts";
import { addExampleFlags } from "./example-flags.ts";
import { startEmbeddedPostgres } from "./postgres/embedded-postgres.ts";
import { startRedisRest } from "./redis-rest/start.ts";

/** All parts of Sluice on this machine. */
export interface LocalSystem {
  /** The admin API. */
  readonly apiUrl: string;
  readonly adminToken: string;
  /** The worker, which visitors open. */
  readonly edgeUrl: string;
  /** The site behind the worker. */
  readonly originUrl: string;
  /** Upstash's REST protocol, in front of Redis. */
  readonly redis: { readonly url: string; readonly token: string; readonly readOnlyToken: string };
  readonly databaseUrl: string;
  readonly environment: string;
  /** The proof that a proxy sends with a visitor's context. */
  readonly contextSecret: string;
  /** The worker signs x-flags with these keys: `SIGNING_KEYS` of worker and site. */
  readonly signingKeys: string;
  /** Stops every part, the last started first. `remove` also deletes the embedded database. */
  readonly stop: (options?: { readonly remove?: boolean }) => Promise<void>;
}

export interface LocalSystemOptions {
  /** The data folder of the embedded Postgres. */
  readonly dataDir: string;
  readonly parts: LocalParts;
  readonly environment: string;
  readonly log: Log;
  /** Adds the example flags, to an embedded database only. */
  readonly examples?: boolean;
  /** Uses the well-known ports if they are free. */
  readonly handyPorts?: boolean;
  /** Bindings that override wrangler.toml. */
  readonly workerVars?: Readonly<Record<string, string>>;
  /** Receives path and query of every request to the embedded site. */
  readonly onSiteRequest?: (target: string) => void;
  /** Turns off fsync, for data that is deleted anyway. */
  readonly throwaway?: boolean;
}

const PORTS = { edge: 8787, api: 8788, origin: 8789, redis: 8790 } as const;

/** Starts Postgres, Redis with its REST server, the publisher, a site and the worker. `parts` can replace the embedded ones. */
export async function startLocalSystem(options: LocalSystemOptions): Promise<LocalSystem> {
  const { parts, log, environment } = options;
  const stops: ((options: { remove: boolean }) => Promise<void>)[] = [];
  const stop = async ({ remove = false } = {}): Promise<void> => {
    for (const stopPart of stops.splice(0).reverse()) await stopPart({ remove });
  };
  const port = async (name: keyof typeof PORTS) => (options.handyPorts ? await preferPort(PORTS[name]) : 0);

  try {
    const databaseUrl = parts.databaseUrl ?? (await startPostgres());
    const redis = await startRedisRest({
      port: await port("redis"),
      ...(parts.redisUrl !== undefined && { redisUrl: parts.redisUrl }),
    });
    stops.push(() => redis.stop());

    await migrate(databaseUrl);
    if (options.examples && parts.databaseUrl === undefined) await fillDatabase(databaseUrl);

    // The publisher signs overrides with this key, and the worker verifies them.
    const overrideKey = { id: "dev", secret: new Uint8Array(randomBytes(32)) };
    const adminToken = randomBytes(24).toString("base64url");
    const publisher = await servePublisher(
      {
        databaseUrl,
        redisUrl: redis.url,
        redisToken: redis.token,
        environment,
        adminToken,
        host: "127.0.0.1",
        port: await port("api"),
        maxSnapshotBytes: 1_048_576,
        overrideKeys: [overrideKey],
      },
      log,
    );
    stops.push(() => publisher.stop());

    const signingKeys = `local:${randomBytes(32).toString("base64")}`;
    const originUrl = parts.originUrl ?? (await startOwnSite(signingKeys));
    const contextSecret = randomBytes(24).toString("base64url");
    const edge = await startEdgeWorker({
      port: await port("edge"),
      log: (line) => log("worker", { line }),
      vars: {
        SLUICE_ENV: environment,
        ORIGIN_URL: originUrl,
        UPSTASH_REDIS_REST_URL: redis.url,
        UPSTASH_REDIS_REST_TOKEN: redis.readOnlyToken,
        CONTEXT_SECRET: contextSecret,
        OVERRIDE_KEYS: `${overrideKey.id}:${Buffer.from(overrideKey.secret).toString("base64")}`,
        SIGNING_KEYS: signingKeys,
        ...options.workerVars,
      },
    });
    stops.push(edge.stop);
    return {
      apiUrl: publisher.url,
      adminToken,
      edgeUrl: edge.url,
      originUrl,
      redis,
      databaseUrl,
      environment,
      contextSecret,
      signingKeys,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }

  async function startPostgres(): Promise<string> {
    const postgres = await startEmbeddedPostgres({
      dataDir: options.dataDir,
      log: (line) => log("postgres", { line }),
      ...(options.throwaway && { settings: { fsync: "off" } }),
    });
    stops.push((how) => postgres.stop(how));
    return postgres.url;
  }

  async function startOwnSite(signingKeys: string): Promise<string> {
    const site = await startSite({
      port: await port("origin"),
      signingKeys,
      onRequest: options.onSiteRequest,
    });
    stops.push(site.stop);
    return site.url;
  }

  async function fillDatabase(databaseUrl: string): Promise<void> {
    const pool = createPool(databaseUrl, log);
    try {
      await addExampleFlags(pool);
    } finally {
      await pool.end();
    }
  }
}

/** The port if it is free on loopback, else 0 for any free port. */
export async function preferPort(port: number): Promise<number> {
  const server = createServer();
  try {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    return port;
  } catch {
    return 0;
  } finally {
    server.close();
  }
}
