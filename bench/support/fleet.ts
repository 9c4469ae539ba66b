import { startEdgeWorkers } from "../../publisher/dev/edge-worker.ts";
import type { RedisPart } from "./system.ts";
import type { Bench } from "./run-bench.ts";

/** How isolates lie: each in a workerd of its own, with a cache of its own, or all in one, as those of a colo. */
export type Layout = "apart" | "one colo";

/** Starts so many workers and gives their addresses. */
export async function startFleet(
  bench: Bench,
  options: {
    readonly layout: Layout;
    readonly workers: number;
    readonly redis: RedisPart;
    readonly environment: string;
    readonly siteUrl: string;
  },
): Promise<readonly string[]> {
  const { layout, workers, redis, environment, siteUrl } = options;
  const vars = {
    SLUICE_ENV: environment,
    ORIGIN_URL: siteUrl,
    UPSTASH_REDIS_REST_URL: redis.started.url,
    UPSTASH_REDIS_REST_TOKEN: redis.started.readOnlyToken,
  };
  const groups = layout === "apart" ? Array.from({ length: workers }, () => 1) : [workers];
  const urls: string[] = [];
  // One after the other: all at once, they would stand in each other's way.
  for (const size of groups) {
    const group = await startEdgeWorkers({ isolates: Array.from({ length: size }, () => vars) });
    bench.defer(group.stop);
    urls.push(...group.urls);
  }
  return urls;
}
