import { once } from "node:events";
import { connect } from "node:net";
import { expect, test } from "vitest";
import { startEmulator } from "../../publisher/dev/redis-rest/start.ts";

test("the in-process Redis listens on 127.0.0.1 alone", async () => {
  const { url, close } = await startEmulator();
  const port = Number(new URL(url).port);
  expect(await isReachable("127.0.0.1", port)).toBe(true);
  // Other addresses of this machine: a server that listens on all of them would answer there.
  for (const host of ["127.0.0.2", "::1"])
    expect([host, await isReachable(host, port)]).toEqual([host, false]);
  await close();
});

async function isReachable(host: string, port: number): Promise<boolean> {
  const socket = connect({ host, port, timeout: 2_000 });
  socket.once("timeout", () => socket.destroy(new Error("no answer")));
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
