import { createClient } from "redis";
import type { DirectRedis } from "./redis.ts";

/** Speaks to a Redis by no link that can fail, on a connection for each command: it may be another one each time. */
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
