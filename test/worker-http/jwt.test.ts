import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startRedisRest, type RedisRest } from "../../publisher/dev/redis-rest/start.ts";
import { readFlags } from "../../shared/x-flags/read-flags.ts";
import {
  assembleJwt,
  createIssuerKey,
  hmac,
  jwksFaults,
  startJwksServer,
  type JwksServer,
} from "../support/jwks-server.ts";
import { startOrigin, type Origin } from "../support/origin.ts";
import { putSnapshot } from "../support/published.ts";
import { sendRaw } from "../support/raw-request.ts";
import { startColo, type RunningColo } from "../support/worker.ts";

const rsa = createIssuerKey("rsa", "RS256");
const pss = createIssuerKey("pss", "PS256");
const ec = createIssuerKey("ec", "ES256");
const ed = createIssuerKey("ed", "EdDSA");
const stranger = createIssuerKey("rsa", "RS256");

const nowS = Math.floor(Date.now() / 1_000);
/** Whom the flag `vip` is on for, and `pro` by his plan. */
const boss = { sub: "boss", plan: "pro", iss: "https://issuer.example/", aud: "site", exp: nowS + 3_600 };

let origin: Origin;
let redis: RedisRest;
let issuer: JwksServer;
/** Where nobody may ever be sent by a token. */
let attacker: JwksServer;

beforeAll(async () => {
  [origin, redis, issuer, attacker] = await Promise.all([
    startOrigin(),
    startRedisRest(),
    startJwksServer(rsa, pss, ec, ed),
    startJwksServer(stranger),
  ]);
  await putSnapshot(redis, "staging", 1, [
    { key: "pro", enabled: true, rollout_pct: 100, targeting: { plans: ["pro"] } },
    { key: "vip", enabled: true, rollout_pct: 0, targeting: { allowlist: ["boss"] } },
  ]);
});
afterAll(async () => {
  await Promise.all([origin, redis, issuer, attacker].map((part) => part.stop()));
});

const vars = () => ({
  ORIGIN_URL: origin.url,
  SLUICE_ENV: "staging",
  REDIS_TIMEOUT_MS: "5000",
  UPSTASH_REDIS_REST_URL: redis.url,
  UPSTASH_REDIS_REST_TOKEN: redis.readOnlyToken,
  JWT_JWKS_URL: issuer.url,
  JWT_ISSUER: "https://issuer.example/",
  JWT_AUDIENCE: "site",
  JWT_COOKIE: "session",
  JWT_CLAIMS: "plan",
  JWT_ALGORITHMS: "RS256,PS256,ES256,EdDSA",
  // Longer than a busy machine takes.
  JWT_JWKS_TIMEOUT_MS: "5000",
});

/** What the origin was told about a visit. */
interface Told {
  readonly flags: readonly string[];
  readonly key: string | undefined;
}

let visits = 0;

async function visit(url: string, headers: Record<string, string>): Promise<Told> {
  visits += 1;
  const path = `/visit/${visits}`;
  const response = await fetch(`${url}${path}`, { headers });
  expect(response.status).toBe(200);
  const seen = origin.seen.find((request) => request.url === path);
  if (seen === undefined) throw new Error("the origin was not asked");
  const flags = await readFlags(new Headers(seen.headers as Record<string, string>));
  return { flags: flags.enabled, key: flags.context?.targetingKey };
}

const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });
const known: Told = { flags: ["pro", "vip"], key: "boss" };
const anonymous = { flags: [], key: expect.stringMatching(/^anon-/) as string };

