import { SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startRedisRest, type RedisRest } from "../../publisher/dev/redis-rest/start.ts";
import { decodeFlagsContext } from "../../shared/x-flags/flags-header.ts";
import { placeFlags, playCarryOver, readCarryOver } from "../support/carry-over.ts";
import { startOrigin, type Origin } from "../support/origin.ts";
import { putSnapshot } from "../support/published.ts";
import { startColo, type RunningColo } from "../support/worker.ts";

const jwtSecret = "a secret for tokens, of 41 characters ...";
const proof = "the proof that a proxy sends";
const key = (id: string, byte: string): string => `${id}:${Buffer.from(byte.repeat(32)).toString("base64")}`;
const SIGNING_KEYS = {
  old: key("old", "o"),
  both: `${key("new", "n")},${key("old", "o")}`,
  new: key("new", "n"),
  none: "",
};
type Keys = keyof typeof SIGNING_KEYS;
const isKeys = (name: string): name is Keys => Object.hasOwn(SIGNING_KEYS, name);

const flags = placeFlags.map((key) => ({
  key,
  enabled: true,
  rollout_pct: 50,
  bucket_by: "anonymousId",
}));

let origin: Origin;
let redis: RedisRest;
let colo: RunningColo;

beforeAll(async () => {
  origin = await startOrigin();
  origin.answer = (request, response) => {
    response.setHeader("content-type", request.url === "/api" ? "application/json" : "text/html").end("{}");
  };
  redis = await startRedisRest();
  await putSnapshot(redis, "staging", 1, flags);
  const isolates = Object.values(SIGNING_KEYS).map((keys) => ({
    ORIGIN_URL: origin.url,
    SLUICE_ENV: "staging",
    REDIS_TIMEOUT_MS: "5000",
    UPSTASH_REDIS_REST_URL: redis.url,
    UPSTASH_REDIS_REST_TOKEN: redis.readOnlyToken,
    JWT_SECRET: jwtSecret,
    CONTEXT_SECRET: proof,
    SIGNING_KEYS: keys,
  }));
  colo = await startColo({ isolates });
});
afterAll(async () => {
  await colo.stop();
  await redis.stop();
  await origin.stop();
});

/** How the worker learns who is signed in, and which anonymous id the account had. */
type Prove = (user: string, claim: string | undefined) => Promise<Readonly<Record<string, string>>>;

interface Asked {
  readonly prove?: Prove;
  readonly keys: Keys;
  readonly user?: string;
  /** The claim `anonymous_id`. */
  readonly claim?: string;
  readonly cookie?: string;
  readonly path?: string;
}

interface Answered {
  /** Which flags are on: whose place it is. */
  readonly place: string;
  readonly targetingKey: string;
  /** What the browser holds afterwards. */
  readonly cookie: string | undefined;
}

async function ask({ prove = byToken, keys, user, claim, cookie, path = "/" }: Asked): Promise<Answered> {
  const url = colo.urls[Object.keys(SIGNING_KEYS).indexOf(keys)] ?? "";
  // Not by what was asked last: requests at the same time would mix.
  const id = crypto.randomUUID();
  const headers = {
    ...(cookie !== undefined && { cookie }),
    ...(user !== undefined && (await prove(user, claim))),
    "x-id": id,
  };
  const response = await fetch(`${url}${path}`, { headers });
  const seen = origin.seen.find((request) => request.headers["x-id"] === id);
  const context = decodeFlagsContext(String(seen?.headers["x-flags-context"]));
  const [set] = response.headers.getSetCookie();
  return {
    place: String(seen?.headers["x-flags"] ?? "off"),
    targetingKey: context?.targetingKey ?? "",
    cookie: set?.split(";")[0] ?? cookie,
  };
}

async function byToken(user: string, claim: string | undefined) {
  const token = await new SignJWT(claim === undefined ? {} : { anonymous_id: claim })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(user)
    .setExpirationTime("1h")
    .sign(new TextEncoder().encode(jwtSecret));
  return { authorization: `Bearer ${token}` };
}

