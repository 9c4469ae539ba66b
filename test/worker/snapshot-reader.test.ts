import { beforeEach, describe, expect, it } from "vitest";
import { WorkerFault } from "../../worker/isolate/fault.ts";
import { createSnapshotReader, type Reading } from "../../worker/snapshot/snapshot-reader.ts";
import { MemoryStore, noColo, publish, type Published } from "./stored.ts";

const refreshMs = 5_000;
const on = (key: string) => ({ key, enabled: true, rollout_pct: 100 });
const copilot = [on("copilot")];

/** An isolate with its own clock and Redis. */
function isolate() {
  const store = new MemoryStore();
  const faults: WorkerFault[] = [];
  const clock = { now: 1_000_000 };
  const background: Promise<unknown>[] = [];
  const read = createSnapshotReader({
    store,
    colo: noColo,
    refreshMs,
    redisTimeoutMs: 20,
    leaseMs: 6_000,
    report: (fault) => void faults.push(fault),
    now: () => clock.now,
    random: () => 0,
  });
  return {
    store,
    faults,
    clock,
    read: () => read((work) => void background.push(work)),
    put: async (published: Published) => void (store.stored = await publish(published)),
    settled: () => Promise.all(background),
  };
}

const seen = ({ cached, ageMs, source, fault }: Reading) => ({
  revision: cached?.head.revision,
  ageMs,
  source,
  fault,
  killed: [...(cached?.killed ?? [])],
});

let edge: ReturnType<typeof isolate>;
beforeEach(() => {
  edge = isolate();
});

const hang = () => new Promise<void>(() => undefined);
const down = () => Promise.reject(new WorkerFault("redis-unreachable", "down"));

describe("freshness", () => {
  it("a cold isolate waits for one command", async () => {
    await edge.put({ flags: copilot });
    expect(seen(await edge.read())).toMatchObject({ revision: 1, ageMs: 0, source: "redis" });
    expect(edge.store.log).toEqual(["head snapshot off"]);
  });

  it("a young snapshot costs no command", async () => {
    await edge.put({ flags: copilot });
    await edge.read();
    edge.clock.now += 4_999;
    expect(seen(await edge.read())).toMatchObject({ ageMs: 4_999, source: "memory" });
    expect(edge.store.log).toHaveLength(1);
  });

  it("a due snapshot is used and refreshed behind the answer, once", async () => {
    await edge.put({ flags: copilot });
    await edge.read();
    edge.clock.now += 5_000;
    await edge.put({ flags: copilot, head: { revision: 2 } });
    const readings = await Promise.all([edge.read(), edge.read(), edge.read()]);
    expect(readings.map(seen)).toMatchObject(
      Array.from({ length: 3 }, () => ({ revision: 1, ageMs: 5_000, source: "memory" })),
    );
    await edge.settled();
    expect(edge.store.log.slice(1)).toEqual(["head off"]);
    expect(seen(await edge.read())).toMatchObject({ revision: 2, ageMs: 0, source: "memory" });
  });

  it("a new revision with unchanged content is not read again", async () => {
    await edge.put({ flags: copilot });
    const first = await edge.read();
    edge.clock.now += 60_000;
    await edge.put({ flags: copilot, head: { revision: 7 } });
    const second = await edge.read();
    expect(seen(second)).toMatchObject({ revision: 7, ageMs: 0, source: "redis" });
    expect(second.cached?.compiled).toBe(first.cached?.compiled);
    expect(edge.store.log).toEqual(["head snapshot off", "head off"]);
  });

  it("changed content is read in one command with its head", async () => {
    await edge.put({ flags: copilot });
    await edge.read();
    edge.clock.now += 60_000;
    await edge.put({ flags: [on("search")], head: { revision: 2 } });
    const { cached } = await edge.read();
    expect(cached?.compiled.flags.map((flag) => flag.key)).toEqual(["search"]);
    expect(edge.store.log).toEqual(["head snapshot off", "head off", "head snapshot off"]);
  });

  it("age counts from before the command was sent", async () => {
    await edge.put({ flags: copilot });
    edge.store.obstacle = async () => void (edge.clock.now += 10);
    expect(seen(await edge.read())).toMatchObject({ ageMs: 10, source: "redis" });
    edge.clock.now += 60_000;
    expect(seen(await edge.read())).toMatchObject({ ageMs: 10, source: "redis" });
  });

  it.each([
    ["cold", 0],
    ["idle for a minute", 60_000],
  ])("%s, a hundred requests at once cost one command and wait for it", async (_name, idle) => {
    await edge.put({ flags: copilot });
    if (idle > 0) await edge.read();
    const before = edge.store.log.length;
    edge.clock.now += idle;
    const release = Promise.withResolvers<void>();
    edge.store.obstacle = () => release.promise;
    const readings = Promise.all(Array.from({ length: 100 }, () => edge.read()));
    release.resolve();
    for (const reading of await readings) expect(seen(reading)).toMatchObject({ revision: 1, ageMs: 0 });
    expect(edge.store.log).toHaveLength(before + 1);
  });

  it("a slow refresh in the background delays no request twice", async () => {
    await edge.put({ flags: copilot });
    await edge.read();
    edge.store.obstacle = hang;
    edge.clock.now += 14_000;
    expect(seen(await edge.read())).toMatchObject({ fault: undefined });
    edge.clock.now += 1_000;
    expect(seen(await edge.read())).toMatchObject({ ageMs: 15_000, fault: "redis-timeout" });
    // And after that nobody follows it.
    expect(seen(await edge.read())).toMatchObject({ ageMs: 15_000, fault: "redis-timeout" });
    expect(edge.faults).toHaveLength(1);
    expect(edge.store.log).toHaveLength(2);
  });

  it("a lost refresh blocks the next only until its lease ends", async () => {
    await edge.put({ flags: copilot });
    await edge.read();
    edge.store.obstacle = hang;
    edge.clock.now += 5_000;
    await edge.read();
    edge.store.obstacle = async () => undefined;
    edge.clock.now += 5_999;
    await edge.read();
    expect(edge.store.log).toHaveLength(2);
    edge.clock.now += 1;
    await edge.read();
    expect(edge.store.log).toHaveLength(3);
  });
});

