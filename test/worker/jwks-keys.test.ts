import { exportJWK, generateKeyPair, type JWK } from "jose";
import { beforeAll, describe, expect, it } from "vitest";
import type { WorkerFault } from "../../worker/isolate/fault.ts";
import { createJwksKeys } from "../../worker/identity/jwt/jwks-keys.ts";

const refreshMs = 600_000;
const maxStaleMs = 3_600_000;

let rsa: JWK;
let ec: JWK;
let weak: JWK;
let privateJwk: JWK;
beforeAll(async () => {
  const pair = await generateKeyPair("RS256", { extractable: true });
  rsa = await exportJWK(pair.publicKey);
  privateJwk = await exportJWK(pair.privateKey);
  ec = await exportJWK((await generateKeyPair("ES256", { extractable: true })).publicKey);
  const short = await crypto.subtle.generateKey(
    {
      name: "RSASSA-PKCS1-v1_5",
      hash: "SHA-256",
      modulusLength: 1_024,
      publicExponent: Uint8Array.of(1, 0, 1),
    },
    true,
    ["sign", "verify"],
  );
  if (!("publicKey" in short)) throw new Error("no pair");
  weak = (await crypto.subtle.exportKey("jwk", short.publicKey)) as JWK;
});

/** An issuer that answers as `answer` says, a clock, and the keys that one isolate keeps of it. */
function start(answer: () => Promise<Response> | Response) {
  const state = { now: Date.UTC(2026, 10, 26), asked: 0, answer, work: [] as Promise<unknown>[] };
  const faults: WorkerFault[] = [];
  const find = createJwksKeys({
    jwks: { url: "https://issuer.example/keys", refreshMs, maxStaleMs, timeoutMs: 60 },
    algorithms: ["RS256", "ES256"],
    report: (fault) => faults.push(fault),
    now: () => state.now,
    random: () => 0,
    fetch: async () => {
      state.asked += 1;
      return state.answer();
    },
  });
  /** How many keys are found, or the fault's word; and all that goes on behind the answer is done. */
  const count = async (keyId?: string, algorithm = "RS256"): Promise<number | string> => {
    try {
      const hint = { algorithm, ...(keyId !== undefined && { keyId }) };
      return (await find(hint, (work) => state.work.push(work))).length;
    } catch (error) {
      return (error as WorkerFault).word;
    } finally {
      await Promise.all(state.work.splice(0));
    }
  };
  return { state, faults, find, count };
}

const set =
  (...keys: readonly object[]) =>
  () =>
    Response.json({ keys });

describe("an issuer's keys", () => {
  it("are fetched once for many requests", async () => {
    const { state, count } = start(set({ ...rsa, kid: "a" }));
    for (let times = 0; times < 10; times += 1) expect(await count("a")).toBe(1);
    expect(state.asked).toBe(1);
  });

  it("are fetched once for requests that arrive during the fetch", async () => {
    const { state, find } = start(set({ ...rsa, kid: "a" }));
    const hint = { algorithm: "RS256", keyId: "a" };
    const found = await Promise.all(Array.from({ length: 20 }, () => find(hint, () => undefined)));
    expect(found.map(({ length }) => length)).toEqual(Array.from({ length: 20 }, () => 1));
    expect(state.asked).toBe(1);
  });

  it("are refreshed behind the answer when they are due", async () => {
    const { state, count, find } = start(set({ ...rsa, kid: "a" }));
    await count("a");
    state.now += refreshMs - 1;
    await count("a");
    expect(state.asked).toBe(1);
    state.now += 1;
    const answer = Promise.withResolvers<Response>();
    state.answer = () => answer.promise;
    expect(await find({ algorithm: "RS256", keyId: "a" }, (work) => state.work.push(work))).toHaveLength(1);
    expect(state.asked).toBe(2);
    answer.resolve(set({ ...ec, kid: "b" })());
    await Promise.all(state.work);
    // What the issuer has withdrawn is gone.
    expect(await count("a")).toBe(0);
    expect(await count("b", "ES256")).toBe(1);
  });

  it("are fetched before use by an isolate that was idle: one may have been withdrawn", async () => {
    const { state, find, count } = start(set({ ...rsa, kid: "a" }));
    await count("a");
    state.now += 3 * refreshMs;
    state.answer = set({ ...rsa, kid: "b" });
    expect(await count("a")).toBe(0);
    // Where the issuer does not answer in time, the cached snapshot has to do.
    state.now += 3 * refreshMs;
    state.answer = () => new Promise(() => undefined);
    expect(await find({ algorithm: "RS256", keyId: "b" }, () => undefined)).toHaveLength(1);
    expect(state.asked).toBe(3);
  });

  it("are fetched at once when a token names a new one", async () => {
    const { state, count } = start(set({ ...rsa, kid: "a" }));
    await count("a");
    state.now += 30_000;
    state.answer = set({ ...rsa, kid: "a" }, { ...rsa, kid: "b" });
    expect(await count("b")).toBe(1);
    expect(state.asked).toBe(2);
  });

  it("are fetched only every 30 seconds for ids that somebody makes up", async () => {
    const { state, count } = start(set({ ...rsa, kid: "a" }));
    for (let second = 0; second < 120; second += 1) {
      expect(await count(`made up ${second}`)).toBe(0);
      state.now += 1_000;
    }
    expect(state.asked).toBe(4);
    expect(await count("a")).toBe(1);
  });

  it("are fetched for an algorithm that none of them has, with the same limit", async () => {
    const { state, count } = start(set({ ...rsa, kid: "a" }));
    expect(await count("a", "ES256")).toBe(0);
    expect(await count("a", "ES256")).toBe(0);
    expect(state.asked).toBe(1);
  });

  it("are used in an outage, up to JWT_JWKS_MAX_STALE_MS", async () => {
    const { state, faults, count } = start(set({ ...rsa, kid: "a" }));
    await count("a");
    state.answer = () => new Response("down", { status: 503 });
    for (const age of [refreshMs, maxStaleMs - refreshMs - 1]) {
      state.now += age;
      expect(await count("a")).toBe(1);
    }
    expect(faults.map(({ word }) => word)).toEqual(["jwt-keys", "jwt-keys"]);
    expect(faults[0]?.message).toBe("JWT_JWKS_URL answered with status 503 instead of 200");
    state.now += 1;
    expect(await count("a")).toBe("jwt-keys");
    state.now += refreshMs;
    state.answer = set({ ...rsa, kid: "a" });
    expect(await count("a")).toBe(1);
  });

  it("are fetched with a backoff while the issuer fails", async () => {
    const { state, count } = start(() => {
      throw new TypeError("connection refused");
    });
    for (let second = 0; second < 600; second += 1) {
      expect(await count("a")).toBe("jwt-keys");
      state.now += 1_000;
    }
    expect(state.asked).toBeLessThan(30);
    expect(state.asked).toBeGreaterThan(10);
  });

  it("make no request wait for long, and are used when they arrive late", async () => {
    const late = Promise.withResolvers<Response>();
    const { state, faults, find, count } = start(() => late.promise);
    const hint = { algorithm: "RS256", keyId: "a" };
    const waiting = [0, 1, 2].map(() => find(hint, (work) => state.work.push(work)));
    expect((await Promise.allSettled(waiting)).map(({ status }) => status)).toEqual(
      Array(3).fill("rejected"),
    );
    expect(state.asked).toBe(1);
    expect(faults[0]?.message).toBe("JWT_JWKS_URL did not answer within 60 ms");
    late.resolve(set({ ...rsa, kid: "a" })());
    await Promise.all(state.work);
    expect(await count("a")).toBe(1);
    expect(state.asked).toBe(1);
  });

  it("are fetched again after the first fetch was lost", async () => {
    const { state, count, find } = start(() => new Promise(() => undefined));
    await find({ algorithm: "RS256" }, () => undefined).catch(() => undefined);
    state.answer = set(rsa);
    expect(await count()).toBe("jwt-keys");
    state.now += 10_000;
    expect(await count()).toBe(1);
  });
});