describe("a token by published keys", () => {
  let colo: RunningColo;
  let url: string;
  beforeAll(async () => {
    colo = await startColo({ isolates: [vars()] });
    [url = ""] = colo.urls;
  });
  afterAll(() => colo.stop());

  it("counts for each of a hundred visitors at once in an isolate without keys", async () => {
    const token = rsa.sign(boss);
    const told = await Promise.all(Array.from({ length: 100 }, () => visit(url, bearer(token))));
    expect(told).toEqual(Array.from({ length: 100 }, () => known));
    expect(issuer.asked).toEqual(["/keys"]);
  });

  it.each([rsa, pss, ec, ed])("counts, signed by $algorithm", async (key) => {
    expect(await visit(url, bearer(key.sign(boss)))).toEqual(known);
    expect(await visit(url, { cookie: `theme=dark; session=${key.sign(boss)}` })).toEqual(known);
  });

  it("goes on to the origin unchanged, valid or not", async () => {
    for (const token of [rsa.sign(boss), stranger.sign(boss), "opaque"]) {
      await visit(url, { ...bearer(token), cookie: `session=${token}` });
      expect(origin.last.headers).toMatchObject({
        authorization: `Bearer ${token}`,
        cookie: `session=${token}`,
      });
    }
  });

  const withHeader = (header: object): string => stranger.sign(boss, header);
  const asSecret = (secret: string | Buffer) => (): string =>
    assembleJwt({ alg: "HS256", kid: "rsa", typ: "JWT" }, boss, hmac(secret));

  it.each<[string, () => string]>([
    ["another's key under a known id", () => stranger.sign(boss)],
    ["another's key under no id", () => withHeader({ kid: undefined })],
    ["its own key in the header (jwk)", () => withHeader({ jwk: stranger.jwk })],
    ["the address of its keys (jku)", () => withHeader({ jku: attacker.url })],
    ["the address of its certificate (x5u)", () => withHeader({ x5u: attacker.url })],
    ["its certificate (x5c)", () => withHeader({ x5c: ["MIIB"] })],
    ["a kid that is an address", () => withHeader({ kid: attacker.url })],
    ["a kid that is a path", () => withHeader({ kid: "../../../../dev/null" })],
    ["a kid that is a list", () => withHeader({ kid: ["rsa"] })],
    ["a kid of a prototype", () => withHeader({ kid: "__proto__" })],
    ["alg none", () => assembleJwt({ alg: "none" }, boss, () => Buffer.alloc(0))],
    [
      "alg NONE and the signature of another token",
      () =>
        assembleJwt({ alg: "NONE" }, boss, () =>
          Buffer.from(rsa.sign(boss).split(".")[2] ?? "", "base64url"),
        ),
    ],
    ["the public key as an HMAC's secret, in PEM", asSecret(rsa.pem)],
    ["the same without its line end", asSecret(rsa.pem.trim())],
    ["the same as a JWK", asSecret(JSON.stringify(rsa.jwk))],
    ["the same by its modulus", asSecret(Buffer.from(String(rsa.jwk["n"]), "base64url"))],
    ["an empty secret", asSecret("")],
    ["ES256 by r = s = 0", () => assembleJwt({ alg: "ES256", kid: "ec" }, boss, () => Buffer.alloc(64))],
    [
      "ES256 by an empty signature",
      () => assembleJwt({ alg: "ES256", kid: "ec" }, boss, () => Buffer.alloc(0)),
    ],
    ["one key's signature under another's algorithm", () => rsa.sign(boss, { alg: "PS256", kid: "pss" })],
    ["a header that needs to be understood (crit)", () => rsa.sign(boss, { crit: ["exp"], exp: 1 })],
    ["expired", () => rsa.sign({ ...boss, exp: nowS - 3_600 })],
    ["without an end", () => rsa.sign({ ...boss, exp: undefined })],
    ["not valid yet", () => rsa.sign({ ...boss, nbf: nowS + 3_600 })],
    ["another issuer", () => rsa.sign({ ...boss, iss: "https://issuer.example" })],
    ["another audience", () => rsa.sign({ ...boss, aud: ["api"] })],
    ["a logout token", () => rsa.sign(boss, { typ: "logout+jwt" })],
    ["three parts of a token and a fourth", () => `${rsa.sign(boss)}.AAAA`],
  ])("identifies nobody: %s", async (_name, make) => {
    const token = make();
    expect(await visit(url, bearer(token))).toEqual(anonymous);
    expect(await visit(url, { cookie: `session=${token}` })).toEqual(anonymous);
    expect(attacker.asked).toEqual([]);
  });

  it("identifies nobody when it comes twice", async () => {
    const token = rsa.sign(boss);
    for (const lines of [
      [`Authorization: Bearer ${token}`, `Authorization: Bearer ${rsa.sign({ ...boss, sub: "u2" })}`],
      [`Cookie: session=${token}; session=${rsa.sign({ ...boss, sub: "u2" })}`],
      [`Cookie: session=${token}`, `Cookie: session=${rsa.sign({ ...boss, sub: "u2" })}`],
    ]) {
      expect(await sendRaw(url, ["GET /twice HTTP/1.1", ...lines])).toMatch(/^HTTP\/1\.1 200 /);
      const { enabled } = await readFlags(new Headers(origin.last.headers as Record<string, string>));
      expect(enabled).toEqual([]);
    }
  });

  it("of 9 KB identifies nobody, and the page is shown", async () => {
    const token = rsa.sign({ ...boss, pad: "p".repeat(6_800) });
    expect(await visit(url, bearer(token))).toEqual(anonymous);
    expect(await visit(url, { cookie: `session=${token}` })).toEqual(anonymous);
  });

  it("never appears in the log", () => {
    expect(colo.log).toContain('"fault":"jwt-refused"');
    expect(colo.log).not.toMatch(/eyJ|boss|issuer\.example|127\.0\.0\.1:\d+\/keys/);
  });
});

