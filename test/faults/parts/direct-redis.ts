import { createClient } from "redis";

/** Commands to Redis that no fault of a link disturbs. */
export interface DirectRedis {
  command(...words: readonly string[]): Promise<unknown>;
}

/** Opens a connection for each command, because Redis may be another process each time. */
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
