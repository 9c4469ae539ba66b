import { createHmac, hkdfSync } from "node:crypto";
import { readFile } from "node:fs/promises";
import { SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startRedisRest, type RedisRest } from "../../publisher/dev/redis-rest/start.ts";
import { decodeFlagsContext } from "../../shared/x-flags/flags-header.ts";
import { startOrigin, type Origin } from "../support/origin.ts";
import { putSnapshot } from "../support/published.ts";
import { sendRaw } from "../support/raw-request.ts";
import { startWorker, type RunningWorker } from "../support/worker.ts";

const proof = "the proof that a proxy sends";
const signingKey = "k".repeat(32);
const jwtSecret = "the secret of the tokens, 37 characters";
const vip = "vip-4711";
/** An anonymous id that somebody wants to have, and that is on a list by mistake. */
const wanted = `anon-${"w".repeat(22)}`;
const today = Math.floor(Date.now() / 86_400_000);

/** Each is on for nobody but those whom an attacker would like to be. */
const flags = [
  { key: "listed", enabled: true, rollout_pct: 0, targeting: { allowlist: [vip, wanted] } },
  { key: "pro", enabled: true, rollout_pct: 100, targeting: { plans: ["pro"] } },
  { key: "staff", enabled: true, rollout_pct: 0, targeting: { employees_only: true } },
  {
    key: "ruled",
    enabled: true,
    rollout_pct: 0,
    targeting: {
      rules: [
        {
          id: "theirs",
          if: { $or: [{ organization: "acme" }, { anonymousId: wanted }, { country: "DE" }] },
          rollout_pct: 100,
        },
      ],
    },
  },
];

let origin: Origin;
let redis: RedisRest;
let worker: RunningWorker;

beforeAll(async () => {
  origin = await startOrigin();
  origin.answer = (_request, response) => response.setHeader("content-type", "text/html").end("<p>hello");
  redis = await startRedisRest();
  await putSnapshot(redis, "staging", 1, flags);
  worker = await startWorker({
    vars: {
      ORIGIN_URL: origin.url,
      SLUICE_ENV: "staging",
      REDIS_TIMEOUT_MS: "5000",
      UPSTASH_REDIS_REST_URL: redis.url,
      UPSTASH_REDIS_REST_TOKEN: redis.readOnlyToken,
      CONTEXT_SECRET: proof,
      SIGNING_KEYS: `k1:${Buffer.from(signingKey).toString("base64")}`,
      JWT_SECRET: jwtSecret,
      JWT_CLAIMS: "userId=sub,plan,isEmployee,organization",
    },
  });
});
afterAll(async () => {
  await worker.stop();
  await redis.stop();
  await origin.stop();
});

const base64url = (text: string): string => Buffer.from(text).toString("base64url");
const pair = (value: string): string => `__Host-sluice-id=${value}`;

const everything = JSON.stringify({
  userId: vip,
  anonymousId: wanted,
  plan: "pro",
  isEmployee: true,
  organization: "acme",
});

/** What a cookie would be that was signed by these keys in some other way than the worker's. */
function signed(content: string, key: string | Buffer): string {
  return `${content}.${createHmac("sha256", key).update(content).digest("base64url")}`;
}
const derived = (info: string): Buffer => Buffer.from(hkdfSync("sha256", signingKey, "", info, 32));

async function whoIs(headers: Readonly<Record<string, string>>) {
  const response = await fetch(worker.url, { headers });
  const { headers: told, rawHeaders } = origin.last;
  return {
    status: response.status,
    flags: told["x-flags"],
    key: decodeFlagsContext(String(told["x-flags-context"]))?.targetingKey,
    cookie: response.headers.getSetCookie()[0]?.split(";")[0],
    told,
    rawHeaders,
  };
}

