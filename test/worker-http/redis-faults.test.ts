import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startRedisRest, type RedisRest } from "../../publisher/dev/redis-rest/start.ts";
import type { FaultWord } from "../../worker/isolate/fault.ts";
import { startFaultyRedis, type FaultyRedis, type RedisFault } from "../support/faulty-redis.ts";
import { startOrigin, type Origin } from "../support/origin.ts";
import { putSnapshot } from "../support/published.ts";
import { patient } from "../support/patience.ts";
import { isFull } from "../support/thoroughness.ts";
import { advance, startColo, type RunningColo } from "../support/worker.ts";

/**
 * Every way in which Redis can fail, before every kind of isolate, all at the same time: an isolate that is visited
 * all the while, one that was idle for a minute, one that is cold in a colo whose cache holds an older copy, and one
 * that is cold and alone. What a fault must look like stands beside it: the word of an isolate that has something to
 * compare with, and of one that has nothing (undefined: there is nothing to see, or not always).
 */
const FAULTS: readonly [fault: RedisFault, known: FaultWord | undefined, alone: FaultWord | undefined][] = [
  ["refused", "redis-unreachable", "redis-unreachable"],
  ["hang", "redis-timeout", "redis-timeout"],
  ["HTTP 500", "redis-refused", "redis-refused"],
  ["wrong token", "redis-refused", "redis-refused"],
  ["slow", undefined, undefined],
  ["flapping", undefined, undefined],
  ["not JSON", "redis-garbage", "redis-garbage"],
  ["truncated", "redis-garbage", "redis-garbage"],
  ["cut off", "redis-unreachable", "redis-unreachable"],
  ["an older revision", "older-revision", undefined],
  ["other content", "other-digest", undefined],
  ["another database", "foreign-database", undefined],
  ["a newer schema", "head-unreadable", "head-unreadable"],
  ["oversize", "snapshot-too-large", "snapshot-too-large"],
  ["another snapshot", "digest-mismatch", "digest-mismatch"],
  ["an unreadable off", "off-unreadable", "off-unreadable"],
  ["flushed", "head-missing", "head-missing"],
];

/** They tell of another history, and one who knows none has nothing to hold against them. */
const PLAUSIBLE: readonly RedisFault[] = ["an older revision", "other content", "another database"];

const DIVERGED: readonly (FaultWord | undefined)[] = ["older-revision", "other-digest", "foreign-database"];

const KINDS = ["busy", "idle", "cold", "alone"] as const;
type Kind = (typeof KINDS)[number];

const on = (key: string) => ({ key, enabled: true, rollout_pct: 100 });
const gates = [{ pattern: "/dark/*", otherwise: { status: 404 } }];
const flags = [on("lit"), on("killed"), { ...on("dark"), enabled: false, gates }];

/** One isolate of the worker behind one fault. */
interface Isolate {
  readonly fault: RedisFault;
  readonly kind: Kind;
  readonly url: string;
}

interface Status {
  readonly revision: number | null;
  readonly fault?: FaultWord;
  readonly diverged?: true;
  readonly gates: string;
}

let origin: Origin;
let redis: RedisRest;
let proxies: ReadonlyMap<RedisFault, FaultyRedis>;
let colo: RunningColo;
let isolates: readonly Isolate[];

beforeAll(async () => {
  origin = await startOrigin();
  redis = await startRedisRest();
  proxies = new Map(
    await Promise.all(FAULTS.map(async ([fault]) => [fault, await startFaultyRedis(redis.url)] as const)),
  );
  const planned = FAULTS.flatMap(([fault]) => KINDS.map((kind) => ({ fault, kind })));
  colo = await startColo({
    movableClock: true,
    deployedGates: [{ flag: "dark", gates }],
    isolates: planned.map(({ fault, kind }) => ({
      ORIGIN_URL: origin.url,
      SLUICE_ENV: environmentOf(fault),
      UPSTASH_REDIS_REST_TOKEN: redis.readOnlyToken,
      // The same end by another name has a place of its own in the colo's cache.
      UPSTASH_REDIS_REST_URL: `${proxies.get(fault)?.url}${kind === "alone" ? "/" : ""}`,
    })),
  });
  isolates = planned.map((isolate, index) => ({ ...isolate, url: colo.urls[index] ?? "" }));
  await Promise.all(FAULTS.map(([fault]) => publish(fault, 5)));
});
afterAll(async () => {
  await colo.stop();
  for (const proxy of proxies.values()) await proxy.stop();
  await redis.stop();
  await origin.stop();
});

const environmentOf = (fault: RedisFault) => fault.toLowerCase().replaceAll(" ", "-");

const publish = (fault: RedisFault, revision: number) =>
  putSnapshot(redis, environmentOf(fault), revision, flags, { killed: null });

const named = (wanted: RedisFault, kind: Kind): Isolate => {
  const found = isolates.find((isolate) => isolate.fault === wanted && isolate.kind === kind);
  if (found === undefined) throw new Error(`there is no ${kind} isolate behind ${wanted}`);
  return found;
};

let visits = 0;

