import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { answer } from "./answer.ts";
import { createAuthorize } from "./authorize.ts";
import { openRedisLink } from "./redis-link.ts";
import { RestError } from "./command.ts";

export interface RedisRestOptions {
  /** A real Redis, `redis://host:port[/db]`; without it an in-process one begins empty and ends with `stop`. */
  readonly redisUrl?: string | undefined;
  /** 0 (the default) takes a free one. */
  readonly port?: number | undefined;
  /** May do everything; random when absent. */
  readonly token?: string | undefined;
  /** May only read; random when absent. */
  readonly readOnlyToken?: string | undefined;
}

/** A running server: hand `url` and one of the tokens to @upstash/redis. */
export interface RedisRest {
  readonly url: string;
  readonly token: string;
  readonly readOnlyToken: string;
  /** Ends open requests and streams too; may be called again. */
  stop(): Promise<void>;
}

/**
 * Starts the local Redis end: Upstash's REST protocol on 127.0.0.1, for development and tests only.
 *
 * Rejects when Redis cannot be reached or the port is taken.
 *
 * @example
 * const rest = await startRedisRest();
 * const redis = new Redis({ url: rest.url, token: rest.token });
 * await rest.stop();
 */
export async function startRedisRest(options: RedisRestOptions = {}): Promise<RedisRest> {
  const token = options.token ?? randomToken();
  const readOnlyToken = options.readOnlyToken ?? randomToken();
  if (token === readOnlyToken)
    throw new Error("token and readOnlyToken must differ: the one may write, the other not.");
  const authorize = createAuthorize(token, readOnlyToken);

  const redis = await openRedis(options.redisUrl);
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    try {
      const body = await answer(request, response, redis.link, authorize);
      if (body !== undefined) send(response, 200, body);
    } catch (error) {
      // Neither the message nor the stack of an unforeseen error goes out: it may hold a command and its values.
      const fault =
        error instanceof RestError ? error : new RestError(500, `ERR internal error (${nameOf(error)})`);
      send(response, fault.status, { error: fault.message });
    }
  };
  // A command may travel in the path: Node's 16 KiB for all headers is little.
  const server = createServer(
    { maxHeaderSize: 128 * 1024, keepAliveTimeout: 60_000 },
    (request, response) => {
      void handle(request, response);
    },
  );

  let stopped: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    const closed = new Promise<void>((resolve) => void server.close(() => resolve()));
    // Kept-alive and streaming connections would hold `close` up for as long as their clients like.
    server.closeAllConnections();
    await closed;
    await redis.close();
  };

  try {
    const port = await listen(server, options.port ?? 0);
    return {
      url: `http://127.0.0.1:${port}`,
      token,
      readOnlyToken,
      stop: () => (stopped ??= stop()),
    };
  } catch (error) {
    await redis.close();
    throw error;
  }
}

async function openRedis(redisUrl: string | undefined) {
  if (redisUrl !== undefined) {
    const link = await openRedisLink(redisUrl);
    return { link, close: async () => link.close() };
  }
  const emulator = await startEmulator();
  const link = await openRedisLink(emulator.url);
  return {
    link,
    close: async () => {
      link.close();
      await emulator.close();
    },
  };
}

function listen(server: ReturnType<typeof createServer>, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}

function send(response: ServerResponse, status: number, body: unknown): void {
  if (response.destroyed) return;
  if (response.headersSent) return void response.destroy();
  const bytes = Buffer.from(JSON.stringify(body));
  response
    .writeHead(status, { "content-type": "application/json", "content-length": bytes.length })
    .end(bytes);
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error;
}

function randomToken(): string {
  return randomBytes(24).toString("base64url");
}

/** An in-process Redis, empty, without a password: on 127.0.0.1 alone, so that the network does not reach it. */
export async function startEmulator(): Promise<{
  readonly url: string;
  readonly close: () => Promise<void>;
}> {
  // Imported late: a real Redis needs neither the emulator nor its Lua in WebAssembly.
  const { createRedisMock } = await import("js-redis-server");
  // The emulator has no option for the address. It passes `port` to net.Server's `listen`, which takes both.
  const place = { host: "127.0.0.1", port: 0 } as unknown as number;
  const emulator = await createRedisMock({ port: place });
  return { url: `redis://127.0.0.1:${emulator.port}`, close: () => emulator.close() };
}
