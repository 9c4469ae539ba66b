import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { createRedisMock } from "js-redis-server";
import { describe, expect, it } from "vitest";
import { startRedisRest } from "../../publisher/dev/redis-rest/start.ts";
import { redisRestContract } from "./redis-rest-suite.ts";

redisRestContract("an in-process Redis", () => startRedisRest());

describe("starting the local Redis end", () => {
  it("uses the given port and tokens, and listens on loopback", async () => {
    const first = await startRedisRest({ token: "writer", readOnlyToken: "reader" });
    expect(first).toMatchObject({ token: "writer", readOnlyToken: "reader" });
    expect(first.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    const port = Number(new URL(first.url).port);
    await expect(startRedisRest({ port })).rejects.toThrow(/EADDRINUSE/);
    await first.stop();
    const second = await startRedisRest({ port });
    expect(second.url).toBe(first.url);
    await second.stop();
  });

  it("generates different tokens", async () => {
    const rest = await startRedisRest();
    expect(new Set([rest.token, rest.readOnlyToken, ""]).size).toBe(3);
    await rest.stop();
    await expect(startRedisRest({ token: "same", readOnlyToken: "same" })).rejects.toThrow(/must differ/);
  });

  it("fails at once when nothing answers at the Redis URL, and does not print the password", async () => {
    const gone = await createRedisMock();
    await gone.close();
    const redisUrl = `redis://user:secret@${gone.host}:${gone.port}`;
    const message = `ERR Redis at ${gone.host}:${gone.port} cannot be reached (ECONNREFUSED)`;
    await expect(startRedisRest({ redisUrl })).rejects.toThrow(message);
  });

  it("answers 503 while its Redis is down, and works again when it is back", async () => {
    const redis = await createRedisMock();
    const wire = await openWire(redis.port);
    const rest = await startRedisRest({ redisUrl: `redis://127.0.0.1:${wire.port}` });
    const ping = async (): Promise<number> =>
      (await fetch(`${rest.url}/ping?_token=${rest.token}`, { signal: AbortSignal.timeout(5_000) })).status;
    expect(await ping()).toBe(200);
    await wire.cut();
    await expect.poll(ping).toBe(503);
    const mended = await openWire(redis.port, wire.port);
    await expect.poll(ping).toBe(200);
    await rest.stop();
    await mended.cut();
    await redis.close();
  });
});

/** A TCP connection to `target` that can be cut: the in-process Redis does not end connections by itself. */
async function openWire(target: number, port = 0): Promise<{ port: number; cut(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(target, "127.0.0.1");
    for (const socket of [near, far]) sockets.add(socket.on("error", () => socket.destroy()));
    near.pipe(far).pipe(near);
  }).listen(port, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("the wire has no port");
  return {
    port: address.port,
    async cut() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
