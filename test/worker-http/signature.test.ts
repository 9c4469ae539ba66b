import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startRedisRest, type RedisRest } from "../../publisher/dev/redis-rest/start.ts";
import { readFlags, type Flags, type ReadFlagsOptions } from "../../shared/x-flags/read-flags.ts";
import { startOrigin, type Origin } from "../support/origin.ts";
import { putSnapshot } from "../support/published.ts";
import { sendRaw } from "../support/raw-request.ts";
import { keysText } from "../support/signed-headers.ts";
import { startWorker, type RunningWorker } from "../support/worker.ts";

const SECRET = "a secret of 26 characters";
/** All that could end a header, a text in it, or a line of what is signed. */
const WORDS = 'a\r\nx-flags: listed, listed;v="\\", é \u{1F680}\n"x-flags-context": a=1';
const FLAGS = [
  { key: "ai", enabled: true, rollout_pct: 100 },
  { key: "copilot", enabled: true, rollout_pct: 100, variants: [{ key: "beta", ranges: [[0, 10_000]] }] },
  {
    key: "worded",
    enabled: true,
    rollout_pct: 100,
    targeting: { plans: ["pro"] },
    variants: [{ key: "x", ranges: [[0, 10_000]], value: WORDS }],
  },
  {
    key: "listed",
    enabled: true,
    rollout_pct: 0,
    targeting: { allowlist: ["user-1"] },
  },
  {
    key: "shut",
    enabled: false,
    rollout_pct: 100,
    gates: [{ pattern: "/shut", otherwise: { rewrite: "/classic" } }],
  },
];

let origin: Origin;
let redis: RedisRest;
let worker: RunningWorker;

/** What all workers here share. */
const varsWith = (more: Readonly<Record<string, string>>) => ({
  ORIGIN_URL: origin.url,
  SLUICE_ENV: "staging",
  REDIS_TIMEOUT_MS: "5000",
  UPSTASH_REDIS_REST_URL: redis.url,
  UPSTASH_REDIS_REST_TOKEN: redis.readOnlyToken,
  CONTEXT_SECRET: SECRET,
  ...more,
});

beforeAll(async () => {
  origin = await startOrigin();
  redis = await startRedisRest();
  await putSnapshot(redis, "staging", 7, FLAGS);
  worker = await startWorker({ vars: varsWith({ SIGNING_KEYS: keysText("new", "old") }) });
});
afterAll(async () => {
  await worker.stop();
  await redis.stop();
  await origin.stop();
});

/** What the site makes of a request as it came. */
function atOrigin(seen = origin.last, options: Partial<ReadFlagsOptions> = {}): Promise<Flags> {
  const given = { keys: keysText("new"), now: Date.now(), request: seen, ...options };
  return readFlags(seen.headers, given);
}

const asUser = (context: object): Record<string, string> => ({
  "x-sluice-proof": SECRET,
  "x-sluice-context": Buffer.from(JSON.stringify(context)).toString("base64url"),
});

