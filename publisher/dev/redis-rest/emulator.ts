import { createRedisMock } from "js-redis-server";

/** An in-process Redis, empty, without a password: on 127.0.0.1 alone, so that the network does not reach it. */
export async function startEmulator(): Promise<{
  readonly url: string;
  readonly close: () => Promise<void>;
}> {
  // It has no option for the address, and hands what it gets as port to net.Server's listen, which takes both.
  const place = { host: "127.0.0.1", port: 0 } as unknown as number;
  const emulator = await createRedisMock({ port: place });
  return { url: `redis://127.0.0.1:${emulator.port}`, close: () => emulator.close() };
}