describe("kills", () => {
  it("after an idle minute a kill counts for every request, also for several at once", async () => {
    await edge.put({ flags: copilot });
    await edge.read();
    edge.clock.now += 60_000;
    await edge.put({ flags: copilot, off: { copilot: null } });
    const readings = await Promise.all([edge.read(), edge.read(), edge.read()]);
    expect(readings.map((reading) => seen(reading).killed)).toEqual([["copilot"], ["copilot"], ["copilot"]]);
  });

  it.each([
    ["a newer kill", [1, 2], ["copilot"]],
    ["a kill that the snapshot has", [1, 1], []],
    ["an unrecorded kill", null, ["copilot"]],
    ["a kill of a later epoch", [2, 0], ["copilot"]],
    ["an entry nobody understands", "x", ["copilot"]],
  ])("%s", async (_name, entry, killed) => {
    await edge.put({ flags: copilot, off: { copilot: entry } });
    expect(seen(await edge.read()).killed).toEqual(killed);
  });

  it("are lifted only by a readable off with a current head", async () => {
    await edge.put({ flags: copilot, off: { copilot: null } });
    await edge.read();
    edge.clock.now += 60_000;
    await edge.put({ flags: copilot, head: { revision: 2 }, off: {} });
    expect(seen(await edge.read()).killed).toEqual([]);
  });

  it("arrive even when the new snapshot does not", async () => {
    await edge.put({ flags: copilot });
    await edge.read();
    edge.clock.now += 60_000;
    await edge.put({ flags: [on("search")], head: { revision: 2 }, off: { copilot: null } });
    edge.store.obstacle = async () => (edge.store.log.at(-1) === "head off" ? undefined : down());
    expect(seen(await edge.read())).toMatchObject({ revision: 1, killed: ["copilot"], ageMs: 60_000 });
  });

  it.each([
    ["a flushed Redis", { head: null, snapshot: null, off: null }, "head-missing", []],
    [
      "a head that is gone",
      { head: null, snapshot: null, off: '{"copilot":null}' },
      "head-missing",
      ["copilot"],
    ],
    [
      "a head that is broken",
      { head: "{", snapshot: null, off: '{"copilot":null}' },
      "head-unreadable",
      ["copilot"],
    ],
  ])("count with %s, and known kills stay", async (_name, stored, fault, killed) => {
    await edge.put({ flags: copilot, off: { search: null } });
    await edge.read();
    edge.clock.now += 60_000;
    edge.store.stored = stored;
    expect(seen(await edge.read())).toMatchObject({
      revision: 1,
      fault,
      killed: ["search", ...killed],
      ageMs: 60_000,
    });
  });

  it("an off that cannot be read keeps the known one and confirms nothing", async () => {
    await edge.put({ flags: copilot, off: { copilot: null } });
    await edge.read();
    edge.clock.now += 60_000;
    await edge.put({ flags: copilot, head: { revision: 2 }, off: "[" });
    expect(seen(await edge.read())).toEqual({
      revision: 2,
      ageMs: 60_000,
      source: "memory",
      fault: "off-unreadable",
      killed: ["copilot"],
    });
  });

  it("an off that cannot be read leaves a cold isolate with nothing", async () => {
    await edge.put({ flags: copilot, off: "[" });
    expect(seen(await edge.read())).toMatchObject({ source: "none", fault: "off-unreadable" });
  });
});