describe("the site accepts the worker's signature", () => {
  it.each([
    ["GET", "/"],
    ["GET", "/ai?q=1&q=2"],
    ["GET", "//evil.example/%2e%2e/%00?x=%0d%0ax-flags:%20listed"],
    ["GET", '/a"b\\c;d=e,f?"\\'],
    ["GET", "/ü?ü"],
    ["POST", "/upload"],
    ["DELETE", "/thing"],
    ["OPTIONS", "/"],
  ])("%s %s", async (method, path) => {
    await fetch(`${worker.url}${path}`, { method });
    const flags = await atOrigin();
    expect(flags.problem).toBeUndefined();
    expect(flags.enabled).toEqual(["ai", "copilot"]);
    expect(flags.keyId).toBe("new");
  });

  it("of a page that a gate shows", async () => {
    await fetch(`${worker.url}/shut?q=1`);
    expect(origin.last.url).toBe("/classic?q=1");
    expect(await atOrigin()).not.toHaveProperty("problem");
  });

  it("beside the client's own signature, which is kept", async () => {
    await fetch(`${worker.url}/`, {
      headers: { "signature-input": 'sig1=("@method");created=1', signature: "sig1=:AAAA:" },
    });
    expect(origin.last.headers["signature-input"]).toMatch(/^sig1=\("@method"\);created=1, sluice=\(/);
    expect(origin.last.headers["signature"]).toMatch(/^sig1=:AAAA:, sluice=:/);
    expect(await atOrigin()).toMatchObject({ enabled: ["ai", "copilot"] });
  });

  it.each(["user-1", 'a"b\\c', "Zoë 🚀", "a\r\nx-flags: listed", ":x:, x=1", "é", "\u0000"])(
    "of the user %j",
    async (userId) => {
      await fetch(`${worker.url}/`, { headers: asUser({ userId }) });
      const flags = await atOrigin();
      expect(flags.problem).toBeUndefined();
      expect(flags.context?.targetingKey).toBe(userId);
      expect(flags.isEnabled("listed")).toBe(userId === "user-1");
    },
  );
});

it("a variant's value cannot add members", async () => {
  await fetch(`${worker.url}/`, { headers: asUser({ userId: "user-2", plan: "pro" }) });
  const flags = await atOrigin();
  expect(flags.problem).toBeUndefined();
  expect(flags.enabled).toEqual(["ai", "copilot", "worded"]);
  expect(flags.value("worded")).toBe(WORDS);
});

describe("no attack gains a feature", () => {
  it("a client's own headers are not signed", async () => {
    await sendRaw(worker.url, [
      "GET /forged HTTP/1.1",
      "X-Flags: listed",
      "X_Flags: listed",
      'X-Flags-Context: epoch=1, rev=7, m="GET", h="x", p="/", src=memory, at=@1',
      'Signature-Input: sluice=("x-flags" "x-flags-context");created=1;keyid="new";alg="hmac-sha256";tag="sluice"',
      `Signature: sluice=:${"A".repeat(43)}=:`,
      'Signature-Input: sig1=("x-flags")',
      "Signature: sig1=:AAAA:",
    ]);
    const flags = await atOrigin();
    expect(flags.problem).toBeUndefined();
    expect(flags.enabled).toEqual(["ai", "copilot"]);
  });

  it("a request with everything off stays off when x-flags is added", async () => {
    await putSnapshot(redis, "empty", 1, []);
    const bare = await startWorker({
      vars: varsWith({ SLUICE_ENV: "empty", SIGNING_KEYS: keysText("new") }),
    });
    try {
      await fetch(`${bare.url}/`);
      const seen = origin.last;
      expect(seen.headers["x-flags"]).toBeUndefined();
      expect(await atOrigin(seen)).not.toHaveProperty("problem");
      const added = { ...seen, headers: { ...seen.headers, "x-flags": "listed" } };
      expect(await atOrigin(added)).toMatchObject({
        enabled: [],
        problem: 'the signature does not cover exactly ("x-flags" "x-flags-context")',
      });
    } finally {
      await bare.stop();
    }
  });

  describe("captured headers", () => {
    const caught = async () => {
      await fetch(`${worker.url}/ai?q=1`, { headers: asUser({ userId: "user-1" }) });
      const seen = origin.last;
      expect((await atOrigin(seen)).isEnabled("listed")).toBe(true);
      return seen;
    };

    it.each([
      ["another path", { url: "/admin" }, "path"],
      ["another method", { method: "POST" }, "method"],
      ["another query", { url: "/ai?q=2" }, "path"],
    ])("are refused for %s", async (_name, more, word) => {
      const flags = await atOrigin({ ...(await caught()), ...more });
      expect(flags.enabled).toEqual([]);
      expect(flags.problem).toContain(`another request: ${word}`);
    });

    it("are refused for another host", async () => {
      const seen = await caught();
      const flags = await atOrigin({ ...seen, headers: { ...seen.headers, host: "other.example" } });
      expect(flags.enabled).toEqual([]);
      expect(flags.problem).toContain("another request: host");
    });

    it("are refused after 60 s", async () => {
      const flags = await atOrigin(await caught(), { now: Date.now() + 61_000 });
      expect(flags.enabled).toEqual([]);
      expect(flags.problem).toContain("older than 60000 ms");
    });

    it("are refused with the flags of another request", async () => {
      const seen = await caught();
      await fetch(`${worker.url}/ai?q=1`);
      const { "x-flags": flagsOfOthers } = seen.headers;
      const mixed = { ...origin.last, headers: { ...origin.last.headers, "x-flags": flagsOfOthers } };
      expect((await atOrigin(mixed)).enabled).toEqual([]);
    });

    it("are stripped by the worker", async () => {
      const seen = await caught();
      const names = ["x-flags", "x-flags-context", "signature", "signature-input"];
      const headers = Object.fromEntries(names.map((name) => [name, String(seen.headers[name])]));
      await fetch(`${worker.url}/ai?q=1`, { headers });
      const flags = await atOrigin();
      expect(flags.problem).toBeUndefined();
      expect(flags.isEnabled("listed")).toBe(false);
    });
  });

  it("a path too long for the header reads as off, and so does its beginning", async () => {
    const path = `/${"a".repeat(5_000)}`;
    await fetch(`${worker.url}${path}`);
    const seen = origin.last;
    expect((await atOrigin(seen)).problem).toContain("too long");
    expect((await atOrigin({ ...seen, url: path.slice(0, 4_096) })).enabled).toEqual([]);
    await fetch(`${worker.url}${path.slice(0, 4_096)}`);
    expect(await atOrigin()).toMatchObject({ enabled: ["ai", "copilot"] });
  });
});

describe("keys", () => {
  it("both work during a rotation, and the old key stops after it", async () => {
    const before = await startWorker({ vars: varsWith({ SIGNING_KEYS: keysText("old") }) });
    try {
      await fetch(`${before.url}/`);
      const byOld = origin.last;
      await fetch(`${worker.url}/`);
      const byNew = origin.last;
      const keyIds = async (...ids: readonly string[]) => {
        const options = { keys: keysText(...ids) } as ReadFlagsOptions;
        return [(await atOrigin(byOld, options)).keyId, (await atOrigin(byNew, options)).keyId];
      };
      expect(await keyIds("old")).toEqual(["old", undefined]);
      expect(await keyIds("old", "new")).toEqual(["old", "new"]);
      expect(await keyIds("new")).toEqual([undefined, "new"]);
    } finally {
      await before.stop();
    }
  });

  it("that are wrong turn everything off, leave the site up, and are reported without their content", async () => {
    const wrong = await startWorker({ vars: varsWith({ SIGNING_KEYS: "new:aHVudGVyMg==" }) });
    try {
      expect((await fetch(`${wrong.url}/`)).status).toBe(200);
      expect(await atOrigin()).toMatchObject({
        enabled: [],
        problem: "not signed: no Signature-Input header",
      });
      expect(await (await fetch(`${wrong.url}/.well-known/sluice`)).json()).toMatchObject({
        fault: "misconfigured",
      });
      await expect.poll(() => wrong.log).toContain("SIGNING_KEYS: key 1 must have 32 to 256 bytes");
      expect(wrong.log).not.toContain("aHVudGVyMg");
    } finally {
      await wrong.stop();
    }
  });

  it("that are not set sign nothing", async () => {
    const without = await startWorker({ vars: varsWith({}) });
    try {
      await fetch(`${without.url}/`);
      expect(origin.last.headers["signature"]).toBeUndefined();
      expect((await atOrigin()).problem).toContain("not signed");
      expect((await readFlags(origin.last.headers, { request: origin.last })).isEnabled("ai")).toBe(true);
    } finally {
      await without.stop();
    }
  });
});
