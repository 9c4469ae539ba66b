import { startEdgeWorkers } from "../../publisher/dev/edge-worker.ts";
import type { RedisPart } from "./system.ts";
import type { Bench } from "./run-bench.ts";

/** How isolates are arranged: each in its own workerd with its own cache, or all in one workerd, like those of a colo. */
export type Layout = "apart" | "one colo";

/** Starts this many workers and returns their addresses. */
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
  // One after the other: started together, they would slow each other down.
  for (const size of groups) {
    const group = await startEdgeWorkers({ isolates: Array.from({ length: size }, () => vars) });
    bench.defer(group.stop);
    urls.push(...group.urls);
  }
  return urls;
}