describe("the revision never goes back", () => {
  const cached = { epoch: 3, revision: 5 };
  it.each([
    ["an older revision", { epoch: 3, revision: 4 }, "older-revision"],
    ["an older epoch with a greater revision", { epoch: 2, revision: 99 }, "older-revision"],
    ["the same revision with other content", { epoch: 3, revision: 5 }, "other-digest"],
    [
      "another database in the same epoch",
      { epoch: 3, revision: 6, database_id: "db-2" },
      "foreign-database",
    ],
    [
      "another database in an older epoch",
      { epoch: 2, revision: 6, database_id: "db-2" },
      "foreign-database",
    ],
  ])("%s is refused, but its kills count", async (_name, head, fault) => {
    await edge.put({ flags: copilot, head: cached });
    await edge.read();
    edge.clock.now += 60_000;
    await edge.put({ flags: [on("search")], head, off: { copilot: null } });
    const reading = await edge.read();
    expect(seen(reading)).toMatchObject({
      revision: 5,
      ageMs: 60_000,
      source: "memory",
      fault,
      killed: ["copilot"],
    });
    // So whoever waits for a kill learns that it is in force, although nothing is confirmed.
    expect(reading.killsAgeMs).toBe(0);
    expect(reading.cached?.compiled.flags.map((flag) => flag.key)).toEqual(["copilot"]);
    // The head told enough: a snapshot that will be refused is not fetched at every attempt.
    expect(edge.store.log).toEqual(["head snapshot off", "head off"]);
  });

  it("unchanged content under an older revision is refused, too", async () => {
    await edge.put({ flags: copilot, head: cached });
    await edge.read();
    edge.clock.now += 60_000;
    await edge.put({ flags: copilot, head: { epoch: 3, revision: 4 } });
    expect(seen(await edge.read())).toMatchObject({ revision: 5, fault: "older-revision" });
  });

  it.each([
    ["a newer revision", { epoch: 3, revision: 6 }],
    ["a newer epoch with a smaller revision", { epoch: 4, revision: 1 }],
    ["another database in a newer epoch", { epoch: 4, revision: 1, database_id: "db-2" }],
  ])("%s is accepted", async (_name, head) => {
    await edge.put({ flags: copilot, head: cached });
    await edge.read();
    edge.clock.now += 60_000;
    await edge.put({ flags: [on("search")], head });
    const reading = await edge.read();
    expect(reading.cached?.compiled.flags.map((flag) => flag.key)).toEqual(["search"]);
    expect(reading.fault).toBeUndefined();
  });

  it("an answer that was overtaken is neither taken nor a fault", async () => {
    await edge.put({ flags: copilot });
    const release = Promise.withResolvers<void>();
    edge.store.obstacle = () => release.promise;
    const slow = edge.read();
    edge.store.obstacle = async () => undefined;
    // Its lease has run out.
    edge.clock.now += 6_000;
    await edge.put({ flags: [on("search")], head: { revision: 2 }, off: {} });
    expect(seen(await edge.read())).toMatchObject({ revision: 2 });
    release.resolve();
    expect(seen(await slow)).toMatchObject({ revision: 2 });
    expect(edge.faults).toEqual([]);
  });
});