/** What the origin is told of one visit, which must end well, and must not get where the gate is. */
async function visit({ url, fault, kind }: Isolate): Promise<string> {
  const path = `/visit/${++visits}`;
  const [page, dark] = await Promise.all([fetch(`${url}${path}`), fetch(`${url}/dark/${visits}`)]);
  expect([fault, kind, page.status, await page.text()]).toEqual([fault, kind, 200, "hello"]);
  const flagsHeader = String(origin.seen.find((seen) => seen.url === path)?.headers["x-flags"] ?? "");
  if (kind === "alone" && PLAUSIBLE.includes(fault)) return flagsHeader;
  expect([fault, kind, dark.status]).toEqual([fault, kind, 404]);
  // Whatever happens: nothing that is off turns on.
  expect([fault, kind, ["", "lit"].includes(flagsHeader) ? "" : flagsHeader]).toEqual([fault, kind, ""]);
  return flagsHeader;
}

const statusOf = async ({ url }: Isolate): Promise<Status> =>
  (await (await fetch(`${url}/.well-known/sluice`)).json()) as Status;

/** Visits until a state is reached; the bound is for a machine that has other things to do. */
async function expectVisit(
  isolate: Isolate,
  reached: (flags: string, status: Status) => boolean,
): Promise<void> {
  const deadline = Date.now() + patient(90_000);
  for (;;) {
    const told = await visit(isolate);
    const status = await statusOf(isolate);
    if (reached(told, status)) return;
    if (Date.now() > deadline) {
      throw new Error(`${isolate.fault}, ${isolate.kind}: still ${told} with ${JSON.stringify(status)}`);
    }
    await sleep(250);
  }
}

const each = (work: (fault: RedisFault, known?: FaultWord, alone?: FaultWord) => Promise<void>) =>
  Promise.all(FAULTS.map(([fault, known, alone]) => work(fault, known, alone)));

const seesFault = (word: FaultWord | undefined) => (_flags: string, status: Status) =>
  word === undefined || (status.fault === word && (status.diverged === true) === DIVERGED.includes(word));

describe("Redis fails in every way at once", () => {
  it("before: flags are on", async () => {
    await each(async (fault) => {
      for (const kind of ["busy", "idle"] as const) {
        await expectVisit(named(fault, kind), (told, { revision }) => told === "lit" && revision === 5);
      }
    });
  });

  it("meanwhile: the site answers, flags keep their state, and the fault is visible", async () => {
    const began = Date.now();
    for (const [fault, proxy] of proxies) proxy.fault = fault;

    // The colo's copies are no news by then.
    await sleep(5_000);
    await each(async (fault, known, alone) => {
      await Promise.all([
        expectVisit(named(fault, "cold"), seesFault(known)),
        expectVisit(named(fault, "alone"), seesFault(alone)),
        expectVisit(named(fault, "busy"), seesFault(known)),
      ]);
    });
    // The rest of the minute that the idle ones sleep; in `npm test` their clocks move on, and the others are visited for less long.
    const end = began + (isFull ? 60_000 : 10_000);
    while (Date.now() < end) {
      await each(async (fault) => {
        expect([fault, await visit(named(fault, "busy"))]).toEqual([fault, "lit"]);
        await visit(named(fault, "cold"));
        await visit(named(fault, "alone"));
      });
      await sleep(1_000);
    }
    if (!isFull) await each((fault) => advance(named(fault, "idle").url, 50_000));
    await each(async (fault, known) => {
      expect([fault, await visit(named(fault, "idle"))]).toEqual([fault, "lit"]);
      await expectVisit(named(fault, "idle"), seesFault(known));
    });
  });

  it("in a log line, too", () => {
    const words = new Set(FAULTS.flatMap(([, known, alone]) => [known, alone]));
    for (const word of words) {
      if (word !== undefined) expect(colo.log).toContain(`"fault":"${word}"`);
    }
    expect(colo.log).not.toContain(redis.readOnlyToken);
    expect(colo.log).not.toContain('"internal"');
  });

  it("a cold isolate without a snapshot keeps the gates of the deploy closed", async () => {
    const isolate = named("refused", "alone");
    expect(await statusOf(isolate)).toMatchObject({ revision: null, gates: "deploy" });
    expect((await fetch(`${isolate.url}/dark/page`)).status).toBe(404);
    expect((await fetch(`${isolate.url}/light/page`)).status).toBe(200);
  });

  it("afterwards: each isolate has recovered with its next refresh", async () => {
    await each(async (fault) => {
      const proxy = proxies.get(fault);
      // The next revision of a history that somebody else told of must be newer than that.
      await publish(fault, 7);
      const before = proxy?.commands ?? 0;
      if (proxy !== undefined) proxy.fault = undefined;
      const healthy = ({ revision, fault }: Status) => revision === 7 && fault === undefined;
      const waiting = KINDS.filter((kind) => !(kind === "alone" && fault === "another database"));
      await Promise.all(
        waiting.map((kind) =>
          expectVisit(named(fault, kind), (told, status) => told === "lit" && healthy(status)),
        ),
      );
      // Not by trying more often than every isolate has to: each asks for the head, and for the snapshot if need be.
      expect([fault, (proxy?.commands ?? 0) - before <= 2 * KINDS.length]).toEqual([fault, true]);
    });
  });

  it("an isolate that took over another database keeps it, and reports it", async () => {
    const isolate = named("another database", "alone");
    await expectVisit(isolate, seesFault("foreign-database"));
  });
});