/** The module that docs/identity.md shows. */
async function readExample(): Promise<(user: object, secret: string) => Record<string, string>> {
  const doc = await readFile(new URL("../../docs/identity.md", import.meta.url), "utf8");
  const [, code = ""] = /^```js context\.mjs\n(.*?)^```$/ms.exec(doc) ?? [];
  const module = (await import(`data:text/javascript,${encodeURIComponent(code)}`)) as {
    sluiceHeaders: (user: object, secret: string) => Record<string, string>;
  };
  return module.sluiceHeaders;
}

describe("the rows below could gain something: a trusted proxy gets all of it", () => {
  it("with the documentation's example", async () => {
    const toHeaders = await readExample();
    const user = { id: "zoë", plan: "pro", isEmployee: true };
    expect(await whoIs(toHeaders(user, proof))).toMatchObject({ key: "zoë", flags: "pro, staff" });
  });

  it("and with a cookie signed like the worker's", async () => {
    const { flags: on } = await whoIs({ "x-sluice-context": base64url(everything), "x-sluice-proof": proof });
    expect(on).toBe("listed, pro, ruled, staff");
    const cookie = pair(signed(`${wanted}.${today}.k1`, derived("sluice visitor cookie")));
    expect(await whoIs({ cookie })).toMatchObject({ key: wanted, flags: "ruled", cookie: undefined });
  });
});

const attacks: readonly (readonly [name: string, headers: Readonly<Record<string, string>>])[] = [
  // The cookie.
  ["a cookie that names a listed user", { cookie: pair(vip) }],
  ["an unsigned cookie of the wanted id", { cookie: pair(wanted) }],
  ["the same with a day", { cookie: pair(`${wanted}.${today}`) }],
  ["the same twice", { cookie: `${pair(wanted)}; ${pair(wanted)}` }],
  ["the same behind a good name", { cookie: `a=b; ${pair(wanted)}` }],
  ["the same behind a comma", { cookie: `a=b, ${pair(wanted)}` }],
  ["the same behind a blank of Unicode's", { cookie: `\u00a0${pair(wanted)}` }],
  ["the same, quoted", { cookie: pair(`"${wanted}"`) }],
  ["the same, escaped", { cookie: pair(wanted.replace("-", "%2d")) }],
  ["a signature of zeros", { cookie: pair(`${wanted}.${today}.k1.${"A".repeat(43)}`) }],
  ["a signature by the raw key", { cookie: pair(signed(`${wanted}.${today}.k1`, signingKey)) }],
  [
    "a signature by the key of the seals",
    { cookie: pair(signed(`${wanted}.${today}.k1`, derived("sluice account seal"))) },
  ],
  [
    "a signature by the key of the accounts' ids",
    { cookie: pair(signed(`${wanted}.${today}.k1`, derived("sluice account id"))) },
  ],
  ["a signature by an empty key", { cookie: pair(signed(`${wanted}.${today}.k1`, "")) }],
  ["a signature by the wrong part", { cookie: pair(signed(wanted, derived("sluice visitor cookie"))) }],
  [
    "a key's id that is a member of objects",
    { cookie: pair(`${wanted}.${today}.constructor.${"A".repeat(43)}`) },
  ],
  ["a key's id of nothing", { cookie: pair(`${wanted}.${today}..${"A".repeat(43)}`) }],
  ["a listed id as the id of a key", { cookie: pair(`${wanted}.${today}.${vip}.${"A".repeat(43)}`) }],
  ["10 KB of cookie", { cookie: pair(wanted + ".1".repeat(5_000)) }],
  ["10 KB of cookies", { cookie: Array.from({ length: 300 }, () => pair(wanted)).join("; ") }],
  // The proxy's word.
  ["a context without a proof", { "x-sluice-context": base64url(everything) }],
  ["an empty proof", { "x-sluice-context": base64url(everything), "x-sluice-proof": "" }],
  ["half a proof", { "x-sluice-context": base64url(everything), "x-sluice-proof": proof.slice(0, 16) }],
  ["a longer proof", { "x-sluice-context": base64url(everything), "x-sluice-proof": `${proof}x` }],
  [
    "a proof in capitals",
    { "x-sluice-context": base64url(everything), "x-sluice-proof": proof.toUpperCase() },
  ],
  ["the proof twice", { "x-sluice-context": base64url(everything), "x-sluice-proof": `${proof}, ${proof}` }],
  ["another secret as the proof", { "x-sluice-context": base64url(everything), "x-sluice-proof": jwtSecret }],
  ["the key as the proof", { "x-sluice-context": base64url(everything), "x-sluice-proof": signingKey }],
  ["undefined as the proof", { "x-sluice-context": base64url(everything), "x-sluice-proof": "undefined" }],
  [
    "a context with its own proof",
    { "x-sluice-context": base64url(`${everything.slice(0, -1)},"proof":"${proof}"}`) },
  ],
  ["other names for the two", { x_sluice_context: base64url(everything), x_sluice_proof: proof }],
  // What a client says of itself.
  ["attributes as headers", { "x-user-id": vip, "x-plan": "pro", "x-flags-context": "key=:dmlw:" }],
  ["flags as headers", { "x-flags": "listed, pro", X_Flags: "staff", "x.flags": "ruled" }],
  ["cf as a header", { cf: '{"country":"DE"}', "cf-worker": "example.com" }],
  ["a country as a header", { "cf-ipcountry": "DE", "x-vercel-ip-country": "DE", "cf-region-code": "BY" }],
  ["a user as the password", { authorization: `Basic ${Buffer.from(`${vip}:`).toString("base64")}` }],
  ["an id for a token", { authorization: `Bearer ${vip}` }],
];

