// Measures how long after the start of `sluice kill` a request still saw the feature: see bench/README.md.
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { startEdgeWorkers } from "../publisher/dev/edge-worker.ts";
import { runSluice } from "../test/support/cli.ts";
import { openConnections, type Send } from "./support/http.ts";
import { startOpenLoop, type Load } from "./support/open-loop.ts";
import { percentile, shownMs } from "./support/percentile.ts";
import { runBench, type Bench } from "./support/run-bench.ts";
import { collectSightings, type Sightings } from "./support/sightings.ts";
import { sleepUntil } from "./support/sleep-until.ts";
import { parseHeard, startSite } from "./support/site.ts";
import { startSystem, type System } from "./support/system.ts";
import type { Row } from "./support/table.ts";

const KINDS = ["warm", "idle", "cold"] as const;
type Kind = (typeof KINDS)[number];

const { values: given } = parseArgs({
  options: {
    refresh: { type: "string", default: "1000,5000" },
    kind: { type: "string", default: KINDS.join(",") },
    kills: { type: "string", default: "100" },
  },
});
const KILLS = Number(given.kills);
const kinds = KINDS.filter((kind) => given.kind.split(",").includes(kind));

/** Isolates that get requests all the time. */
const WARM_ISOLATES = 4;

/** Requests a second to one isolate. The time between two of them is the precision of a figure. */
const PER_SECOND: Readonly<Record<Kind, number>> = { warm: 20, idle: 10, cold: 10 };

/** Milliseconds from the start of one command to the start of the next; a slow machine finishes one command first. */
const PACE_MS = 700;

/** Idle and cold isolates get their first request at most so many milliseconds after the command's start. */
const FIRST_WITHIN_MS = 2_000;

/** After its command has returned, an isolate is watched for one refresh time and so much longer. */
const WATCH_MORE_MS = 500;

/** A worker never uses an answer older than so many refresh times without asking Redis: the bound of a kill's latency. */
const BOUND = 3;

await runBench(
  `${KILLS} kills under load: ms from the start of \`sluice kill\` to the last request that saw the feature`,
  async (bench) => {
    const rows: Row[] = [];
    for (const refreshMs of given.refresh.split(",").map(Number)) {
      rows.push(...(await measure(bench, refreshMs)));
      await bench.clear();
    }
    bench.table(rows);
  },
);

/** An isolate that runs from the start and serves one kill at a time. */
interface Isolate {
  readonly url: string;
  /** When its last request was sent. */
  askedAt: number;
}

/** One kill, and how each kind of isolate saw the feature after its command began. */
interface Kill {
  readonly key: string;
  readonly begunAt: number;
  returnedAt?: number;
  /** One per watched isolate. */
  readonly seen: { readonly kind: Kind; readonly sightings: Sightings; readonly url: string }[];
}

