import { createHmac, randomBytes } from "node:crypto";
import { SignJWT, UnsecuredJWT, generateKeyPair } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startRedisRest, type RedisRest } from "../../publisher/dev/redis-rest/start.ts";
import { signOverride } from "../../publisher/service/sign-override.ts";
import { MAX_OVERRIDE_S, OVERRIDE_PATH, OVERRIDE_TYPE } from "../../shared/flag/override.ts";
import { readFlags } from "../../shared/x-flags/read-flags.ts";
import { startOrigin, type Origin } from "../support/origin.ts";
import { putSnapshot } from "../support/published.ts";
import { startWorker, type RunningWorker } from "../support/worker.ts";

const ENVIRONMENT = "override-test";
const keyOf = (id: string) => ({ id, secret: new Uint8Array(randomBytes(32)) });
const KEYS = { first: keyOf("new"), second: keyOf("old"), gone: keyOf("gone"), user: keyOf("user") };
const textOf = ({ id, secret }: ReturnType<typeof keyOf>): string =>
  `${id}:${Buffer.from(secret).toString("base64")}`;

let redis: RedisRest;
let origin: Origin;
let worker: RunningWorker;

beforeAll(async () => {
  redis = await startRedisRest();
  origin = await startOrigin();
  worker = await startWorker({
    vars: {
      ORIGIN_URL: origin.url,
      SLUICE_ENV: ENVIRONMENT,
      UPSTASH_REDIS_REST_URL: redis.url,
      UPSTASH_REDIS_REST_TOKEN: redis.readOnlyToken,
      REFRESH_MS: "20",
      // A busy machine is no outage.
      REDIS_TIMEOUT_MS: "5000",
      OVERRIDE_KEYS: `${textOf(KEYS.first)},${textOf(KEYS.second)}`,
    },
  });
  await putSnapshot(redis, ENVIRONMENT, 1, FLAGS, { killed: null });
});
afterAll(async () => {
  await worker.stop();
  await origin.stop();
  await redis.stop();
});

const FLAGS = [
  {
    key: "ai_search",
    enabled: true,
    rollout_pct: 0,
    gates: [{ pattern: "/ai/*", otherwise: { status: 404 } }],
  },
  {
    key: "copilot",
    enabled: true,
    rollout_pct: 0,
    variants: [
      { key: "small", ranges: [[0, 10_000]] },
      { key: "large", ranges: [] },
    ],
  },
  { key: "dependent", enabled: true, rollout_pct: 100, requires: [{ flag: "ai_search" }] },
  { key: "disabled", enabled: false, rollout_pct: 100 },
  { key: "killed", enabled: true, rollout_pct: 100 },
  { key: "public", enabled: true, rollout_pct: 100 },
];

const signed = async (
  flags: Readonly<Record<string, string>>,
  { key = KEYS.first, environment = ENVIRONMENT, seconds = 7_200, now = Date.now() } = {},
): Promise<string> =>
  (await signOverride({ key, environment }, new Map(Object.entries(flags)), seconds, new Date(now))).token;

/** What the origin reads for a browser with this cookie. */
async function visit(token: string, path = "/") {
  const response = await fetch(`${worker.url}${path}`, {
    headers: { cookie: `a=1; __Host-sluice-override=${token}; b=2` },
  });
  await response.text();
  const flags = await readFlags(origin.last.headers);
  return { status: response.status, flags, enabled: flags.enabled, override: flags.context?.override };
}

const open = (query: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`${worker.url}${OVERRIDE_PATH}?${query}`, { redirect: "manual", ...init });

const cookieOf = (response: Response): string => response.headers.getSetCookie().join("\n");

