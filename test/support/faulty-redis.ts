import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import type { Head } from "../../shared/snapshot/snapshot.ts";

/** Ways in which Upstash's REST API can fail. */
export type RedisFault = keyof typeof FAULTS;

/** A REST end that fails as it is told to. */
export interface FaultyRedis {
  readonly url: string;
  /** Undefined: commands are passed on, and answered as the Redis behind this one answers them. */
  fault: RedisFault | undefined;
  /** Which keys have been asked for, in one entry a command, such as "head off". */
  readonly log: readonly string[];
  /** How many commands have come. */
  readonly commands: number;
  stop(): Promise<void>;
}

/** One command that has come. */
interface Asked {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly body: string;
  /** How many have come before. */
  readonly index: number;
  /** What the Redis behind this one answers. */
  readonly answer: (headers?: Readonly<Record<string, string>>) => Promise<{ status: number; text: string }>;
}

type Play = (asked: Asked) => unknown;

const send = (response: ServerResponse, status: number, body: string): void =>
  void response.writeHead(status, { "content-type": "application/json" }).end(body);

const always =
  (status: number, body: string): Play =>
  ({ response }) =>
    send(response, status, body);

/** Passes the real answer on, with its values changed. Two values are head and off, three have the snapshot between them. */
const forge =
  (change: (values: (string | null)[]) => (string | null)[]): Play =>
  async ({ response, answer }) => {
    const { status, text } = await answer();
    const { result } = JSON.parse(text) as { result: (string | null)[] };
    send(response, status, JSON.stringify({ result: change(result) }));
  };

/** What nobody has published: the flag `dark` on for everybody. */
const FORGED = JSON.stringify({ schema: 1, flags: [{ key: "dark", enabled: true, rollout_pct: 100 }] });

/** Passes on a head with some members changed, and the forged snapshot. */
const forgeHead = (change: (head: Head) => Partial<Head>): Play =>
  forge(([first = null, ...rest]) => {
    const head = JSON.parse(first ?? "{}") as Head;
    const digest = createHash("sha256").update(FORGED).digest("hex");
    const forged = JSON.stringify({ ...head, digest, bytes: FORGED.length, ...change(head) });
    return rest.length === 1 ? [forged, ...rest] : [forged, FORGED, ...rest.slice(1)];
  });

const FAULTS = {
  // Nobody listens: see `startFaultyRedis`.
  refused: ({ response }) => void response.destroy(),
  hang: () => undefined,
  // Headers come, the body never ends.
  stall: ({ response }) => void response.writeHead(200).write('{"result":['),
  reset: ({ response }) => void response.destroy(),
  "HTTP 500": always(500, '{"error":"ERR internal"}'),
  "HTTP 502 with a page": always(502, "<html>Bad gateway</html>"),
  "a redirect": ({ response }) => void response.writeHead(307, { location: "http://127.0.0.1:1/" }).end(),
  "wrong password": always(401, '{"error":"WRONGPASS invalid or missing auth token"}'),
  "not JSON": always(200, "<html>captive portal</html>"),
  "not a list": always(200, '{"result":"OK"}'),
  "another list": always(200, '{"result":[1,{},[]]}'),
  "an error with status 200": always(200, '{"error":"ERR max daily request limit exceeded"}'),
  "an empty object": always(200, "{}"),
  "JSON null": always(200, "null"),
  "an endless body": ({ response }) => {
    const chunk = "x".repeat(1_048_576);
    response.writeHead(200).write('{"result":["');
    const more = (): void => {
      while (!response.destroyed && response.write(chunk));
    };
    response.on("drain", more);
    more();
  },

  // These need a Redis behind this one.
  "wrong token": async ({ response, answer }) => {
    const { status, text } = await answer({ authorization: "Bearer of-another-database" });
    send(response, status, text);
  },
  // Longer than a request waits, shorter than a command may take.
  slow: async ({ response, answer }) => {
    const { status, text } = await answer();
    await sleep(700);
    send(response, status, text);
  },
  flapping: async ({ response, answer, index }) => {
    if (index % 2 === 0) return response.destroy();
    const { status, text } = await answer();
    return send(response, status, text);
  },
  truncated: async ({ response, answer }) => {
    const { text } = await answer();
    send(response, 200, text.slice(0, text.length / 2));
  },
  "cut off": async ({ response, answer }) => {
    const { text } = await answer();
    response.writeHead(200, { "content-length": text.length });
    response.write(text.slice(0, text.length / 2), () => response.destroy());
  },
  "an older revision": forgeHead(({ revision }) => ({ revision: revision - 1 })),
  "other content": forgeHead(() => ({})),
  "another database": forgeHead(({ revision }) => ({ revision: revision + 1, database_id: "db-2" })),
  "a newer schema": forgeHead(({ revision }) => ({ revision: revision + 1, schema: 2 as 1 })),
  oversize: forgeHead(({ revision }) => ({ revision: revision + 1, bytes: 100_000_000 })),
  "another snapshot": forgeHead(({ revision }) => ({ revision: revision + 1, digest: "0".repeat(64) })),
  "an unreadable off": forge((values) => [...values.slice(0, -1), "["]),
  flushed: forge((values) => values.map(() => null)),
} satisfies Record<string, Play>;

/** Faults of an end that never had anything to say. */
export const DEAD_REDIS_FAULTS = (Object.keys(FAULTS) as RedisFault[]).slice(
  0,
  Object.keys(FAULTS).indexOf("wrong token"),
);

/**
 * Starts a REST end on a free loopback port.
 *
 * @param upstream the URL of a REST end that works; without one a fault must be played before the first command
 */
export async function startFaultyRedis(upstream?: string): Promise<FaultyRedis> {
  const log: string[] = [];
  let fault: RedisFault | undefined = upstream === undefined ? "hang" : undefined;
  const server = createServer((request, response) => void handle(request, response));
  server.on("connection", (socket) => socket.on("error", () => socket.destroy()));

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const body = await text(request);
      const index = log.push(keysOf(body)) - 1;
      const answer: Asked["answer"] = async (headers = {}) => {
        const { authorization = "" } = request.headers;
        const given = { "content-type": "application/json", authorization, ...headers };
        const answered = await fetch(upstream ?? "", { method: "POST", headers: given, body });
        return { status: answered.status, text: await answered.text() };
      };
      await (fault === undefined ? pass : FAULTS[fault])({ request, response, body, index, answer });
    } catch {
      response.destroy();
    }
  }

  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    log,
    get commands() {
      return log.length;
    },
    get fault() {
      return fault;
    },
    set fault(next) {
      fault = next;
      if (next === "refused") {
        server.close();
        server.closeAllConnections();
      } else if (!server.listening) {
        server.listen(port, "127.0.0.1");
      }
    },
    stop: () => stop(server),
  };
}

const pass: Play = async ({ response, answer }) => {
  const { status, text } = await answer();
  send(response, status, text);
};

/** The last parts of the keys in a command. */
function keysOf(body: string): string {
  const words = JSON.parse(body) as unknown[];
  return words
    .slice(1)
    .map((key) => String(key).split(":").at(-1))
    .join(" ");
}

async function stop(server: Server): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, "close");
  server.close();
  server.closeAllConnections();
  await closed;
}
