// Measures what identifying the visitor and signing the headers cost per request: see bench/README.md.
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { SignJWT } from "jose";
import { startEdgeWorkers } from "../publisher/dev/edge-worker.ts";
import { signOverride } from "../publisher/service/sign-override.ts";
import { readFlags, type ReadFlagsOptions } from "../shared/x-flags/read-flags.ts";
import { putSnapshot } from "../test/support/published.ts";
import { openConnections, type Send } from "./support/http.ts";
import { microsecondsOf } from "./support/microseconds.ts";
import { percentile } from "./support/percentile.ts";
import { runBench, type Bench } from "./support/run-bench.ts";
import { startRedis } from "./support/system.ts";
import type { Row } from "./support/table.ts";
import { findWorkerd, type WorkerdProcess } from "./support/workerd-process.ts";

const { values: given } = parseArgs({
  options: { requests: { type: "string", default: "200" }, rounds: { type: "string", default: "40" } },
});
/** Requests of one kind in a row. */
const REQUESTS = Number(given.requests);
const ROUNDS = Number(given.rounds);
/** Not counted: the code is still being compiled. */
const WARM_UP = 3;
/** Signatures in one request: so many that the request itself costs nothing beside them. */
const SIGNATURES = 5_000;
/** Simultaneous requests. */
const CONCURRENCY = 8;

const ENVIRONMENT = "bench";
const FLAGS = Array.from({ length: 20 }, (_, n) => ({
  key: `ai_feature_${n}`,
  enabled: true,
  rollout_pct: n < 5 ? 100 : 25,
}));

const CONTEXT_SECRET = randomBytes(24).toString("base64url");
const JWT_SECRET = randomBytes(32).toString("base64url");
const SIGNING_KEYS = `bench:${randomBytes(32).toString("base64")}`;
const OVERRIDE_KEY = { id: "bench", secret: new Uint8Array(randomBytes(32)) };
const USER_ID = "user-0123456789abcdef";
const ISSUER = "https://issuer.example.com/";
const AUDIENCE = "https://www.example.com";

/** One kind of visitor: the settings of the worker, and the request. */
interface Kind {
  readonly name: string;
  readonly vars: Readonly<Record<string, string>>;
  readonly headers: (url: string, send: Send) => Promise<Readonly<Record<string, string>>>;
  /** Checks the targeting key that the site receives. */
  readonly holds: (targetingKey: string | undefined) => boolean;
  /** The flags that a test override decides. */
  readonly overridden?: readonly string[];
}

const isUser = (targetingKey?: string): boolean => targetingKey === USER_ID;
const isAnonymous = (targetingKey?: string): boolean => targetingKey?.startsWith("anon-") === true;

const proxied = {
  vars: { CONTEXT_SECRET },
  headers: async () => ({
    "x-sluice-proof": CONTEXT_SECRET,
    "x-sluice-context": Buffer.from(JSON.stringify({ userId: USER_ID, plan: "pro" })).toString("base64url"),
  }),
  holds: isUser,
};
const newcomer = { vars: {}, headers: async () => ({}), holds: isAnonymous };
/** With the cookie that the worker set. */
const returning = {
  vars: {},
  headers: async (url: string, send: Send) => {
    const { headers } = await send(url);
    return { cookie: String(headers["set-cookie"]).split(";", 1)[0] ?? "" };
  },
  holds: isAnonymous,
};

const FORCED = "ai_feature_10";
const overridden = {
  vars: { OVERRIDE_KEYS: `${OVERRIDE_KEY.id}:${Buffer.from(OVERRIDE_KEY.secret).toString("base64")}` },
  headers: async (url: string, send: Send) => {
    const { cookie } = await returning.headers(url, send);
    const signer = { key: OVERRIDE_KEY, environment: ENVIRONMENT };
    const { token } = await signOverride(signer, new Map([[FORCED, "on"]]), 7_200, new Date());
    return { cookie: `${cookie}; __Host-sluice-override=${token}` };
  },
  holds: isAnonymous,
  overridden: [FORCED],
};

const TOKEN = { sub: USER_ID, plan: "pro", email: "somebody@example.com" };
const CLAIMS = { JWT_CLAIMS: "email, plan" };

const byToken = (token: () => Promise<string>, vars: Readonly<Record<string, string>>) => ({
  vars: { ...CLAIMS, ...vars },
  headers: async () => ({ authorization: `Bearer ${await token()}` }),
  holds: isUser,
});

