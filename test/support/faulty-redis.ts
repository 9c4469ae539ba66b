import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";

/** Ways in which Upstash's REST API can fail. */
export type RedisFault = keyof typeof FAULTS;

/** A REST end that fails as it is told to. */
export interface FaultyRedis {
  readonly url: string;
  fault: RedisFault;
  /** How many commands have come. */
  readonly commands: number;
  stop(): Promise<void>;
}

const send = (response: ServerResponse, status: number, body: string): void =>
  void response.writeHead(status, { "content-type": "application/json" }).end(body);

const FAULTS = {
  hang: () => undefined,
  // Headers come, the body never ends.
  stall: (response) => void response.writeHead(200).write('{"result":['),
  reset: (response) => void response.destroy(),
  "HTTP 500": (response) => send(response, 500, '{"error":"ERR internal"}'),
  "HTTP 502 with a page": (response) => send(response, 502, "<html>Bad gateway</html>"),
  "wrong password": (response) => send(response, 401, '{"error":"WRONGPASS invalid or missing auth token"}'),
  "not JSON": (response) => send(response, 200, "<html>captive portal</html>"),
  "not a list": (response) => send(response, 200, '{"result":"OK"}'),
  "another list": (response) => send(response, 200, '{"result":[1,{},[]]}'),
  "an empty object": (response) => send(response, 200, "{}"),
  "JSON null": (response) => send(response, 200, "null"),
} satisfies Record<string, (response: ServerResponse) => void>;

export const REDIS_FAULTS = Object.keys(FAULTS) as readonly RedisFault[];

/** Starts a REST end on a free loopback port that never gives what is asked for. */
export async function startFaultyRedis(): Promise<FaultyRedis> {
  const state: { fault: RedisFault; commands: number } = { fault: "hang", commands: 0 };
  const server = createServer((request, response) => {
    state.commands += 1;
    request.resume();
    request.on("end", () => FAULTS[state.fault](response));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    get fault() {
      return state.fault;
    },
    set fault(fault) {
      state.fault = fault;
    },
    get commands() {
      return state.commands;
    },
    async stop() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
