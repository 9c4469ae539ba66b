import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startRedisRest, type RedisRest } from "../../publisher/dev/redis-rest/start.ts";
import { drain } from "../../publisher/process/drain.ts";
import { ADMIN_TOKEN, ENVIRONMENT, redisKey } from "../support/api-system.ts";
import { createTestDatabase, withClient, type TestDatabase } from "../support/database.ts";

const MAIN = fileURLToPath(new URL("../../publisher/main.ts", import.meta.url));
const WRITERS = 8;

let database: TestDatabase;
let redis: RedisRest;

beforeAll(async () => {
  database = await createTestDatabase();
  redis = await startRedisRest();
});
afterAll(async () => {
  await redis.stop();
  await database.drop();
});

async function get(key: "head" | "snapshot"): Promise<unknown> {
  const headers = { authorization: `Bearer ${redis.token}` };
  const body = JSON.stringify(["GET", redisKey(key)]);
  const response = await fetch(redis.url, { method: "POST", headers, body });
  return JSON.parse(((await response.json()) as { result: string }).result);
}

test("a stop during writes answers and publishes all that arrived", async () => {
  const child = spawn(process.execPath, [MAIN, "serve"], {
    env: {
      DATABASE_URL: database.url,
      UPSTASH_REDIS_REST_URL: redis.url,
      UPSTASH_REDIS_REST_TOKEN: redis.token,
      SLUICE_ENV: ENVIRONMENT,
      ADMIN_TOKEN,
      HOST: "127.0.0.1",
      PORT: "0",
    },
    stdio: ["ignore", "pipe", "ignore"],
  });
  const ended = once(child, "close");
  const [line] = (await once(child.stdout.setEncoding("utf8"), "data")) as [string];
  const url = /http:\S+/.exec(line)?.[0] ?? "";

  const acknowledged: { key: string; revision: number }[] = [];
  let count = 0;
  /** Writes on kept-alive connections until a write is refused. */
  const write = async (): Promise<void> => {
    for (;;) {
      const key = `flag-${++count}`;
      let response: Response;
      try {
        response = await fetch(`${url}/flags`, {
          method: "POST",
          headers: { authorization: `Bearer ${ADMIN_TOKEN}`, "content-type": "application/json" },
          body: JSON.stringify({ key }),
        });
      } catch {
        return;
      }
      const { published, revision } = (await response.json()) as { published: boolean; revision: number };
      expect([response.status, published]).toEqual([201, true]);
      acknowledged.push({ key, revision });
      if (acknowledged.length === 3 * WRITERS) child.kill("SIGTERM");
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, write));
  await ended;
  expect([child.exitCode, child.signalCode]).toEqual([0, null]);

  expect(acknowledged.length).toBeGreaterThanOrEqual(3 * WRITERS);
  const { rows } = await withClient(database.url, (client) =>
    client.query<{ key: string }>("select key from feature_flags"),
  );
  const inPostgres = new Set(rows.map(({ key }) => key));
  expect(acknowledged.filter(({ key }) => !inPostgres.has(key))).toEqual([]);
  const { revision } = (await get("head")) as { revision: number };
  expect(revision).toBeGreaterThanOrEqual(Math.max(...acknowledged.map((write) => write.revision)));
  const { flags } = (await get("snapshot")) as { flags: { key: string }[] };
  const inRedis = new Set(flags.map(({ key }) => key));
  expect(acknowledged.filter(({ key }) => !inRedis.has(key))).toEqual([]);
});

test("a request that never ends is cut off after the limit, and logged", async () => {
  const server = createServer((_request, response) => response.flushHeaders());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  socket.on("error", () => undefined);
  socket.resume();
  const arrived = once(server, "request");
  socket.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
  await arrived;
  const broken = once(socket, "close");
  expect(await drain(server, 200)).toBe(false);
  await broken;
  expect(server.listening).toBe(false);
});

test("an idle connection does not delay the stop", async () => {
  const server = createServer((_request, response) => void response.end("ok"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  socket.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
  await once(socket, "data");
  expect(await drain(server, 30_000)).toBe(true);
  socket.destroy();
});