describe("an issuer", () => {
  it("is not asked repeatedly for made-up key ids or other issuers' tokens", async () => {
    const own = await startJwksServer(rsa);
    const settings = { ...vars(), JWT_JWKS_URL: own.url };
    const colo = await startColo({ isolates: [settings, settings] });
    const [url = "", fresh = ""] = colo.urls;
    expect(await visit(url, bearer(rsa.sign(boss)))).toEqual(known);
    await Promise.all(
      Array.from({ length: 50 }, (_, at) =>
        visit(url, bearer(stranger.sign(boss, { kid: `made up ${at}` }))),
      ),
    );
    expect(own.asked).toHaveLength(1);
    // Another issuer's tokens may be the site's own: they do not have it asked either, in an isolate that knows no keys.
    await visit(fresh, bearer(stranger.sign({ ...boss, iss: "https://another.example/" })));
    expect(own.asked).toHaveLength(1);
    await colo.stop();
    await own.stop();
  });

  it("that rotates its keys and then fails locks nobody out", async () => {
    const own = await startJwksServer(rsa);
    // So soon that the test sees it: an id that is not known has the keys fetched after one second, not thirty.
    const colo = await startColo({
      isolates: [{ ...vars(), JWT_JWKS_URL: own.url, JWT_JWKS_REFRESH_MS: "1000" }],
    });
    const [url = ""] = colo.urls;
    expect(await visit(url, bearer(rsa.sign(boss)))).toEqual(known);
    own.keys = [rsa, ec];
    await sleep(1_100);
    expect(await visit(url, bearer(ec.sign(boss)))).toEqual(known);
    own.fault = "status 500";
    await sleep(1_100);
    for (let times = 0; times < 5; times += 1) {
      expect(await visit(url, bearer(rsa.sign(boss)))).toEqual(known);
    }
    await expect.poll(() => colo.log).toContain("JWT_JWKS_URL answered with status 500 instead of 200");
    // What it withdraws counts as soon as it is back.
    own.fault = undefined;
    own.keys = [ec];
    await expect
      .poll(async () => (await visit(url, bearer(rsa.sign(boss)))).flags, { interval: 200 })
      .toEqual([]);
    expect(await visit(url, bearer(ec.sign(boss)))).toEqual(known);
    await colo.stop();
    await own.stop();
  });

  it("that fails makes visitors of a cold isolate anonymous, and the page is shown", async () => {
    const faults = jwksFaults;
    // Those that answer have the time to: what they answer is what the log shall say.
    const isolates = faults.map((fault) => ({
      ...vars(),
      JWT_JWKS_URL: issuer.urlOf(fault),
      ...(["hang", "stall"].includes(fault) && { JWT_JWKS_TIMEOUT_MS: "200" }),
    }));
    const refused = { ...vars(), JWT_JWKS_URL: "http://127.0.0.1:1/" };
    const colo = await startColo({ isolates: [...isolates, refused] });
    const before = issuer.asked.filter((path) => path === "/keys").length;
    await Promise.all(
      colo.urls.map(async (url) => {
        const token = rsa.sign(boss);
        const told = await Promise.all(Array.from({ length: 10 }, () => visit(url, bearer(token))));
        expect(told).toEqual(Array.from({ length: 10 }, () => anonymous));
        expect(await visit(url, bearer(token))).toEqual(anonymous);
      }),
    );
    // The redirect was not followed, and each was asked a few times at most.
    expect(issuer.asked.filter((path) => path === "/keys")).toHaveLength(before);
    for (const fault of faults) {
      const times = issuer.asked.filter((path) => path === new URL(issuer.urlOf(fault)).pathname).length;
      expect([1, 2, 3]).toContain(times);
    }
    for (const words of [
      "could not be reached",
      "did not answer within 200 ms",
      "answered with status 302 instead of 200",
      "answered with status 500 instead of 200",
      "answered with more than 262144 bytes",
      "did not answer with a JSON Web Key Set",
    ]) {
      await expect.poll(() => colo.log).toContain(`JWT_JWKS_URL ${words}`);
    }
    await colo.stop();
  });
});