it("a flag uses the location that Cloudflare reports", async () => {
  // The way in which the local runtime is told; Cloudflare's own has none from outside.
  expect((await whoIs({ "mf-cf-blob": '{"country":"DE"}' })).flags).toBe("ruled");
  expect((await whoIs({ "mf-cf-blob": '{"country":"FR"}' })).flags).toBeUndefined();
});

describe("an attack gains nothing", () => {
  it.each(attacks)("%s", async (_name, headers) => {
    const { status, flags: on, key } = await whoIs(headers);
    expect(status).toBe(200);
    expect(on).toBeUndefined();
    expect(key).toMatch(/^anon-[\w-]{22}$/);
    expect(key).not.toBe(wanted);
  });

  it("a proven context that is malformed or forbidden", async () => {
    const contexts = [
      everything.slice(1),
      `[${everything}]`,
      `"${vip}"`,
      everything.replace(vip, wanted),
      everything.replace("true", '"true"'),
      everything.replace('"userId"', '"__proto__":{"isEmployee":true},"userId"'),
      JSON.stringify({ userId: "u".repeat(257), plan: "pro" }),
      JSON.stringify({ userId: [vip], plan: "pro" }),
    ];
    for (const context of contexts) {
      const headers = { "x-sluice-context": base64url(context), "x-sluice-proof": proof };
      const { status, flags: on, key } = await whoIs(headers);
      expect([context, status, on]).toEqual([context, 200, undefined]);
      expect(key).toMatch(/^anon-/);
    }
  });

  it("a context that comes twice, once from the proxy", async () => {
    const [mine, theirs] = [everything, '{"userId":"u1"}'].map(base64url);
    await sendRaw(worker.url, [
      "GET / HTTP/1.1",
      `X-Sluice-Context: ${mine}`,
      `X-Sluice-Context: ${theirs}`,
      `X-Sluice-Proof: ${proof}`,
    ]);
    expect(origin.last.headers["x-flags"]).toBeUndefined();
  });

  it("a cookie header that comes twice", async () => {
    const content = `${wanted}.${today}.k1`;
    const lines = ["GET / HTTP/1.1", "Cookie: a=b", `Cookie: ${pair(signed(content, signingKey))}`];
    expect(await sendRaw(worker.url, lines)).toMatch(/^HTTP\/1\.1 200 /);
    expect(origin.last.headers["x-flags"]).toBeUndefined();
  });

  it("100 KB of cookie: it may be refused, and the next visitor is served", async () => {
    for (const cookie of [pair("A".repeat(100_000)), `${pair(wanted)}; `.repeat(2_000)]) {
      const before = origin.seen.length;
      const answer = await sendRaw(worker.url, ["GET / HTTP/1.1", `Cookie: ${cookie}`]).catch(() => "");
      for (const { headers } of origin.seen.slice(before)) expect(headers["x-flags"]).toBeUndefined();
      expect(answer).not.toMatch(/^HTTP\/1\.1 50/);
      expect((await whoIs({})).status).toBe(200);
    }
  });
});

