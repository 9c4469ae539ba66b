import { beforeEach, describe, expect, it } from "vitest";
import type { Head } from "../../shared/snapshot/snapshot.ts";
import type { Copy } from "../../worker/snapshot/colo.ts";
import type { WorkerFault } from "../../worker/isolate/fault.ts";
import { createSnapshotReader, type Reading } from "../../worker/snapshot/snapshot-reader.ts";
import { MemoryColo, MemoryStore, publish, type Published } from "./stored.ts";

const refreshMs = 5_000;
const on = (key: string) => ({ key, enabled: true, rollout_pct: 100 });
const copilot = [on("copilot")];

/** The isolates of one colo, with one clock, one cache and one Redis. */
function startColo() {
  const store = new MemoryStore();
  const cache = new MemoryColo();
  const clock = { now: 1_000_000 };
  const faults: WorkerFault[] = [];
  return {
    store,
    cache,
    clock,
    faults,
    put: async (published: Published) => void (store.stored = await publish(published)),
    isolate(random = 0) {
      const background: Promise<unknown>[] = [];
      const read = createSnapshotReader({
        store,
        colo: cache,
        refreshMs,
        redisTimeoutMs: 5_000,
        leaseMs: 6_000,
        report: (fault) => void faults.push(fault),
        now: () => clock.now,
        random: () => random,
      });
      /** Reads, and lets what was to be done behind the answer happen. */
      return async (): Promise<Reading> => {
        const reading = await read((work) => void background.push(work));
        // What is done behind an answer may bring more of it.
        for (const work of background) await work;
        return reading;
      };
    },
  };
}

const seen = ({ cached, ageMs, source, fault }: Reading) => ({
  revision: cached?.head.revision,
  ageMs,
  source,
  fault,
  killed: [...(cached?.killed ?? [])],
});

let colo: ReturnType<typeof startColo>;
beforeEach(() => {
  colo = startColo();
});

describe("the isolates of a colo share Redis' answers", () => {
  it("a cold isolate uses a young copy, with its age", async () => {
    await colo.put({ flags: copilot });
    await colo.isolate()();
    colo.clock.now += 1_234;
    expect(seen(await colo.isolate()())).toMatchObject({ revision: 1, ageMs: 1_234, source: "colo" });
    expect(colo.store.log).toEqual(["head snapshot off"]);
  });

  it("a copy older than a refresh time is confirmed first, without reading the snapshot", async () => {
    await colo.put({ flags: copilot });
    await colo.isolate()();
    colo.clock.now += 5_000;
    await colo.put({ flags: copilot, head: { revision: 2 }, off: { copilot: null } });
    expect(seen(await colo.isolate()())).toMatchObject({
      revision: 2,
      ageMs: 0,
      source: "redis",
      killed: ["copilot"],
    });
    expect(colo.store.log).toEqual(["head snapshot off", "head off"]);
  });

  it("a large snapshot is read from Redis once for any number of isolates", async () => {
    await colo.put({ flags: copilot });
    const isolates = Array.from({ length: 8 }, (_, at) => colo.isolate(at / 8));
    for (const read of isolates) await read();
    for (const revision of [2, 3, 4]) {
      colo.clock.now += 60_000;
      await colo.put({ flags: [on(`flag-${revision}`)], head: { revision } });
      for (const read of isolates) expect(seen(await read())).toMatchObject({ revision });
    }
    expect(colo.store.log.filter((command) => command.includes("snapshot"))).toHaveLength(4);
    expect(colo.store.log).toHaveLength(7);
  });

  it("a refresh uses a younger copy instead of asking Redis", async () => {
    await colo.put({ flags: copilot });
    const [early, late] = [colo.isolate(1), colo.isolate(0)];
    await early();
    await late();
    colo.clock.now += 4_000;
    await early();
    expect(colo.store.log).toHaveLength(2);
    colo.clock.now += 1_000;
    await late();
    expect(colo.store.log).toHaveLength(2);
    expect(seen(await late())).toMatchObject({ ageMs: 1_000, source: "memory" });
  });

  it("the snapshot of a new head is read from the colo first", async () => {
    await colo.put({ flags: copilot });
    const [a, b] = [colo.isolate(), colo.isolate()];
    await a();
    await b();
    colo.clock.now += 60_000;
    await colo.put({ flags: [on("search")], head: { revision: 2 } });
    await a();
    colo.cache.copy = undefined;
    expect(seen(await b())).toMatchObject({ revision: 2, source: "redis" });
    expect(colo.store.log).toEqual(["head snapshot off", "head off", "head snapshot off", "head off"]);
  });
});

describe("a kill is never later than the age table allows", () => {
  it("in any order of copies, no isolate uses flags older than a refresh time without asking", async () => {
    await colo.put({ flags: copilot });
    const isolates = Array.from({ length: 10 }, (_, at) => colo.isolate(at / 10));
    for (const read of isolates) await read();
    colo.clock.now += 60_000;
    for (const read of isolates) await read();
    const killedAt = colo.clock.now + 1;
    await colo.put({ flags: copilot, off: { copilot: null } });
    // Each is asked every 100 ms: the last that still lets people in is the one that refreshes behind its answer.
    while (colo.clock.now < killedAt + 2 * refreshMs) {
      colo.clock.now += 100;
      for (const read of isolates) {
        const { killed, ageMs } = seen(await read());
        expect(ageMs).toBeLessThanOrEqual(refreshMs);
        if (colo.clock.now > killedAt + refreshMs) expect(killed).toEqual(["copilot"]);
      }
    }
  });

  it("kills in an older copy count", async () => {
    await colo.put({ flags: copilot });
    const read = colo.isolate();
    await read();
    colo.cache.copy = { head: "garbage", off: '{"copilot":null}', confirmedAt: 0 };
    colo.store.obstacle = () => Promise.reject(new Error("down"));
    colo.clock.now += 60_000;
    expect(seen(await read())).toMatchObject({ revision: 1, killed: ["copilot"], fault: "internal" });
  });
});

