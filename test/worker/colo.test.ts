import { describe, expect, it } from "vitest";
import { createColo, type ColoOptions, type Copy } from "../../worker/snapshot/colo.ts";
import type { WorkerFault } from "../../worker/isolate/fault.ts";

const copy: Copy = { head: '{"schema":1}', off: '{"copilot":null}', confirmedAt: 1_000_000 };

/** A colo's cache that nobody else has; the real one unless `open` says otherwise. */
function isolate(over: Partial<ColoOptions> = {}) {
  const faults: WorkerFault[] = [];
  const options: ColoOptions = {
    environment: "production",
    redisUrl: "https://redis.example.com",
    redisToken: crypto.randomUUID(),
    timeoutMs: 5_000,
    report: (fault) => void faults.push(fault),
    ...over,
  };
  return { options, faults, colo: createColo(options) };
}

describe("the cache of a colo", () => {
  it("is empty at first", async () => {
    const { colo, faults } = isolate();
    expect(await colo.readCopy()).toBeUndefined();
    expect(await colo.readSnapshot("ab12")).toBeUndefined();
    expect(faults).toEqual([]);
  });

  it("returns to one isolate what another isolate has written", async () => {
    const { options, colo } = isolate();
    const snapshot = `{"schema":1,"flags":[],"text":"${"ü".repeat(100_000)}"}`;
    await colo.writeCopy(copy);
    await colo.writeSnapshot("ab12", snapshot);
    const other = createColo(options);
    expect(await other.readCopy()).toEqual(copy);
    expect(await other.readSnapshot("ab12")).toBe(snapshot);
    expect(await other.readSnapshot("cd34")).toBeUndefined();
  });

  it("keeps the newest copy", async () => {
    const { colo } = isolate();
    await colo.writeCopy(copy);
    await colo.writeCopy({ ...copy, off: null, confirmedAt: 1_000_001 });
    expect(await colo.readCopy()).toEqual({ ...copy, off: null, confirmedAt: 1_000_001 });
  });

  it.each([
    ["environment", { environment: "staging" }],
    ["Redis", { redisUrl: "https://other.example.com" }],
    ["token", { redisToken: "another one" }],
  ])("is separate for another %s", async (_name, over) => {
    const { options, colo } = isolate();
    await colo.writeCopy(copy);
    expect(await createColo({ ...options, ...over }).readCopy()).toBeUndefined();
  });

  it("is separate from the cache of pages, and its keys do not contain the token", async () => {
    const { options } = isolate();
    const urls: string[] = [];
    const { colo } = isolate({
      ...options,
      open: async () => {
        const cache = await caches.open("sluice");
        const remember = (request: RequestInfo | URL) => void urls.push(new Request(request).url);
        return {
          match: (request) => (remember(request), cache.match(request)),
          put: (request, response) => (remember(request), cache.put(request, response)),
        };
      },
    });
    await colo.writeCopy(copy);
    await colo.writeSnapshot("ab12", "{}");
    await colo.readCopy();
    expect(urls).toHaveLength(3);
    for (const url of urls) {
      expect(new URL(url).hostname).toBe("sluice.invalid");
      expect(url).not.toContain(options.redisToken);
      expect(url).not.toContain("redis.example.com");
      expect(await caches.default.match(url)).toBeUndefined();
    }
  });

  it.each([
    "",
    "<html>",
    "null",
    "[]",
    "7",
    "{}",
    '{"head":1,"off":null,"confirmed_at":1}',
    '{"head":"{}","off":{},"confirmed_at":1}',
    '{"head":"{}","confirmed_at":1}',
    '{"head":"{}","off":null}',
    '{"head":"{}","off":null,"confirmed_at":"1"}',
    '{"head":"{}","off":null,"confirmed_at":null}',
  ])("with the content %j reads as empty", async (text) => {
    const { colo, faults } = isolate({
      open: async () => ({ match: async () => new Response(text), put: async () => undefined }),
    });
    expect(await colo.readCopy()).toBeUndefined();
    expect(faults).toEqual([]);
  });
});

const hang = () => new Promise<never>(() => undefined);
const fail = () => Promise.reject(new TypeError("secret"));

describe("a faulty cache reads as empty", () => {
  it.each([
    ["is not there", () => (globalThis as unknown as { none: CacheStorage }).none.open("sluice")],
    ["does not open", fail],
    ["hangs while it opens", hang],
    ["throws", async () => ({ match: fail, put: fail })],
    ["hangs", async () => ({ match: hang, put: hang })],
    [
      "hangs in the middle of a body",
      async () => ({ match: async () => new Response(new ReadableStream()), put: hang }),
    ],
  ])("that %s, and is then not used for a while", async (_name, open) => {
    const clock = { now: 1_000_000 };
    let opened = 0;
    const { colo, faults } = isolate({
      timeoutMs: 10,
      now: () => clock.now,
      open: () => {
        opened += 1;
        return open();
      },
    });
    expect(await colo.readCopy()).toBeUndefined();
    expect(await colo.readSnapshot("ab12")).toBeUndefined();
    await colo.writeCopy(copy);
    await colo.writeSnapshot("ab12", "{}");
    expect(opened).toBe(1);
    expect(faults.map(({ word }) => word)).toEqual(["colo-cache"]);
    expect(faults[0]?.message).not.toContain("secret");
    clock.now += 30_000;
    expect(await colo.readCopy()).toBeUndefined();
    expect(opened).toBe(2);
  });

  it("and is used again after the pause", async () => {
    const { options } = isolate();
    await createColo(options).writeCopy(copy);
    const clock = { now: 0 };
    let works = false;
    const { colo } = isolate({
      ...options,
      now: () => clock.now,
      open: () => (works ? caches.open("sluice") : fail()),
    });
    expect(await colo.readCopy()).toBeUndefined();
    works = true;
    clock.now += 30_000;
    expect(await colo.readCopy()).toEqual(copy);
  });
});