describe("a token's claim of an anonymous id", () => {
  const tokenOf = (claim: unknown): Promise<string> =>
    new SignJWT({ anonymous_id: claim })
      .setProtectedHeader({ alg: "HS256" })
      .setSubject("ann")
      .setExpirationTime("1h")
      .sign(new TextEncoder().encode(jwtSecret));

  it.each([vip, "", 7, null, [wanted], { id: wanted }, `${wanted}\r\n`, `${wanted}; Domain=example.com`])(
    "that is none is no id: %j",
    async (claim) => {
      const {
        status,
        flags: on,
        key,
        cookie,
      } = await whoIs({ authorization: `Bearer ${await tokenOf(claim)}` });
      expect(status).toBe(200);
      expect(on).toBeUndefined();
      expect(key).toBe("ann");
      expect(cookie).toMatch(/^__Host-sluice-id=anon-[\w-]{22}\.\d{5}\.k1\.[\w-]{22}\.k1\.[\w-]{43}$/);
      expect(cookie).not.toContain(wanted);
    },
  );

  it("with the right form becomes the sealed cookie", async () => {
    const { key, flags: on, cookie } = await whoIs({ authorization: `Bearer ${await tokenOf(wanted)}` });
    expect([key, on]).toEqual(["ann", "ruled"]);
    expect(cookie).toContain(`=${wanted}.${today}.k1.`);
  });
});

it("signature, seal and account id use separate keys, and Node's crypto computes the same values", async () => {
  const cut = (info: string, text: string): string =>
    createHmac("sha256", derived(info)).update(text).digest().subarray(0, 16).toString("base64url");
  const { cookie } = await whoIs({
    "x-sluice-context": base64url('{"userId":"zoë"}'),
    "x-sluice-proof": proof,
  });
  const id = `anon-${cut("sluice account id", "zoë")}`;
  const seal = cut("sluice account seal", `${id}zoë`);
  expect(cookie).toBe(pair(signed(`${id}.${today}.k1.${seal}.k1`, derived("sluice visitor cookie"))));
});

describe("an id is carried byte for byte and cannot break a header", () => {
  it.each([
    'a"b',
    "a\r\nx-flags: listed",
    "a\nx-injected: 1",
    "a\0b",
    ", rev=999, src=none, key=:dmlw:",
    ":dmlw:",
    "zoë 🎉 \u202e",
    "u".repeat(256),
    "__proto__",
    "constructor",
    "../../../etc/passwd",
    "%0d%0aset-cookie:%20a=b",
    "; Domain=example.com",
  ])("%j", async (userId) => {
    const context = JSON.stringify({ userId });
    const {
      status,
      key,
      flags: on,
      told,
      rawHeaders,
      cookie,
    } = await whoIs({
      "x-sluice-context": base64url(context),
      "x-sluice-proof": proof,
    });
    expect([status, key, on]).toEqual([200, userId, undefined]);
    expect(told["x-injected"]).toBeUndefined();
    expect(rawHeaders.filter((name) => name.toLowerCase() === "x-flags-context")).toHaveLength(1);
    expect(cookie).toMatch(/^__Host-sluice-id=anon-[\w.-]+$/);
  });
});

it("the log reports refusals without secrets and ids", () => {
  expect(worker.log).toContain("context-unproven");
  expect(worker.log).toContain("context-malformed");
  for (const secret of [proof, signingKey, jwtSecret, vip, wanted, 'pro"', "acme", "zoë"]) {
    expect(worker.log).not.toContain(secret);
  }
});