describe("faults", () => {
  it.each([
    ["nothing was published", { head: null, snapshot: null, off: null }, "head-missing"],
    ["the snapshot is gone", { snapshot: null }, "snapshot-missing"],
    [
      "the snapshot is another one",
      { snapshot: '{"schema":1,"flags":[{"key":"copilot"}]}' },
      "digest-mismatch",
    ],
    ["the snapshot is garbage", { snapshot: "<html>" }, "digest-mismatch"],
    ["the head is garbage", { head: "<html>" }, "head-unreadable"],
    ["the head is of a newer schema", { head: '{"schema":2}' }, "head-unreadable"],
  ])("%s: there is no snapshot, and the fault is reported", async (_name, part, fault) => {
    edge.store.stored = { ...(await publish({ flags: copilot })), ...part };
    expect(seen(await edge.read())).toMatchObject({ revision: undefined, source: "none", fault });
    expect(edge.faults.map(({ word }) => word)).toEqual([fault]);
  });

  it("a snapshot of a newer schema is refused even if its digest is right", async () => {
    const snapshot = '{"schema":2,"flags":[]}';
    const stored = await publish({ flags: [] });
    const digest = Array.from(
      new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(snapshot))),
      (byte) => byte.toString(16).padStart(2, "0"),
    ).join("");
    const head = { ...(JSON.parse(stored.head ?? "") as object), digest };
    edge.store.stored = { head: JSON.stringify(head), snapshot, off: null };
    expect(seen(await edge.read())).toMatchObject({ source: "none", fault: "snapshot-unreadable" });
  });

  it("after a fault no request asks until the backoff has passed, then recovery is immediate", async () => {
    edge.store.obstacle = down;
    await edge.put({ flags: copilot });
    expect(seen(await edge.read())).toMatchObject({ source: "none", fault: "redis-unreachable" });
    edge.clock.now += 99;
    await edge.read();
    expect(edge.store.log).toHaveLength(1);
    edge.clock.now += 1;
    await edge.read();
    expect(edge.store.log).toHaveLength(2);
    edge.store.obstacle = async () => undefined;
    edge.clock.now += 400;
    expect(seen(await edge.read())).toMatchObject({ revision: 1, source: "redis", fault: undefined });
    // The next outage begins with the shortest backoff again.
    edge.store.obstacle = down;
    edge.clock.now += 60_000;
    await edge.read();
    edge.clock.now += 200;
    await edge.read();
    expect(edge.store.log).toHaveLength(5);
  });

  it("a Redis that hangs delays one request for a moment, and the next ones not at all", async () => {
    await edge.put({ flags: copilot });
    edge.store.obstacle = hang;
    expect(seen(await edge.read())).toMatchObject({ source: "none", fault: "redis-timeout" });
    edge.clock.now += 200;
    expect(seen(await edge.read())).toMatchObject({ source: "none" });
    // The one that hangs is still finding out: nobody else asked.
    expect(edge.store.log).toHaveLength(1);
  });

  it("an answer that arrives too late for its request is still used", async () => {
    await edge.put({ flags: copilot });
    const release = Promise.withResolvers<void>();
    edge.store.obstacle = () => release.promise;
    expect(seen(await edge.read())).toMatchObject({ source: "none", fault: "redis-timeout" });
    release.resolve();
    await edge.settled();
    expect(seen(await edge.read())).toMatchObject({ revision: 1, source: "memory", fault: undefined });
  });

  it("the cached snapshot is used in an outage, with its age and the fault", async () => {
    await edge.put({ flags: copilot });
    await edge.read();
    edge.store.obstacle = down;
    edge.clock.now += 3_600_000;
    expect(seen(await edge.read())).toMatchObject({
      revision: 1,
      ageMs: 3_600_000,
      source: "memory",
      fault: "redis-unreachable",
    });
  });
});