async function measure(bench: Bench, refreshMs: number): Promise<Row[]> {
  bench.progress(`REFRESH_MS ${refreshMs}: starting`);
  const system = await startSystem(bench);
  const keys = Array.from({ length: KILLS }, (_, index) => `feature_${String(index).padStart(3, "0")}`);
  await system.pool.query(
    "INSERT INTO feature_flags (key, enabled, rollout_pct) SELECT unnest($1::text[]), true, 100",
    [keys],
  );
  await system.settled();
  const { isolates, send } = await startIsolates(bench, system, refreshMs);
  const edge = { bench, send, refreshMs, kills: [] as Kill[], requests: 0, isOver: false };
  await openEyes(edge, [...isolates.warm, ...isolates.idle], keys);

  const loads = isolates.warm.map((isolate) => keepAsking(edge, isolate, "warm"));
  const idleMs = BOUND * refreshMs + WATCH_MORE_MS;
  if (kinds.includes("idle")) await sleep(idleMs);

  const begun = performance.now();
  const watched: Promise<unknown>[] = [];
  for (const [index, key] of keys.entries()) {
    await sleepUntil(begun + index * PACE_MS);
    const idle = kinds.includes("idle") ? await longestIdle(isolates.idle, idleMs) : undefined;
    const cold = kinds.includes("cold") ? isolates.cold[index] : undefined;
    const kill: Kill = {
      key,
      begunAt: performance.now(),
      seen: (kinds.includes("warm") ? isolates.warm : []).map((isolate) => watch("warm", isolate)),
    };
    edge.kills.push(kill);
    // Multiples of the golden ratio spread evenly over the time, in no order.
    const firstInMs = ((index * 0.618_034) % 1) * FIRST_WITHIN_MS;
    if (idle !== undefined) watched.push(visitFor(edge, kill, "idle", idle, firstInMs));
    if (cold !== undefined) watched.push(visitFor(edge, kill, "cold", cold, firstInMs));
    const { code, stderr } = await runSluice(["kill", key], {
      env: { SLUICE_URL: system.publisher.started.url, SLUICE_TOKEN: system.adminToken },
    });
    kill.returnedAt = performance.now();
    bench.check(code === 0, `sluice kill ${key} ended with ${code}: ${stderr}`);
    watched.push(untilOff(kill, refreshMs));
    if (index % 20 === 19) bench.progress(`REFRESH_MS ${refreshMs}: ${index + 1} kills`);
  }
  await Promise.all(watched);
  const seconds = (performance.now() - begun) / 1_000;
  for (const load of loads) load.stop();
  edge.isOver = true;
  return kinds.map((kind) => summarize(bench, kind, refreshMs, edge.kills, edge.requests / seconds));
}

async function startIsolates(bench: Bench, system: System, refreshMs: number) {
  const site = await startSite();
  bench.defer(site.stop);
  const { send, close } = openConnections();
  const { url, readOnlyToken } = system.redis.started;
  const vars = {
    SLUICE_ENV: system.environment,
    ORIGIN_URL: site.url,
    UPSTASH_REDIS_REST_URL: url,
    UPSTASH_REDIS_REST_TOKEN: readOnlyToken,
    REFRESH_MS: String(refreshMs),
  };
  // Enough for all isolates that are becoming idle again, and a few more.
  const idleAgainMs = FIRST_WITHIN_MS + refreshMs + WATCH_MORE_MS + BOUND * refreshMs + WATCH_MORE_MS;
  const idle = kinds.includes("idle") ? Math.min(KILLS, Math.ceil(idleAgainMs / PACE_MS) + 3) : 0;
  const cold = kinds.includes("cold") ? KILLS : 0;
  const workers = await startEdgeWorkers({
    isolates: Array.from({ length: WARM_ISOLATES + idle + cold }, () => vars),
  });
  bench.defer(workers.stop);
  bench.defer(async () => close());
  const all = workers.urls.map((url): Isolate => ({ url, askedAt: 0 }));
  return {
    send,
    isolates: {
      warm: all.slice(0, WARM_ISOLATES),
      idle: all.slice(WARM_ISOLATES, WARM_ISOLATES + idle),
      cold: all.slice(WARM_ISOLATES + idle),
    },
  };
}

/** The state that all requests of a run share. */
interface Edge {
  readonly bench: Bench;
  readonly send: Send;
  readonly refreshMs: number;
  readonly kills: Kill[];
  requests: number;
  /** Requests that are still open at the end are cut off. */
  isOver: boolean;
}

function watch(kind: Kind, { url }: Isolate) {
  return { kind, url, sightings: collectSightings() };
}

/** Sends one request and reports to this isolate's watchers how it saw each flag that is being killed. */
async function ask(edge: Edge, isolate: Isolate): Promise<ReadonlySet<string>> {
  const sentAt = performance.now();
  isolate.askedAt = sentAt;
  edge.requests += 1;
  const { status, text } = await edge.send(`${isolate.url}/page`);
  const answeredAt = performance.now();
  edge.bench.check(status === 200, `the site answered ${status} through the worker`);
  if (status !== 200) return new Set();
  const { at: heardAt, flags, isKnown } = parseHeard(text);
  // Without a snapshot in memory everything is off, which says nothing about the kill.
  if (!isKnown) return flags;
  for (const { key, begunAt, seen } of edge.kills) {
    if (heardAt < begunAt) continue;
    const found = seen.find(({ url }) => url === isolate.url);
    found?.sightings.add({ sentAt, heardAt, answeredAt, isOn: flags.has(key) });
  }
  return flags;
}