const tokenBy = (alg: string, key: Parameters<SignJWT["sign"]>[0]) => (): Promise<string> =>
  new SignJWT(TOKEN)
    .setProtectedHeader({ alg })
    .setIssuer(ISSUER)
    .setAudience(AUDIENCE)
    .setExpirationTime("2h")
    .setIssuedAt()
    .sign(key);

function publicKeyKind(alg: string, pair: ReturnType<typeof generateKeyPairSync>) {
  const JWT_PUBLIC_KEY = pair.publicKey.export({ type: "spki", format: "pem" }).toString();
  const vars = { JWT_PUBLIC_KEY, JWT_ISSUER: ISSUER, JWT_AUDIENCE: AUDIENCE, JWT_ALGORITHMS: alg };
  return byToken(tokenBy(alg, pair.privateKey), vars);
}

const secretKind = byToken(tokenBy("HS256", new TextEncoder().encode(JWT_SECRET)), {
  JWT_SECRET,
  JWT_ISSUER: ISSUER,
  JWT_AUDIENCE: AUDIENCE,
});
const rsa = publicKeyKind("RS256", generateKeyPairSync("rsa", { modulusLength: 2_048 }));
const ec = publicKeyKind("ES256", generateKeyPairSync("ec", { namedCurve: "P-256" }));

/** The others are compared with the first. */
const KINDS: readonly Kind[] = [
  { name: "anonymous, by the cookie", ...returning },
  { name: "anonymous, new", ...newcomer },
  { name: "by the cookie, with an override", ...overridden },
  { name: "a trusted proxy", ...proxied },
  { name: "JWT, HS256", ...secretKind },
  { name: "JWT, RS256", ...rsa },
  { name: "JWT, ES256", ...ec },
];

/** A site that stores the last headers it received, and answers with a page that sets a cookie. */
async function startSite() {
  let heard: IncomingHttpHeaders = {};
  const server = createServer({ keepAliveTimeout: 120_000 }, (request, response) => {
    heard = request.headers;
    response.setHeader("content-type", "text/html").end("<p>hello");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    heard: () => heard,
    stop: async () => server.close().closeAllConnections(),
  };
}

await runBench(`Identity and signature, ${ROUNDS} times ${REQUESTS} requests of each kind`, async (bench) => {
  const site = await startSite();
  bench.defer(site.stop);
  const redis = await startRedis(bench);
  await putSnapshot(redis.started, ENVIRONMENT, 1, FLAGS);
  const common = {
    SLUICE_ENV: ENVIRONMENT,
    ORIGIN_URL: site.url,
    UPSTASH_REDIS_REST_URL: redis.started.url,
    UPSTASH_REDIS_REST_TOKEN: redis.started.readOnlyToken,
    REDIS_TIMEOUT_MS: "5000",
  };
  const signingUs = await signingCost(bench);
  const setUps = KINDS.flatMap((kind) => [false, true].map((isSigned) => ({ kind, isSigned })));
  const edge = await startEdgeWorkers({
    isolates: [
      // Requests to the first worker take one more step inside miniflare, so it gets none.
      common,
      ...setUps.map(({ kind, isSigned }) => ({
        ...common,
        ...kind.vars,
        ...(isSigned && { SIGNING_KEYS }),
      })),
    ],
  });
  bench.defer(edge.stop);
  const workerd = await findWorkerd();
  const { send, close } = openConnections();
  bench.defer(async () => close());

  const ways: Way[] = [];
  for (const [index, { kind, isSigned }] of setUps.entries()) {
    const url = `${edge.urls[index + 1] ?? ""}/ai/search?q=1`;
    const way = { kind, isSigned, url, headers: await kind.headers(url, send), costs: [] };
    ways.push(way);
    await send(url, way);
    const { context, keyId, problem } = await readFlags(site.heard(), optionsFor(isSigned));
    bench.check(problem === undefined, `${kind.name}: ${problem}`);
    bench.check(kind.holds(context?.targetingKey), `${kind.name}: the site received another visitor`);
    const { overridden: forced = [] } = kind;
    bench.check(context?.override?.join() === (forced.join() || undefined), `${kind.name}: other overrides`);
    bench.check(
      (keyId !== undefined) === isSigned,
      `${kind.name}: signed without a key, or unsigned with one`,
    );
  }
  const headers = site.heard();
  for (let round = -WARM_UP; round < ROUNDS; round += 1) {
    bench.progress(`round ${round + 1} of ${ROUNDS}`);
    // Kinds whose costs are compared are measured directly after each other.
    for (const way of ways) {
      const cost = await measure(workerd, send, way);
      if (round >= 0) way.costs.push(cost);
    }
  }
  bench.table(toRows(ways));
  bench.print(`The signature alone, in workerd: ${signingUs.toFixed(1)} µs CPU\n`);
  bench.table(await readerRows(headers));
});

interface Way {
  readonly kind: Kind;
  readonly isSigned: boolean;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Microseconds of processor time per request, for each round. */
  readonly costs: number[];
}

function optionsFor(isSigned: boolean): ReadFlagsOptions {
  return isSigned ? { keys: SIGNING_KEYS, now: Date.now() } : {};
}

/** Processor time of one signature in workerd, in microseconds. */
async function signingCost(bench: Bench): Promise<number> {
  const root = fileURLToPath(new URL("support/signing-worker/", import.meta.url));
  const edge = await startEdgeWorkers({ root, isolates: [{ SIGNING_KEYS }] });
  try {
    const workerd = await findWorkerd();
    const costs: number[] = [];
    for (let round = -WARM_UP; round < ROUNDS; round += 1) {
      const before = await workerd.threadsMs();
      const response = await fetch(`${edge.urls[0]}/?times=${SIGNATURES}`);
      bench.check((await response.text()).startsWith("sluice=:"), "the signing worker returned no signature");
      if (round >= 0) costs.push(((await workerd.threadsMs()) - before) * (1_000 / SIGNATURES));
    }
    return percentile(costs, 0.5);
  } finally {
    await edge.stop();
  }
}

async function measure(workerd: WorkerdProcess, send: Send, { url, headers }: Way): Promise<number> {
  const before = await workerd.threadsMs();
  let left = REQUESTS;
  const sender = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const { status } = await send(url, { headers });
      if (status !== 200) throw new Error(`answered with ${status}`);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, sender));
  return ((await workerd.threadsMs()) - before) * (1_000 / REQUESTS);
}

