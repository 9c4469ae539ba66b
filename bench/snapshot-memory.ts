// Measures the memory and processor time of a worker with a snapshot of 1 MiB: see bench/README.md.
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { startEdgeWorker } from "../publisher/dev/edge-worker.ts";
import { compile } from "../shared/compile/compile.ts";
import { digestOf, parseSnapshot } from "../shared/snapshot/snapshot.ts";
import { putSnapshot } from "../test/support/published.ts";
import { openConnections, type Send } from "./support/http.ts";
import { SHAPES, toText, type Content } from "./support/large-snapshots.ts";
import { percentile, shownMs } from "./support/percentile.ts";
import { runBench } from "./support/run-bench.ts";
import { startSite } from "./support/site.ts";
import { startRedis, type RedisPart } from "./support/system.ts";
import type { Row } from "./support/table.ts";
import { findWorkerd } from "./support/workerd-process.ts";

const { values: given } = parseArgs({
  options: {
    bytes: { type: "string", default: "1048576" },
    changes: { type: "string", default: "20" },
    limit: { type: "string", default: "64" },
    shapes: { type: "string", default: Object.keys(SHAPES).join() },
  },
});
const BYTES = Number(given.bytes);
const CHANGES = Number(given.changes);

/**
 * The limit of V8's heap, in MiB. workerd starts with this limit and dies above it, so a worker that survives has never
 * needed more. It is half of an isolate's memory, and it counts the whole heap, not only the part that the snapshot adds.
 */
const LIMIT_MIB = Number(given.limit);
/** The memory of an isolate. */
const ISOLATE_MIB = 128;

const ENVIRONMENT = "bench";
const REFRESH_MS = 500;
/** Simultaneous visitors of a worker without a snapshot. */
const CROWD = 100;

await runBench(`A snapshot of ${BYTES} bytes in a worker, ${CHANGES} times replaced`, async (bench) => {
  const site = await startSite();
  const { send, close } = openConnections();
  const redis = await startRedis(bench);
  const rows: Row[] = [];
  let empty: Cost | undefined;
  for (const [shape, make] of Object.entries(SHAPES)) {
    if (!given.shapes.split(",").includes(shape)) continue;
    bench.progress(shape);
    const content = make(BYTES);
    const parts = { send, redis, siteUrl: site.url };
    const within = await measure(parts, content, LIMIT_MIB);
    bench.check(within !== undefined, `${shape}: the heap needs more than ${LIMIT_MIB} MiB`);
    const cost = within ?? (await measure(parts, content, ISOLATE_MIB));
    bench.check(cost !== undefined, `${shape}: the heap needs more than an isolate has`);
    empty ??= cost;
    rows.push({
      shape,
      bytes: Buffer.byteLength(toText(content)),
      "heap MiB, at most": cost && (within ? LIMIT_MIB : ISOLATE_MIB),
      "peak RSS MiB": cost && toMiB(cost.peakBytes),
      "more than empty": cost && toMiB(cost.peakBytes - (empty?.peakBytes ?? 0)),
      "CPU ms a load": cost && shownMs(cost.loadMs - (cost === empty ? 0 : (empty?.loadMs ?? 0))),
      ...(await timeSteps(content)),
    });
  }
  close();
  await site.stop();
  bench.table(rows);
});

interface Parts {
  readonly send: Send;
  readonly redis: RedisPart;
  readonly siteUrl: string;
}

/** Memory in bytes, processor time in milliseconds. */
interface Cost {
  readonly peakBytes: number;
  /** One load, with its two requests. */
  readonly loadMs: number;
}

/**
 * Starts a new workerd for each shape: memory left by one shape would hide the need of the next.
 *
 * @returns undefined when it died of too little memory
 */
async function measure(parts: Parts, content: Content, limitMiB: number): Promise<Cost | undefined> {
  const { send, redis, siteUrl } = parts;
  let revision = 0;
  /** A different snapshot each time, so that there is something to load. */
  const publish = async (): Promise<void> => {
    revision += 1;
    const turning = { key: "turning", enabled: true, rollout_pct: revision / 100 };
    await putSnapshot(
      redis.started,
      ENVIRONMENT,
      revision,
      [...content.flags, turning],
      {},
      content.segments,
    );
  };
  await publish();
  // miniflare hands this to workerd.
  process.env["MINIFLARE_WORKERD_V8_FLAGS"] = `--max-heap-size=${limitMiB}`;
  const worker = await startEdgeWorker({
    vars: {
      SLUICE_ENV: ENVIRONMENT,
      ORIGIN_URL: siteUrl,
      UPSTASH_REDIS_REST_URL: redis.started.url,
      UPSTASH_REDIS_REST_TOKEN: redis.started.readOnlyToken,
      REFRESH_MS: String(REFRESH_MS),
      // A busy machine must not look like an outage.
      REDIS_TIMEOUT_MS: "5000",
    },
  });
  const workerd = await findWorkerd();
  try {
    await workerd.resetPeak();
    await Promise.all(Array.from({ length: CROWD }, () => send(`${worker.url}/page`)));
    await untilHeld(send, worker.url, revision);

    const before = await workerd.cpuMs();
    for (let change = 0; change < CHANGES; change++) {
      await publish();
      // The snapshot is due and not too old: this request starts the refresh.
      await sleep(REFRESH_MS + 50);
      await send(`${worker.url}/page`);
      await sleep(REFRESH_MS / 2);
      await untilHeld(send, worker.url, revision);
    }
    if (!(await workerd.isAlive())) return undefined;
    return {
      peakBytes: await workerd.peakBytes(),
      loadMs: ((await workerd.cpuMs()) - before) / CHANGES,
    };
  } catch (error) {
    // Waiting requests have lost their connection.
    if (await workerd.isAlive()) throw error;
    return undefined;
  } finally {
    await worker.stop();
  }
}

async function untilHeld(send: Send, url: string, revision: number): Promise<void> {
  const deadline = performance.now() + 60_000;
  for (;;) {
    const { text } = await send(`${url}/.well-known/sluice`);
    const status = JSON.parse(text) as { revision: number | null; fault?: string };
    if (status.revision === revision) return;
    if (performance.now() > deadline) throw new Error(`the worker is at ${text}, not at ${revision}`);
    await sleep(100);
  }
}

/** Measures the steps of a load in Node, whose V8 resembles workerd's: medians, in milliseconds. */
async function timeSteps(content: Content): Promise<Row> {
  const text = toText(content);
  const tookMs = { digest: [] as number[], parse: [] as number[], compile: [] as number[] };
  for (let turn = 0; turn < 5; turn++) {
    const begun = performance.now();
    await digestOf(text);
    const digested = performance.now();
    const parsed = parseSnapshot(text);
    if ("problem" in parsed) throw new Error(parsed.problem);
    const read = performance.now();
    compile(parsed.value);
    tookMs.digest.push(digested - begun);
    tookMs.parse.push(read - digested);
    tookMs.compile.push(performance.now() - read);
  }
  const median = (values: readonly number[]): number => shownMs(percentile(values, 0.5));
  return {
    digest: median(tookMs.digest),
    parse: median(tookMs.parse),
    compile: median(tookMs.compile),
  };
}

function toMiB(bytes: number): number {
  return Math.round((bytes / 2 ** 20) * 10) / 10;
}