/** Sends the first requests and checks that every feature is on before its kill. */
async function openEyes(edge: Edge, isolates: readonly Isolate[], keys: readonly string[]): Promise<void> {
  for (const isolate of isolates) {
    const flags = await ask(edge, isolate);
    const missing = keys.filter((key) => !flags.has(key));
    edge.bench.check(missing.length === 0, `${missing.length} flags are not on before their kill`);
  }
}

function keepAsking(edge: Edge, isolate: Isolate, kind: Kind): Load {
  const fire = (): void =>
    void ask(edge, isolate).catch((error: unknown) =>
      edge.bench.check(edge.isOver, `a request failed: ${String(error)}`),
    );
  const load = startOpenLoop({ perSecond: PER_SECOND[kind], fire });
  edge.bench.defer(async () => load.stop());
  return load;
}

/** Takes the isolate whose last request is oldest, once it has been idle for long enough. */
async function longestIdle(pool: Isolate[], idleMs: number): Promise<Isolate | undefined> {
  // It leaves the pool, and returns to its end, so that no other kill takes it meanwhile.
  const isolate = pool.shift();
  if (isolate === undefined) return undefined;
  pool.push(isolate);
  await sleepUntil(isolate.askedAt + idleMs);
  return isolate;
}

/** Sends visitors to an idle isolate until one refresh time after the command has returned. */
async function visitFor(
  edge: Edge,
  kill: Kill,
  kind: Kind,
  isolate: Isolate,
  firstInMs: number,
): Promise<void> {
  kill.seen.push(watch(kind, isolate));
  await sleepUntil(kill.begunAt + firstInMs);
  const load = keepAsking(edge, isolate, kind);
  await untilOff(kill, edge.refreshMs);
  load.stop();
}

/** Waits a little more than one refresh time, then for as long as the feature may still be seen. */
async function untilOff(kill: Kill, refreshMs: number): Promise<void> {
  while (kill.returnedAt === undefined) await sleep(100);
  await sleepUntil(kill.returnedAt + refreshMs + WATCH_MORE_MS);
  const limit = kill.returnedAt + BOUND * refreshMs + WATCH_MORE_MS;
  while (kill.seen.some(({ sightings }) => !sightings.isOff) && performance.now() < limit) await sleep(100);
}

function summarize(
  bench: Bench,
  kind: Kind,
  refreshMs: number,
  kills: readonly Kill[],
  perSecond: number,
): Row {
  const lastMs = kills.map(({ key, begunAt, returnedAt = Infinity, seen }) => {
    const own = seen.filter((one) => one.kind === kind).map(({ sightings }) => sightings);
    const last = Math.max(begunAt, ...own.map(({ lastSeenAt }) => lastSeenAt ?? begunAt));
    const where = `${key}, ${kind}, REFRESH_MS ${refreshMs}`;
    bench.check(own.length > 0 && own.every(({ isOff }) => isOff), `${where}: never seen off`);
    bench.check(
      own.every(({ revivals }) => revivals === 0),
      `${where}: on again after it had been off`,
    );
    bench.check(last <= returnedAt + BOUND * refreshMs, `${where}: seen on for too long`);
    return last - begunAt;
  });
  const commandMs = kills.map(({ begunAt, returnedAt = begunAt }) => returnedAt - begunAt);
  return {
    REFRESH_MS: refreshMs,
    isolates: kind,
    kills: kills.length,
    "seen after the start": lastMs.filter((ms) => ms > 0).length,
    p50: shownMs(percentile(lastMs, 0.5)),
    p95: shownMs(percentile(lastMs, 0.95)),
    max: shownMs(Math.max(...lastMs)),
    "command p50": shownMs(percentile(commandMs, 0.5)),
    "command p95": shownMs(percentile(commandMs, 0.95)),
    "requests/s": Math.round(perSecond),
  };
}
