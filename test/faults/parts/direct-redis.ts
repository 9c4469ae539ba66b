import { createClient } from "redis";

/** A Redis, by way of somebody who is never cut off from it. */
export interface DirectRedis {
  command(...words: readonly string[]): Promise<unknown>;
}

/** Speaks to a Redis on a connection for each command: it may be another process each time. */
export function directRedis(port: () => number): DirectRedis {
  return {
    async command(...words) {
      const client = createClient({
        url: `redis://127.0.0.1:${port()}`,
        RESP: 2,
        disableClientInfo: true,
        socket: { reconnectStrategy: false, connectTimeout: 10_000 },
      });
      client.on("error", () => undefined);
      await client.connect();
      try {
        return await client.sendCommand([...words]);
      } finally {
        client.destroy();
      }
    },
  };
}
