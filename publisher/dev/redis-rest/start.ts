import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { answer } from "./answer.ts";
import { createAuthorize } from "./authorize.ts";
import { openRedisLink } from "./redis-link.ts";
import { RestError } from "./command.ts";

export interface RedisRestOptions {
  /** A real Redis, `redis://host:port[/db]`; without it, an empty in-process Redis that ends with `stop`. */
  readonly redisUrl?: string | undefined;
  /** 0 (the default): a free port. */
  readonly port?: number | undefined;
  /** Allows everything; random when absent. */
  readonly token?: string | undefined;
  /** Allows only reads; random when absent. */
  readonly readOnlyToken?: string | undefined;
}

/** A running server. Pass `url` and one of the tokens to @upstash/redis. */
export interface RedisRest {
  readonly url: string;
  readonly token: string;
  readonly readOnlyToken: string;
  /** Also ends open requests and streams. May be called twice. */
  stop(): Promise<void>;
}

/**
 * Starts Upstash's REST protocol on 127.0.0.1, for development and tests only.
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
      // The text of an unexpected error is not sent: it may contain a command and its values.
      const fault =
        error instanceof RestError ? error : new RestError(500, `ERR internal error (${nameOf(error)})`);
      send(response, fault.status, { error: fault.message });
    }
  };
  // A command may be in the path, so Node's limit of 16 KiB for headers is too small.
  const server = createServer(
    { maxHeaderSize: 128 * 1024, keepAliveTimeout: 60_000 },
    (request, response) => {
      void handle(request, response);
    },
  );

  let stopped: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    const closed = new Promise<void>((resolve) => void server.close(() => resolve()));
    // Otherwise keep-alive and streaming connections would delay `close`.
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

/** An empty in-process Redis without a password, on 127.0.0.1 only, so that the network cannot reach it. */
export async function startEmulator(): Promise<{
  readonly url: string;
  readonly close: () => Promise<void>;
}> {
  // Imported late: a real Redis needs neither the emulator nor its Lua in WebAssembly.
  const { createRedisMock } = await import("js-redis-server");
  // The emulator has no option for the address. It passes `port` to net.Server's `listen`, which takes both.
  const address = { host: "127.0.0.1", port: 0 } as unknown as number;
  const emulator = await createRedisMock({ port: address });
  return { url: `redis://127.0.0.1:${emulator.port}`, close: () => emulator.close() };
}
