import { createClient, ErrorReply, ReconnectStrategyError, RESP_TYPES } from "redis";
import type { Command } from "./command.ts";
import { type Reply } from "./reply.ts";
import { RestError } from "./command.ts";

type Connection = Awaited<ReturnType<typeof connect>>;

/** The Redis behind the REST server. Redis' own errors are replies; a thrown error means that Redis is not reachable. */
export interface RedisLink {
  /** Runs the commands in order, others' may come in between. */
  run(commands: readonly Command[]): Promise<readonly Reply[]>;
  /** Runs the commands as one transaction; the error that kept it from running when it was discarded. */
  transact(commands: readonly Command[]): Promise<readonly Reply[] | QueueingError>;
  /** A connection of its own, for subscriptions: RESP2 takes no commands there. Destroy it when done. */
  open(): Promise<Connection>;
  close(): void;
}

/** A transaction was discarded because of the command at `index`. */
interface QueueingError {
  readonly error: ErrorReply;
  readonly index: number;
}

const asBytes = { [RESP_TYPES.BLOB_STRING]: Buffer };

/** Connects to Redis; fails at once, without the URL's password in the message, when nobody answers there. */
export async function openRedisLink(url: string): Promise<RedisLink> {
  const shared = await connect(url);
  const dedicated = new Set<Connection>();
  let closed = false;

  /** A chain is never written half: node-redis drops the rest of it when the connection was lost in between. */
  const send = (command: Command, chainId?: symbol): Promise<Reply> =>
    shared
      .sendCommand<Reply>([...command], {
        typeMapping: asBytes,
        ...(chainId === undefined ? {} : { chainId }),
      })
      .catch((error: unknown) => {
        if (error instanceof ErrorReply) return error;
        throw new RestError(503, "ERR the Redis behind this server cannot be reached");
      });

  return {
    run: (commands) => Promise.all(commands.map((command) => send(command))),

    async transact(commands) {
      const chain = Symbol("transaction");
      // All commands are queued in one tick on one connection, so no other command gets between MULTI and EXEC.
      const [, ...rest] = await Promise.all(
        [["MULTI"] as const, ...commands, ["EXEC"] as const].map((command) => send(command, chain)),
      );
      const outcome = rest.pop();
      const index = rest.findIndex((reply) => reply instanceof ErrorReply);
      const error = rest[index];
      if (error instanceof ErrorReply) return { error, index };
      if (outcome instanceof ErrorReply) return { error: outcome, index: 0 };
      if (outcome === undefined || !isList(outcome))
        throw new RestError(500, "ERR Redis answered EXEC with something else than a list");
      return outcome;
    },

    async open() {
      const connection = await connect(url);
      if (closed) {
        connection.destroy();
        throw new RestError(503, "ERR this server is stopping");
      }
      dedicated.add(connection);
      connection.once("end", () => dedicated.delete(connection));
      return connection;
    },

    close() {
      closed = true;
      for (const connection of [shared, ...dedicated]) if (connection.isOpen) connection.destroy();
    },
  };
}

async function connect(url: string) {
  let wasUp = false;
  const client = createClient({
    url,
    RESP: 2,
    // A dead Redis must cause an error, not a hanging request.
    disableOfflineQueue: true,
    disableClientInfo: true,
    socket: {
      connectTimeout: 2_000,
      reconnectStrategy: (retries, cause) => (wasUp ? Math.min(50 * 2 ** retries, 1_000) : cause),
    },
  });
  // Without a listener, the event would end the process. The failed command reports the error.
  client.on("error", () => undefined);
  try {
    await client.connect();
  } catch (error) {
    throw new RestError(503, `ERR Redis at ${hostOf(url)} cannot be reached (${codeOf(error)})`);
  }
  wasUp = true;
  return client;
}

function isList(reply: Reply): reply is readonly Reply[] {
  return Array.isArray(reply);
}

/** Only a code such as ECONNREFUSED or WRONGPASS: the rest of an error may contain the URL. */
function codeOf(error: unknown): string {
  if (error instanceof ReconnectStrategyError) return codeOf(error.socketError);
  if (error instanceof ErrorReply) return error.message.split(" ", 1)[0] ?? "";
  return error instanceof Error && "code" in error ? String(error.code) : "no answer";
}

function hostOf(url: string): string {
  return URL.parse(url)?.host ?? "the given URL";
}
