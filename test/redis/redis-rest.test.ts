import { startRedisRest } from "../../publisher/dev/redis-rest/start.ts";
import { redisRestContract } from "../contract/redis-rest-suite.ts";
import { startRedisServer } from "../support/redis-server.ts";

redisRestContract("real redis-server", async () => {
  const server = await startRedisServer();
  const rest = await startRedisRest({ redisUrl: server.url });
  return {
    ...rest,
    async stop() {
      await rest.stop();
      await server.stop();
    },
  };
});
