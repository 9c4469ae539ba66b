import { setTimeout as sleep } from "node:timers/promises";
import { startRedisRest } from "../../publisher/dev/redis-rest/start.ts";
import { putSnapshot } from "../support/published.ts";
import { startColo } from "../support/worker.ts";
import { SECRET } from "./browsers.ts";
import { flagsIn, type Turn } from "./flags.ts";

/** Workers with their Redis, one for each origin. */
export interface Edge {
  readonly urls: readonly string[];
  readonly log: string;
  /** Publishes the flag of a turn, and returns when every worker has it. */
  publish(turn: Turn): Promise<void>;
  stop(): Promise<void>;
}

/** @param replaced the source of worker files to replace, by path */
export async function startEdge(
  origins: readonly string[],
  replaced: Readonly<Record<string, string>> = {},
): Promise<Edge> {
  const redis = await startRedisRest();
  const workers = await startColo({
    isolates: origins.map((origin) => ({
      ORIGIN_URL: origin,
      UPSTASH_REDIS_REST_URL: redis.url,
      UPSTASH_REDIS_REST_TOKEN: redis.readOnlyToken,
      CONTEXT_SECRET: SECRET,
      STATIC_PATHS: "/assets/*",
      REFRESH_MS: "200",
      // On a busy machine Redis may be slow; that is not what these tests are about.
      REDIS_TIMEOUT_MS: "10000",
    })),
    replaced,
  });

  let revision = 0;
  async function publish(turn: Turn): Promise<void> {
    revision += 1;
    await putSnapshot(redis, "production", revision, flagsIn(turn));
    for (const url of workers.urls) {
      while ((await revisionOf(url)) !== revision) await sleep(50);
    }
  }

  await publish(0);
  return {
    urls: workers.urls,
    get log() {
      return workers.log;
    },
    publish,
    async stop() {
      await workers.stop();
      await redis.stop();
    },
  };
}

async function revisionOf(url: string): Promise<unknown> {
  const status: unknown = await (await fetch(`${url}/.well-known/sluice`)).json();
  return typeof status === "object" && status !== null && "revision" in status ? status.revision : undefined;
}
