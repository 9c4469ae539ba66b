import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startRedisRest, type RedisRest } from "../../publisher/dev/redis-rest/start.ts";
import { decodeFlagsContext } from "../../shared/x-flags/flags-header.ts";
import { freePort, launchServer } from "../support/launch-server.ts";
import { startOrigin, type Origin } from "../support/origin.ts";
import { putSnapshot } from "../support/published.ts";
import { startWorker, type RunningWorker } from "../support/worker.ts";
import { temporaryFolder } from "./cache.ts";

const secret = "the secret that nginx and the worker share";
const pro = { key: "pro", enabled: true, rollout_pct: 100, targeting: { plans: ["pro"] } };
const ann = Buffer.from('{"userId":"ann","plan":"pro"}').toString("base64url");

let origin: Origin;
let redis: RedisRest;
let worker: RunningWorker;
let signIn: Server;
let nginx: { readonly url: string; stop(): Promise<void> };

beforeAll(async () => {
  origin = await startOrigin();
  redis = await startRedisRest();
  await putSnapshot(redis, "staging", 1, [pro]);
  worker = await startWorker({
    vars: {
      ORIGIN_URL: origin.url,
      SLUICE_ENV: "staging",
      REDIS_TIMEOUT_MS: "10000",
      UPSTASH_REDIS_REST_URL: redis.url,
      UPSTASH_REDIS_REST_TOKEN: redis.readOnlyToken,
      CONTEXT_SECRET: secret,
    },
  });
  signIn = createServer((request, response) => {
    if (request.headers.cookie === "session=ann") response.setHeader("x-sluice-context", ann);
    response.end();
  }).listen(0, "127.0.0.1");
  await once(signIn, "listening");
  nginx = await startNginx();
});
afterAll(async () => {
  await nginx.stop();
  signIn.close();
  await worker.stop();
  await redis.stop();
  await origin.stop();
});

/** nginx with the configuration of docs/identity.md, with the addresses and the secret of this test. */
async function startNginx() {
  const doc = await readFile(new URL("../../docs/identity.md", import.meta.url), "utf8");
  const [, shown = ""] = /^```nginx\n(.*?)^```$/ms.exec(doc) ?? [];
  const address = signIn.address();
  if (typeof address !== "object" || address === null) throw new Error("the sign-in service has no port");
  const locations = [
    ["https://www.example.com", worker.url],
    ["127.0.0.1:3001", `127.0.0.1:${address.port}`],
    ["the CONTEXT_SECRET", secret],
  ].reduce((text, [from = "", to = ""]) => {
    if (!text.includes(from)) throw new Error(`docs/identity.md does not show ${from}`);
    return text.replace(from, to);
  }, shown);
  const { folder, remove } = await temporaryFolder("nginx");
  const port = await freePort();
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${folder}/${name};`)
    .join(" ");
  const user = process.getuid?.() === 0 ? "user root;" : "";
  const file = path.join(folder, "nginx.conf");
  await writeFile(
    file,
    `${user} daemon off; worker_processes 1; pid ${folder}/pid; error_log stderr crit; events {}
    http { access_log off; ${temporary} server { listen 127.0.0.1:${port}; ${locations} } }`,
  );
  const server = await launchServer("nginx", ["-p", folder, "-c", file], port);
  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      await server.end();
      await remove();
    },
  };
}

async function ask(headers: Readonly<Record<string, string>>) {
  await fetch(nginx.url, { headers });
  const { "x-flags": flags, "x-flags-context": context } = origin.last.headers;
  return { flags, key: decodeFlagsContext(String(context))?.targetingKey };
}

it("the documented nginx configuration sends the signed-in user to the worker", async () => {
  expect(await ask({ cookie: "session=ann" })).toEqual({ flags: "pro", key: "ann" });
});

it.each([
  ["no session", {}],
  ["another session", { cookie: "session=eve" }],
  ["a context from the visitor", { "x-sluice-context": ann }],
  [
    "a context and a wrong proof from the visitor",
    { "x-sluice-context": ann, "x-sluice-proof": secret.slice(1) },
  ],
  ["a context from the visitor, with underscores in the header's name", { x_sluice_context: ann }],
])("it adds its proof for nobody else: %s", async (_name, headers) => {
  const { flags, key } = await ask(headers);
  expect(flags).toBeUndefined();
  expect(key).toMatch(/^anon-/);
});