describe("a link", () => {
  it("activates the override for this browser, and redirects", async () => {
    const token = await signed({ ai_search: "on", copilot: "large" });
    const response = await open(`token=${token}&to=${encodeURIComponent("/ai/chat?q=1#top")}`);
    expect(response.status).toBe(303);
    expect(response.headers.get("location")).toBe("/ai/chat?q=1#top");
    const [pair = "", ...attributes] = cookieOf(response).split("; ");
    expect(pair).toBe(`__Host-sluice-override=${token}`);
    expect(attributes).toEqual([
      expect.stringMatching(/^Max-Age=7(?:200|1\d\d)$/),
      "Path=/",
      "Secure",
      "HttpOnly",
      "SameSite=Lax",
    ]);
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(response.headers.get("referrer-policy")).toBe("no-referrer");
    expect(response.headers.get("clear-site-data")).toBe('"cache"');

    const seen = await visit(token, "/ai/chat");
    expect(seen).toMatchObject({
      status: 200,
      enabled: ["ai_search", "copilot", "public"],
      override: ["ai_search", "copilot"],
    });
    expect(seen.flags.variant("copilot")).toBe("large");
    // Nobody else's.
    expect((await fetch(`${worker.url}/ai/chat`)).status).toBe(404);
  });

  it("without a target redirects to the page that shows the active override and ends it", async () => {
    const token = await signed({ ai_search: "on", copilot: "large" });
    expect((await open(`token=${token}`)).headers.get("location")).toBe(OVERRIDE_PATH);
    const cookie = `__Host-sluice-override=${token}`;
    const page = await open("", { headers: { cookie } });
    const html = await page.text();
    expect(html).toContain("<code>ai_search</code>: on");
    expect(html).toContain("<code>copilot</code>: large");
    expect(html).not.toContain(token);
    expect(page.headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
    expect(page.headers.get("cache-control")).toBe("no-store");

    const ended = await open("", { method: "POST", headers: { cookie, "sec-fetch-site": "same-origin" } });
    expect(ended.status).toBe(303);
    expect(cookieOf(ended)).toMatch(/^__Host-sluice-override=; Max-Age=0; Path=\/; Secure/);
    expect(await (await open("")).text()).toContain("No override is active.");
  });

  it("has a page that shows why a flag does not follow it", async () => {
    const token = await signed({
      ...{ ai_search: "on", killed: "on", disabled: "on", dependent: "on", copilot: "huge", nothing: "on" },
      public: "off",
    });
    const page = await open("", { headers: { cookie: `__Host-sluice-override=${token}` } });
    const items = [...(await page.text()).matchAll(/<li>(.*?)<\/li>/g)].map(([, item = ""]) =>
      item.replace(/<[^>]+>/g, ""),
    );
    expect(items).toEqual([
      "ai_search: on",
      "killed: on, but not active: it was killed",
      "disabled: on, but not active: its kill switch is off",
      "dependent: on",
      "copilot: huge, but not active: it has no such variant",
      "nothing: on, but not active: there is no such flag",
      "public: off",
    ]);
    const alone = await signed({ dependent: "on" });
    const other = await open("", { headers: { cookie: `__Host-sluice-override=${alone}` } });
    expect(await other.text()).toContain("a flag that it needs is off here");
  });

  it.each([
    ["a picture of another page", "GET", { "sec-fetch-dest": "image" }],
    ["a frame", "GET", { "sec-fetch-dest": "iframe" }],
    ["a script", "GET", { "sec-fetch-dest": "empty", "sec-fetch-mode": "cors" }],
    ["a prefetch", "GET", { "sec-purpose": "prefetch" }],
    ["a prerender", "GET", { "sec-fetch-dest": "document", "sec-purpose": "prefetch;prerender" }],
    ["an older prefetch", "GET", { purpose: "prefetch" }],
    ["a link preview's HEAD", "HEAD", {}],
    ["a service worker", "GET", { "sec-fetch-dest": "empty", "sec-fetch-mode": "navigate" }],
    ["another site's form", "POST", { "sec-fetch-dest": "document", "sec-fetch-site": "cross-site" }],
    ["a neighbour's form", "POST", { "sec-fetch-dest": "document", "sec-fetch-site": "same-site" }],
    ["a form in a frame", "POST", { "sec-fetch-dest": "iframe", "sec-fetch-site": "same-origin" }],
    [
      "a form by way of a service worker",
      "POST",
      { "sec-fetch-dest": "empty", "sec-fetch-mode": "navigate", "sec-fetch-site": "same-origin" },
    ],
  ])("does nothing by %s", async (_name, method, headers) => {
    const response = await open(`token=${await signed({ ai_search: "on" })}`, { method, headers });
    expect(response.status).toBe(403);
    expect(cookieOf(response)).toBe("");
  });

  it.each(["same-origin", "same-site", "cross-site"])("on another page (%s) asks first", async (site) => {
    const query = `token=${await signed({ ai_search: "on", killed: "on" })}&to=/ai`;
    const led = { "sec-fetch-dest": "document", "sec-fetch-mode": "navigate", "sec-fetch-site": site };
    const question = await open(query, { headers: led });
    expect(question.status).toBe(200);
    expect(cookieOf(question)).toBe("");
    expect(question.headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
    const html = await question.text();
    expect(html).toContain("<code>ai_search</code>: on");
    expect(html).toContain("it was killed");
    expect(html).not.toContain("eyJ");
    // A form without an address goes to where it stands.
    expect(html).toContain('<form method="post"><button>Activate it</button></form>');
    const pressed = { "sec-fetch-dest": "document", "sec-fetch-site": "same-origin" };
    const begun = await open(query, { method: "POST", headers: pressed });
    expect([begun.status, begun.headers.get("location")]).toEqual([303, "/ai"]);
    expect(cookieOf(begun)).toContain("__Host-sluice-override=eyJ");
  });

  it("is not ended by another site", async () => {
    const response = await open("", { method: "POST", headers: { "sec-fetch-site": "cross-site" } });
    expect(response.status).toBe(403);
    expect(cookieOf(response)).toBe("");
    expect((await open("", { method: "DELETE" })).headers.get("allow")).toBe("GET, HEAD, POST");
  });

  it.each([
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "\t//evil.example",
    " //evil.example",
    "/.//evil.example",
    "/x/..//evil.example",
    "/%2e//evil.example",
    "https://evil.example/",
    "https:evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "evil.example",
    "@evil.example",
    "?x",
    "#x",
    "",
    "/\r\nset-cookie: a=b",
    "/\u0000",
    "/\u00e9",
    "/\uff0f/evil.example",
    `/${"a".repeat(2_048)}`,
  ])("never redirects to %j", async (to) => {
    const token = await signed({ ai_search: "on" });
    const response = await open(`token=${token}&to=${encodeURIComponent(to)}`);
    expect(response.status).toBe(400);
    expect(response.headers.get("location")).toBeNull();
    expect(cookieOf(response)).toBe("");
  });

  it.each([
    ["/", "/"],
    ["/a/../b", "/b"],
    ["/a?next=//evil.example", "/a?next=//evil.example"],
    ["/%2f/evil.example", "/%2f/evil.example"],
    ["/@evil.example", "/@evil.example"],
    ["/a//b", "/a//b"],
  ])("redirects to %j", async (to, location) => {
    const response = await open(`token=${await signed({ ai_search: "on" })}&to=${encodeURIComponent(to)}`);
    expect(response.status).toBe(303);
    expect(response.headers.get("location")).toBe(location);
  });

  it("that has expired says so", async () => {
    const response = await open(`token=${await signed({ ai_search: "on" }, { seconds: -1 })}`);
    expect(response.status).toBe(410);
    expect(cookieOf(response)).toBe("");
  });
});

describe("an override never beats", () => {
  it.each([
    ["a kill", { killed: "on" }],
    ["the switch", { disabled: "on" }],
    ["a prerequisite", { dependent: "on" }],
    ["what the flag has", { copilot: "huge" }],
    ["what there is", { nothing: "on" }],
  ])("%s", async (_name, flags) => {
    const seen = await visit(await signed(flags));
    expect(seen.enabled).toEqual(["public"]);
    expect(seen.override).toBeUndefined();
  });

  it("the requirement of a flag that it does not name", async () => {
    expect((await visit(await signed({ ai_search: "on" }))).enabled).toEqual(["ai_search", "public"]);
    const both = await signed({ ai_search: "on", dependent: "on" });
    expect((await visit(both)).enabled).toEqual(["ai_search", "dependent", "public"]);
  });

  it("a gate whose flag it forces off", async () => {
    const seen = await visit(await signed({ public: "off" }));
    expect(seen.enabled).toEqual([]);
    expect(seen.override).toEqual(["public"]);
    const closed = await fetch(`${worker.url}/ai/chat`, {
      headers: { cookie: `__Host-sluice-override=${await signed({ public: "on" })}` },
    });
    expect(closed.status).toBe(404);
  });
});

describe("a token that gains nothing", () => {
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    flags: { ai_search: "on" },
    aud: `sluice:${ENVIRONMENT}`,
    iat: now,
    exp: now + 3_600,
    jti: "id-1",
  };
  const forge = (
    payload: object = {},
    header: object = {},
    key: Parameters<SignJWT["sign"]>[0] = KEYS.first.secret,
  ): Promise<string> =>
    new SignJWT({ ...claims, ...payload })
      .setProtectedHeader({ alg: "HS256", typ: OVERRIDE_TYPE, kid: "new", ...header })
      .sign(key);
  const part = (value: object | string): string =>
    Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
  const tampered = async (change: (parts: string[]) => readonly string[]): Promise<string> =>
    change((await forge()).split(".")).join(".");

  const ATTACKS: readonly (readonly [name: string, make: () => Promise<string> | string])[] = [
    ["alg none", () => new UnsecuredJWT(claims).encode()],
    [
      "alg none with a key id, a type and a signature",
      () =>
        tampered(([, payload = "", mac = ""]) => [
          part({ alg: "none", typ: OVERRIDE_TYPE, kid: "new" }),
          payload,
          mac,
        ]),
    ],
    [
      "alg nOnE without a signature",
      () =>
        tampered(([, payload = ""]) => [part({ alg: "nOnE", typ: OVERRIDE_TYPE, kid: "new" }), payload, ""]),
    ],
    ["alg HS512", () => forge({}, { alg: "HS512" }, randomBytes(64))],
    [
      "alg HS512 by the very key",
      () => {
        const content = `${part({ alg: "HS512", typ: OVERRIDE_TYPE, kid: "new" })}.${part(claims)}`;
        const mac = createHmac("sha512", KEYS.first.secret).update(content).digest("base64url");
        return `${content}.${mac}`;
      },
    ],
    [
      "alg RS256",
      async () =>
        forge({}, { alg: "RS256" }, (await generateKeyPair("RS256", { extractable: true })).privateKey),
    ],
    ["alg ES256", async () => forge({}, { alg: "ES256" }, (await generateKeyPair("ES256")).privateKey)],
    ["no signature", () => tampered(([header = "", payload = ""]) => [header, payload, ""])],
    [
      "other claims under a right signature",
      () =>
        tampered(([header = "", , mac = ""]) => [header, part({ ...claims, flags: { copilot: "on" } }), mac]),
    ],
    [
      "a signature with its last bit turned",
      () =>
        tampered(([header = "", payload = "", mac = ""]) => [
          header,
          payload,
          `${mac[0] === "A" ? "B" : "A"}${mac.slice(1)}`,
        ]),
    ],
    ["another secret under our key id", () => forge({}, {}, KEYS.gone.secret)],
    ["a key that is no longer there", () => signed({ ai_search: "on" }, { key: KEYS.gone })],
    ["our secret under an unknown key id", () => forge({}, { kid: "newer" })],
    ["no key id", () => forge({}, { kid: undefined })],
    ["a key id that an object would have", () => forge({}, { kid: "constructor" })],
    ["the empty secret", () => forge({}, {}, new Uint8Array(32))],
    ["a user's token, by our own key", () => forge({ sub: "user-1" }, { typ: "JWT" })],
    ["no type", () => forge({}, { typ: undefined })],
    ["an access token's type", () => forge({}, { typ: "at+jwt" })],
    ["another environment", () => signed({ ai_search: "on" }, { environment: "staging" })],
    ["several audiences, none of them ours", () => forge({ aud: ["sluice:a", "sluice:b"] })],
    ["no audience", () => forge({ aud: undefined })],
    ["ended", () => signed({ ai_search: "on" }, { seconds: -1 })],
    ["ended within the skew", () => signed({ ai_search: "on" }, { now: Date.now() - 60_000, seconds: 59 })],
    ["no end", () => forge({ exp: undefined })],
    ["an end that is a text", () => forge({ exp: `${now + 3_600}` })],
    ["an end beyond a week", () => forge({ exp: now + MAX_OVERRIDE_S + 1 })],
    ["an end that is no time", () => forge({ exp: 1e300 })],
    ["begun more than a week ago", () => forge({ iat: now - MAX_OVERRIDE_S - 120 })],
    ["no beginning", () => forge({ iat: undefined })],
    ["from the future", () => forge({ iat: now + 3_000 })],
    ["not yet", () => forge({ nbf: now + 3_000 })],
    ["no id", () => forge({ jti: undefined })],
    ["a critical extension", () => forge({}, { crit: ["exp"], exp: now + 3_600 }).catch(() => "unsignable")],
    [
      "keys of its own in the header",
      () =>
        forge(
          {},
          { jwk: { kty: "oct", k: part("x".repeat(32)) }, jku: origin.url, kid: "mine" },
          Buffer.from("x".repeat(32)),
        ),
    ],
    ["flags that are a list", () => forge({ flags: ["ai_search"] })],
    ["flags that are a text", () => forge({ flags: "ai_search" })],
    ["no flags", () => forge({ flags: undefined })],
    ["no flag at all", () => forge({ flags: {} })],
    [
      "__proto__ beside a flag",
      () => forge({ flags: JSON.parse('{"__proto__": "on", "ai_search": "on"}') as object }),
    ],
    [
      "__proto__ around a flag",
      () => forge({ flags: JSON.parse('{"__proto__": {"ai_search": "on"}}') as object }),
    ],
    ["a value that is no text", () => forge({ flags: { ai_search: true } })],
    ["a value that is markup", () => forge({ flags: { ai_search: "<b>" } })],
    ["a value that would be a header", () => forge({ flags: { ai_search: "on\r\nx-flags: copilot" } })],
    ["a key with capitals", () => forge({ flags: { AI_SEARCH: "on", ai_search: "on" } })],
    [
      "too many flags",
      () =>
        forge({
          flags: Object.fromEntries(
            Array.from({ length: 21 }, (_, at) => [at === 0 ? "ai_search" : `f${at}`, "on"]),
          ),
        }),
    ],
    ["longer than a cookie may be", () => forge({ pad: "x".repeat(4_000) })],
    ["a huge text", () => "x".repeat(12_000)],
    ["dots alone", () => ".".repeat(3_000)],
    ["a JWE", () => "eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIn0..AAAA.AAAA.AAAA"],
    ["JSON", () => part(claims)],
    ["nothing", () => ""],
    ["a quoted token", async () => `"${await forge()}"`],
    ["blanks in it", () => tampered(([header = "", ...rest]) => [` ${header} `, ...rest])],
    ["bytes that are no text", () => "%ff%fe.%00.%00"],
  ];

  it.each(ATTACKS)("%s", async (_name, make) => {
    const token = await make();
    const seen = await visit(token);
    expect(seen).toMatchObject({ status: 200, enabled: ["public"] });
    expect(seen.override).toBeUndefined();
    const link = await open(`token=${encodeURIComponent(token)}`);
    expect([403, 410]).toContain(link.status);
    expect(cookieOf(link)).toBe("");
  });

  it("the unchanged token gains, so the rows above could", async () => {
    expect((await visit(await forge())).override).toEqual(["ai_search"]);
  });

  it("none of their secrets and texts is in the log", () => {
    expect(worker.log).toContain("override-refused");
    for (const secret of Object.values(KEYS)) expect(worker.log).not.toContain(textOf(secret).split(":")[1]);
    expect(worker.log).not.toContain("eyJ");
  });
});

describe("a neighbouring host's cookie", () => {
  it.each([
    ["behind a comma", (token: string) => `a=x,__Host-sluice-override=${token}`],
    ["behind a blank that is none", (token: string) => `a=x;\u00a0__Host-sluice-override=${token}`],
    ["in another case", (token: string) => `__host-sluice-override=${token}`],
    ["within another name", (token: string) => `a__Host-sluice-override=${token}`],
  ])("does not count as ours: %s", async (_name, cookieOf) => {
    const cookie = cookieOf(await signed({ ai_search: "on" }));
    await (await fetch(worker.url, { headers: { cookie } })).text();
    expect((await readFlags(origin.last.headers)).enabled).toEqual(["public"]);
  });
});

describe("keys", () => {
  it("in a rotation the second key verifies, too", async () => {
    const old = await signed({ ai_search: "on" }, { key: KEYS.second });
    expect((await visit(old)).override).toEqual(["ai_search"]);
  });
});

describe("the origin", () => {
  it("never sees the token, and gets every other cookie unchanged", async () => {
    const token = await signed({ ai_search: "on" });
    await visit(token);
    expect(origin.last.headers.cookie).toBe("a=1; b=2");
    const cases = [
      [`__Host-sluice-override=${token}`, undefined],
      [`__Host-sluice-override=${token}; a=1`, "a=1"],
      [`a="x, y";  b==; __Host-sluice-override=${token}`, 'a="x, y";  b=='],
      [`__Host-sluice-override=${token}; a=1; __Host-sluice-override=${token}`, "a=1"],
      [`a=1;__Host-sluice-override=${token};b=2`, "a=1;b=2"],
      [`my__Host-sluice-override=x; a=1`, "my__Host-sluice-override=x; a=1"],
      [`a=__Host-sluice-override=x`, "a=__Host-sluice-override=x"],
      // A neighbouring host can set a cookie with a comma in it, and no cookie of our name.
      [`a=x,__Host-sluice-override=y`, "a=x,__Host-sluice-override=y"],
    ] as const;
    for (const [sent, left] of cases) {
      await (await fetch(worker.url, { headers: { cookie: sent } })).text();
      expect(origin.last.headers.cookie).toBe(left);
    }
    expect(JSON.stringify(origin.seen)).not.toContain(token);
  });

  it("is not asked for the link", async () => {
    const before = origin.seen.length;
    await open(`token=${await signed({ ai_search: "on" })}`);
    await open("token=x");
    await open("");
    expect(origin.seen.length).toBe(before);
  });

  it("never makes the answer public", async () => {
    origin.answer = (_request, response) =>
      void response.setHeader("cache-control", "public, s-maxage=600").end("<p>");
    const response = await fetch(worker.url, {
      headers: { cookie: `__Host-sluice-override=${await signed({ ai_search: "on" })}` },
    });
    expect(response.headers.get("cache-control")).toContain("private");
    expect(response.headers.get("cache-control")).not.toMatch(/public|s-maxage/);
    origin.answer = (_request, other) => void other.end("hello");
  });
});
