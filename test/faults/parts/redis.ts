import { mkdir } from "node:fs/promises";
import { launchRedis } from "../../support/redis-server.ts";
import { directRedis, type DirectRedis } from "./direct-redis.ts";
import type { Faults } from "./fault.ts";
import type { Janitor } from "./janitor.ts";

/** A real Redis that can be killed, and can forget its data. */
export interface RedisPart {
  readonly port: () => number;
  readonly direct: DirectRedis;
  readonly faults: Faults;
  stop(): Promise<void>;
}

/** Kinds of fault after which Redis may have forgotten acknowledged writes. */
export const FORGETTING: ReadonlySet<string> = new Set(["emptied", "set back"]);

/**
 * Acknowledged writes are on disk, so `kill -9` loses nothing. Upstash promises this; a plain redis-server does not. Forgetting
 * has two faults of its own: `emptied` (Redis is flushed or created again) and `set back` (a replica that lags takes over, or
 * a backup is restored).
 */
const SETTINGS = { appendonly: "yes", appendfsync: "always" } as const;

/** Starts Redis. @param keys the content of a backup */
export async function startRedisPart(
  folder: string,
  janitor: Janitor,
  keys: readonly string[],
): Promise<RedisPart> {
  await mkdir(folder);
  let server = await start();
  let backup: readonly (string | null)[] = [];
  const direct = directRedis(() => server.port);

  async function start() {
    const started = await launchRedis(folder, SETTINGS);
    const { pid } = started.process;
    if (pid !== undefined) {
      janitor.watch(pid);
      started.process.once("exit", () => janitor.forget(pid));
    }
    return started;
  }

  return {
    port: () => server.port,
    direct,
    faults: {
      killed: {
        begin: () => server.end(),
        async end() {
          server = await start();
        },
      },
      stopped: {
        begin: async () => void server.process.kill("SIGSTOP"),
        end: async () => void server.process.kill("SIGCONT"),
      },
      emptied: {
        begin: async () => void (await direct.command("FLUSHALL")),
        end: async () => undefined,
      },
      "set back": {
        async begin() {
          backup = (await direct.command("MGET", ...keys)) as (string | null)[];
        },
        async end() {
          const restored = keys.flatMap((key, at) => {
            const value = backup[at];
            return typeof value === "string" ? [key, value] : [];
          });
          await direct.command("EVAL", SET_BACK, "0", ...restored);
        },
      },
    },
    stop: () => server.end(),
  };
}

/** One script, so that nobody sees an empty Redis in between. */
const SET_BACK = "redis.call('FLUSHALL') if #ARGV > 0 then redis.call('MSET', unpack(ARGV)) end return 1";