describe("what an issuer publishes", () => {
  it.each<[string, () => readonly object[], number]>([
    ["an RSA key", () => [rsa], 1],
    ["one for this algorithm", () => [{ ...rsa, alg: "RS256", use: "sig", key_ops: ["verify"] }], 1],
    ["one for another algorithm", () => [{ ...rsa, alg: "PS256" }], 0],
    ["one for encryption", () => [{ ...rsa, use: "enc" }], 0],
    ["one that may not verify", () => [{ ...rsa, key_ops: ["encrypt"] }], 0],
    ["a private key", () => [privateJwk], 0],
    ["RSA of 1,024 bits", () => [weak], 0],
    [
      "a shared secret",
      () => [{ kty: "oct", k: "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I", alg: "HS256" }],
      0,
    ],
    ["a shared secret that claims RS256", () => [{ kty: "oct", k: "c2VjcmV0", alg: "RS256" }], 0],
    ["a broken one", () => [{ kty: "RSA", n: "!", e: "AQAB" }], 0],
    [
      "a certificate and an address beside the key",
      () => [{ ...rsa, x5c: ["x"], x5u: "https://evil.example/" }],
      1,
    ],
    ["things that are no keys", () => [rsa, ...([null, 1, "RSA", [], {}] as unknown as object[])], 1],
    ["six without ids: four are tried", () => Array.from({ length: 6 }, () => rsa), 4],
    ["none", () => [], 0],
  ])("%s", async (_name, keys, expected) => {
    const { faults, count } = start(set(...keys()));
    expect(await count()).toBe(expected);
    expect(faults).toEqual([]);
  });

  it.each<[string, () => Response, string]>([
    ["no JSON", () => new Response("<html>"), "a JSON Web Key Set"],
    ["no body", () => new Response(null), "a JSON Web Key Set"],
    ["an object without keys", () => Response.json({}), "a JSON Web Key Set"],
    ["keys that are no list", () => Response.json({ keys: { length: 1 } }), "a JSON Web Key Set"],
    ["a list", () => Response.json([]), "a JSON Web Key Set"],
    [
      "more than 100 keys",
      () => Response.json({ keys: Array.from({ length: 101 }, () => ({})) }),
      "a JSON Web Key Set",
    ],
    ["more than 256 KiB", () => new Response("x".repeat(262_145)), "262144 bytes"],
    ["a status that is not 200", () => Response.json({ keys: [] }, { status: 203 }), "status 203"],
    ["a redirect", () => Response.redirect("https://evil.example/keys"), "status 302"],
  ])("is refused when it is garbage: %s", async (_name, answer, words) => {
    const { state, faults, count } = start(set({ ...rsa, kid: "a" }));
    await count("a");
    state.now += refreshMs;
    state.answer = answer;
    expect(await count("a")).toBe(1);
    expect(await count("a")).toBe(1);
    expect(faults.map(({ word }) => word)).toEqual(["jwt-keys"]);
    expect(faults[0]?.message).toContain(words);
    expect(faults[0]?.message).not.toMatch(/evil|html|xxx/);
  });
});