describe("a copy is not used", () => {
  async function offer(change: Partial<Copy>, head: Partial<Head> = { revision: 9 }) {
    await colo.put({ flags: copilot, head: { revision: 5 } });
    const read = colo.isolate();
    await read();
    colo.clock.now += 60_000;
    const forged = await publish({ flags: [on("dark")], head });
    colo.cache.snapshots.set(
      (JSON.parse(forged.head ?? "") as { digest: string }).digest,
      forged.snapshot ?? "",
    );
    colo.cache.copy = { head: forged.head ?? "", off: null, confirmedAt: colo.clock.now - 10, ...change };
    return seen(await read());
  }

  it("unless it is recent, later than the cached snapshot, and whole", async () => {
    expect(await offer({})).toMatchObject({ revision: 9, ageMs: 10, source: "colo" });
  });

  it.each([
    ["from the future", { confirmedAt: 2_000_000 }],
    ["older than a refresh time", { confirmedAt: 1_055_000 }],
    ["older than the cached snapshot", { confirmedAt: 999_999 }],
    ["without a readable head", { head: "{" }],
    ["of a newer schema", { head: '{"schema":2}' }],
    ["without a readable off", { off: "[" }],
  ])("when it is %s", async (_name, change) => {
    expect(await offer(change)).toMatchObject({ revision: 5, ageMs: 0, source: "redis", fault: undefined });
  });

  it.each([
    ["an older revision", { revision: 4 }],
    ["other content under the same revision", { revision: 5 }],
    ["another database", { revision: 9, database_id: "db-2" }],
  ])("when it contains %s", async (_name, head) => {
    expect(await offer({}, head)).toMatchObject({ revision: 5, ageMs: 0, source: "redis", fault: undefined });
  });

  it("when its snapshot is not the one that its head names", async () => {
    await colo.put({ flags: copilot });
    await colo.isolate()();
    const [digest = ""] = colo.cache.snapshots.keys();
    colo.cache.snapshots.set(
      digest,
      '{"schema":1,"flags":[{"key":"dark","enabled":true,"rollout_pct":100}]}',
    );
    const { cached, source } = await colo.isolate()();
    expect(source).toBe("redis");
    expect(cached?.compiled.flags.map(({ key }) => key)).toEqual(["copilot"]);
  });
});

describe("an older copy in the colo", () => {
  it("prevents a cold isolate from using an older revision in Redis", async () => {
    await colo.put({ flags: copilot, head: { revision: 5 } });
    await colo.isolate()();
    colo.clock.now += 60_000;
    await colo.put({ flags: [on("dark")], head: { revision: 4 } });
    expect(seen(await colo.isolate()())).toMatchObject({ source: "none", fault: "older-revision" });
    await colo.put({ flags: [on("dark")], head: { epoch: 2, revision: 4 } });
    expect(seen(await colo.isolate()())).toMatchObject({ revision: 4, source: "redis", fault: undefined });
  });

  it("is no substitute for Redis: a cold isolate stays off", async () => {
    await colo.put({ flags: copilot });
    await colo.isolate()();
    colo.clock.now += 5_000;
    colo.store.obstacle = () => Promise.reject(new Error("down"));
    expect(seen(await colo.isolate()())).toMatchObject({ revision: undefined, source: "none" });
  });
});

describe("a reading reports", () => {
  it("since when its revision is cached, but not for the first one", async () => {
    await colo.put({ flags: copilot });
    const read = colo.isolate();
    expect((await read()).sinceMs).toBeUndefined();
    colo.clock.now += 60_000;
    expect((await read()).sinceMs).toBeUndefined();
    await colo.put({ flags: copilot, head: { revision: 2 } });
    colo.clock.now += 60_000;
    expect((await read()).sinceMs).toBe(0);
    colo.clock.now += 700;
    expect((await read()).sinceMs).toBe(700);
    colo.clock.now += 60_000;
    expect((await read()).sinceMs).toBe(60_700);
  });

  it("gates that cannot be read, while they are cached; only their flag is off", async () => {
    await colo.put({ flags: [{ ...on("copilot"), gates: [{ pattern: "/ai/*" }] }, on("search")] });
    const { cached, fault } = await colo.isolate()();
    expect(fault).toBe("gates-unreadable");
    expect(cached?.gates).toHaveLength(1);
    expect(cached?.compiled.flags.map(({ key, fault }) => [key, fault === undefined])).toEqual([
      ["copilot", false],
      ["search", true],
    ]);
    expect(colo.faults.map(({ word }) => word)).toEqual(["gates-unreadable"]);
    colo.clock.now += 60_000;
    await colo.put({ flags: [on("copilot")], head: { revision: 2 } });
    expect(seen(await colo.isolate()())).toMatchObject({ revision: 2, fault: undefined });
  });

  it("a snapshot that is too large, before it is read", async () => {
    await colo.put({ flags: copilot });
    const read = colo.isolate();
    await read();
    colo.clock.now += 60_000;
    await colo.put({ flags: [on("search")], head: { revision: 2, bytes: 8_388_609 } });
    expect(seen(await read())).toMatchObject({ revision: 1, fault: "snapshot-too-large" });
    expect(colo.store.log).toEqual(["head snapshot off", "head off"]);
  });
});
