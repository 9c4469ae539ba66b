import pg from "pg";
import { startRedisRest, type RedisRest } from "../../publisher/dev/redis-rest/start.ts";
import { parseSigningKeys } from "../../shared/x-flags/signing-keys.ts";
import type { ListenTimes } from "../../publisher/postgres/listen.ts";
import { servePublisher } from "../../publisher/serve.ts";
import { createTestDatabase } from "./database.ts";

/** A running publisher with its own database and Redis. */
export interface ApiSystem {
  readonly url: string;
  readonly databaseUrl: string;
  readonly redis: RedisRest;
  /** What the publisher logged, one JSON text per line. */
  readonly logLines: readonly string[];
  /** Sends a request with the admin token. */
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  /** Sends plain SQL, as psql does. */
  sql<Row extends pg.QueryResultRow = Record<string, unknown>>(
    text: string,
    values?: readonly unknown[],
  ): Promise<Row[]>;
  /** Sends a Redis command with the token. */
  redisCommand(...command: readonly string[]): Promise<unknown>;
  stop(): Promise<void>;
}

export interface CallOptions {
  /** Sent as JSON; a string or bytes unchanged. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly ifMatch?: string | undefined;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly etag: string;
  readonly text: string;
  /** The JSON body, and an empty object where there is none. */
  readonly body: AnswerBody;
}

/** Loose: each test checks the members that it is about. */
export interface AnswerBody {
  readonly flag: { readonly [name: string]: unknown };
  readonly revision: number;
  readonly epoch: number;
  readonly published: boolean;
  readonly detail: string;
  readonly errors?: readonly { readonly pointer: string; readonly detail: string }[];
  readonly changes?: readonly { readonly actor: string; readonly changed: readonly string[] }[];
  readonly [name: string]: unknown;
}

export const ADMIN_TOKEN = "admin-token-of-the-tests-0123456789";
export const ENVIRONMENT = "test";
/** As a setting of publisher and worker: 32 bytes. */
export const OVERRIDE_KEYS = `test:${Buffer.alloc(32, "override").toString("base64")}`;

export const redisKey = (name: "head" | "snapshot" | "off"): string => `sluice:${ENVIRONMENT}:${name}`;

export interface ApiSystemOptions {
  /** Instead of a new, empty one. */
  readonly databaseUrl?: string;
  /** Instead of a new one in this process. */
  readonly redis?: RedisRest;
  /** Addresses of proxies for the publisher's own connections. */
  readonly through?: {
    readonly databaseUrl?: string;
    readonly listenDatabaseUrl?: string;
    readonly redisUrl?: string;
  };
  readonly maxSnapshotBytes?: number;
  /** How often its loops run when nothing has announced a change; 10 s by default, as in production. */
  readonly everyMs?: number;
  /** Times of its LISTEN connection, instead of production's. */
  readonly listenTimes?: Partial<ListenTimes>;
  /** Whether it signs overrides; true by default. */
  readonly signsOverrides?: boolean;
}

/** Starts a publisher just as `sluice serve` does, on a free port. */
export async function startApiSystem(options: ApiSystemOptions = {}): Promise<ApiSystem> {
  const ownDatabase = options.databaseUrl === undefined ? await createTestDatabase() : undefined;
  const databaseUrl = options.databaseUrl ?? ownDatabase?.url ?? "";
  const redis = options.redis ?? (await startRedisRest());
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 5 });
  const logLines: string[] = [];
  const keys = parseSigningKeys(OVERRIDE_KEYS);
  const publisher = await servePublisher(
    {
      databaseUrl: options.through?.databaseUrl ?? databaseUrl,
      ...(options.through?.listenDatabaseUrl !== undefined && {
        listenDatabaseUrl: options.through.listenDatabaseUrl,
      }),
      redisUrl: options.through?.redisUrl ?? redis.url,
      redisToken: redis.token,
      environment: ENVIRONMENT,
      adminToken: ADMIN_TOKEN,
      port: 0,
      host: "127.0.0.1",
      maxSnapshotBytes: options.maxSnapshotBytes ?? 1_048_576,
      ...(options.signsOverrides !== false && "value" in keys && { overrideKeys: keys.value }),
    },
    (event, fields) => void logLines.push(JSON.stringify({ event, ...fields })),
    { everyMs: options.everyMs, listenTimes: options.listenTimes },
  );

  return {
    url: publisher.url,
    databaseUrl,
    redis,
    logLines,
    call: (method, path, call) => send(publisher.url, method, path, call),
    sql: async <Row extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []) =>
      (await pool.query<Row>(text, [...values])).rows,
    redisCommand: (...command) => sendCommand(redis, command),
    async stop() {
      await publisher.stop();
      await pool.end();
      if (options.redis === undefined) await redis.stop();
      await ownDatabase?.drop();
    },
  };
}

async function send(url: string, method: string, path: string, options: CallOptions = {}): Promise<Answer> {
  const { body, ifMatch } = options;
  const isRaw = typeof body === "string" || body instanceof Uint8Array;
  const response = await fetch(`${url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${ADMIN_TOKEN}`,
      ...(body !== undefined && { "content-type": "application/json" }),
      ...(ifMatch !== undefined && { "if-match": ifMatch }),
      ...options.headers,
    },
    ...(body !== undefined && { body: isRaw ? (body as string) : JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = /json/.test(response.headers.get("content-type") ?? "");
  return {
    status: response.status,
    headers: response.headers,
    etag: response.headers.get("etag") ?? "",
    text,
    body: (isJson && text !== "" ? JSON.parse(text) : {}) as AnswerBody,
  };
}

async function sendCommand(redis: RedisRest, command: readonly string[]): Promise<unknown> {
  const response = await fetch(redis.url, {
    method: "POST",
    headers: { authorization: `Bearer ${redis.token}` },
    body: JSON.stringify(command),
  });
  const { result } = (await response.json()) as { result: unknown };
  return result;
}