async function byProxy(user: string, claim: string | undefined) {
  const context = Buffer.from(JSON.stringify({ userId: user, anonymousId: claim })).toString("base64url");
  return { "x-sluice-context": context, "x-sluice-proof": proof };
}

/** Takes the steps of a row, and tells them again with the places that came of them. */
function play(steps: string, prove: Prove): Promise<string> {
  let keys: Keys = "old";
  const cookies = new Map<string, string | undefined>();
  return playCarryOver(steps, {
    changeKeys(name) {
      if (!isKeys(name)) throw new Error(`no such keys: ${name}`);
      keys = name;
    },
    async act(device, what) {
      cookies.set(device, what === "forges" ? withoutSeal(cookies.get(device)) : undefined);
    },
    async visit({ device, user, claim, path }) {
      const cookie = cookies.get(device);
      const answered = await ask({
        prove,
        keys,
        ...(user !== "nobody" && { user }),
        ...(claim !== undefined && { claim }),
        ...(cookie !== undefined && { cookie }),
        ...(path !== undefined && { path }),
      });
      cookies.set(device, answered.cookie);
      return answered;
    },
  });
}

/** `id.day.seal key.seal.key.mac` without the seal. */
function withoutSeal(cookie = ""): string {
  const [id, day, , , keyId, mac] = cookie.split(".");
  if (mac === undefined) throw new Error("the cookie has no seal");
  return [id, day, keyId, mac].join(".");
}

const cases = await readCarryOver();

it("the documentation has the table", () => {
  expect(cases.length).toBeGreaterThan(15);
});

describe.each([
  ["a token", byToken],
  ["a proxy", byProxy],
] as const)("carry-over works as in docs/identity.md, by %s", (_proof, prove) => {
  it.each(cases)("%s", async (_name, steps) => {
    expect(await play(steps, prove)).toBe(steps);
  });
});

describe("requests at the same time", () => {
  it("with one cookie get one id and one seal", async () => {
    const first = await ask({ keys: "new" });
    const asked = { keys: "new", user: "ann", cookie: first.cookie ?? "" } as const;
    const answers = await Promise.all(Array.from({ length: 8 }, () => ask(asked)));
    expect(new Set(answers.map(({ place }) => place))).toEqual(new Set([first.place]));
    expect(new Set(answers.map(({ cookie }) => cookie)).size).toBe(1);
  });

  it("of one account without a cookie get one id", async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => ask({ keys: "new", user: "zoë" })));
    expect(new Set(answers.map(({ place }) => place)).size).toBe(1);
  });

  it("a late answer to the previous account does not change the current account's id", async () => {
    const { cookie = "" } = await ask({ keys: "new" });
    const late = await ask({ keys: "new", user: "ann", cookie });
    const bob = await ask({ keys: "new", user: "bob", cookie: late.cookie ?? "" });
    const again = await ask({ keys: "new", user: "bob", cookie: late.cookie ?? "" });
    expect(again).toEqual(bob);
  });
});

describe("the content of the cookie", () => {
  it("does not contain the account and differs between two browsers", async () => {
    const laptop = await ask({
      keys: "new",
      user: "ann@example.com",
      cookie: (await ask({ keys: "new" })).cookie ?? "",
    });
    const phone = await ask({
      keys: "new",
      user: "ann@example.com",
      cookie: (await ask({ keys: "new" })).cookie ?? "",
    });
    const seals = [laptop, phone].map(({ cookie }) => cookie?.split(".")[3]);
    expect(seals[0]).toMatch(/^[\w-]{22}$/);
    expect(seals[0]).not.toBe(seals[1]);
    expect(laptop.cookie).not.toContain("ann");
    expect(laptop.cookie?.length).toBeLessThan(200);
  });
});
