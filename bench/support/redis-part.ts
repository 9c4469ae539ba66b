import diagnostics from "node:diagnostics_channel";
import { startRedisRest } from "../../publisher/dev/redis-rest/start.ts";
import { servePart } from "./part.ts";

/** The local REST endpoint in front of its own Redis. */
export interface RedisStarted {
  readonly url: string;
  readonly token: string;
  readonly readOnlyToken: string;
}

export interface RedisCounts {
  /** Neither worker nor publisher pipelines: a request is a command, and Upstash bills it as one. */
  readonly commands: number;
}

let commands = 0;
diagnostics.subscribe("http.server.request.start", () => void (commands += 1));

servePart<RedisStarted, RedisCounts>(async () => {
  const rest = await startRedisRest();
  const { url, token, readOnlyToken } = rest;
  return { started: { url, token, readOnlyToken }, counts: () => ({ commands }), stop: () => rest.stop() };
});