function toRows(ways: readonly Way[]): readonly Row[] {
  const [first] = ways;
  return KINDS.map((kind) => {
    const [plain, signed] = [false, true].map((isSigned) => costsOf(ways, kind, isSigned));
    return {
      visitor: kind.name,
      "no keys, µs CPU": Math.round(percentile(plain ?? [], 0.5)),
      "ratio to the first": Number(median(plain, first?.costs, (cost, other) => cost / other).toFixed(2)),
      "SIGNING_KEYS, µs CPU": Math.round(percentile(signed ?? [], 0.5)),
      "they add": Math.round(median(signed, plain, (cost, other) => cost - other)),
      "their ratio": Number(median(signed, plain, (cost, other) => cost / other).toFixed(2)),
    };
  });
}

function costsOf(ways: readonly Way[], kind: Kind, isSigned: boolean): readonly number[] {
  return ways.find((way) => way.kind === kind && way.isSigned === isSigned)?.costs ?? [];
}

/** The median ratio of two ways per round: other load on the machine affects both. */
function median(
  costs: readonly number[] = [],
  others: readonly number[] = [],
  compare: (cost: number, other: number) => number,
): number {
  return percentile(
    costs.map((cost, round) => compare(cost, others[round] ?? Number.NaN)),
    0.5,
  );
}

/** Measures what reading the headers costs the site, in Node. */
async function readerRows(headers: IncomingHttpHeaders): Promise<readonly Row[]> {
  const now = Date.now();
  const request = { method: "GET", url: "/ai/search?q=1", headers };
  const ways: readonly (readonly [name: string, options: ReadFlagsOptions])[] = [
    ["without keys", {}],
    ["with keys", { keys: SIGNING_KEYS, now }],
    ["with keys and request", { keys: SIGNING_KEYS, now, request }],
  ];
  const rows: Row[] = [];
  for (const [name, options] of ways) {
    const cost = await microsecondsOf(() => readFlags(headers, options));
    rows.push({ "readFlags, in Node": name, "µs CPU": Number(cost.toFixed(1)) });
  }
  return rows;
}
