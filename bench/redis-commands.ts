// Counts the commands that workers send to Redis, by traffic and number of workers: see bench/README.md.
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { putSnapshot } from "../test/support/published.ts";
import { startFleet, type Layout } from "./support/fleet.ts";
import { openConnections, type Send } from "./support/http.ts";
import { startOpenLoop } from "./support/open-loop.ts";
import { runBench, type Bench } from "./support/run-bench.ts";
import { startSite } from "./support/site.ts";
import { startRedis } from "./support/system.ts";
import type { Row } from "./support/table.ts";

const { values: given } = parseArgs({
  options: {
    rates: { type: "string", default: "1,100,1000" },
    workers: { type: "string", default: "1,4,8" },
    seconds: { type: "string", default: "45" },
  },
});
const toNumbers = (text: string): number[] => text.split(",").map(Number);
const SECONDS = Number(given.seconds);

/** The value in wrangler.toml, with which the workers run. */
const REFRESH_MS = 5_000;

/** A worker refreshes its snapshot at an age between this share of REFRESH_MS and the whole. */
const EARLIEST = 0.8;

/** Until the workers no longer refresh at the same time. */
const WARM_UP_MS = 2 * REFRESH_MS;

const ENVIRONMENT = "bench";

await runBench(
  `Commands to Redis a minute, REFRESH_MS ${REFRESH_MS}, over ${SECONDS} s each`,
  async (bench) => {
    const rows: Row[] = [];
    for (const layout of ["apart", "one colo"] as const) {
      for (const workers of toNumbers(given.workers)) {
        // One worker shares with no other.
        if (layout === "one colo" && workers === 1) continue;
        bench.progress(`${workers} workers, ${layout}`);
        rows.push(...(await measure(bench, layout, workers)));
        await bench.clear();
      }
    }
    bench.table(rows);
  },
);

/** Runs all rates at the same time, each with its own workers and Redis: the counts are the same, in a third of the time. */
async function measure(bench: Bench, layout: Layout, workers: number): Promise<Row[]> {
  const site = await startSite();
  bench.defer(site.stop);
  const { send, close } = openConnections();
  const fleets = [];
  for (const rate of toNumbers(given.rates)) {
    const redis = await startRedis(bench);
    await putSnapshot(redis.started, ENVIRONMENT, 1, [{ key: "ai_search", enabled: true, rollout_pct: 25 }]);
    const urls = await startFleet(bench, {
      layout,
      workers,
      redis,
      environment: ENVIRONMENT,
      siteUrl: site.url,
    });
    fleets.push({ rate, redis, urls });
  }
  bench.defer(async () => close());

  const loads = fleets.map(({ rate, urls }) => keepAsking(bench, send, rate, urls));
  await sleep(WARM_UP_MS);
  const begun = performance.now();
  const before = await Promise.all(fleets.map(({ redis }) => redis.counts()));
  const sentBefore = loads.map((load) => load.sent());
  await sleep(SECONDS * 1_000);
  const after = await Promise.all(fleets.map(({ redis }) => redis.counts()));
  const minutes = (performance.now() - begun) / 60_000;
  const sent = loads.map((load, index) => load.sent() - (sentBefore[index] ?? 0));
  for (const load of loads) load.stop();

  return fleets.map(({ rate }, index) => {
    const commands = (after[index]?.commands ?? 0) - (before[index]?.commands ?? 0);
    const most = workers * (1 + (minutes * 60_000) / (EARLIEST * REFRESH_MS));
    const what = `${workers} workers, ${layout}, ${rate} requests/s`;
    bench.check(commands <= most, `${what}: ${commands} commands, more than ${Math.floor(most)}`);
    bench.check(commands > 0, `${what}: Redis was not asked`);
    return {
      workers,
      caches: workers === 1 ? "one" : layout === "apart" ? "one each" : "one for all",
      "requests/s": rate,
      "answered/s": Math.round((sent[index] ?? 0) / minutes / 6) / 10,
      "commands a minute": Math.round(commands / minutes),
      expected: Math.round(expectedAMinute(layout, workers, rate)),
    };
  });
}

/** The load of one fleet: requests go to its workers in turn. */
function keepAsking(bench: Bench, send: Send, rate: number, urls: readonly string[]) {
  let answered = 0;
  let isOver = false;
  const load = startOpenLoop({
    perSecond: rate,
    fire: (index) => {
      send(`${urls[index % urls.length] ?? ""}/page`)
        .then(({ status }) => {
          answered += 1;
          bench.check(status === 200, `the site answered ${status} through the worker`);
        })
        .catch((error: unknown) => bench.check(isOver, `a request failed: ${String(error)}`));
    },
  });
  const stop = (): void => {
    isOver = true;
    load.stop();
  };
  bench.defer(async () => stop());
  return { sent: () => answered, stop };
}

/**
 * The formula. A worker asks Redis at the first request after a random age between EARLIEST and 1 times REFRESH_MS.
 * Workers in different colos each ask for themselves. In one colo, all use the answer of the first that asks, so the
 * smallest age counts: `EARLIEST + (1 - EARLIEST) / (workers + 1)` on average.
 */
function expectedAMinute(layout: Layout, workers: number, rate: number): number {
  const gapMs = (1_000 * workers) / rate;
  if (layout === "one colo") {
    const dueMs = REFRESH_MS * (EARLIEST + (1 - EARLIEST) / (workers + 1));
    return 60_000 / Math.max(dueMs, 1_000 / rate);
  }
  // The mean time of the next request after the random age; there is a request every gap.
  const draws = Array.from(
    { length: 1_000 },
    (_, index) => EARLIEST + ((1 - EARLIEST) * (index + 0.5)) / 1_000,
  );
  const waitsMs = draws.map((draw) => Math.ceil((draw * REFRESH_MS) / gapMs) * gapMs);
  return (workers * 60_000 * draws.length) / waitsMs.reduce((sum, ms) => sum + ms, 0);
}
