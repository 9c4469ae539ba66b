import type { Access } from "./authorize.ts";
import type { Command } from "./command.ts";

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

/**
 * Commands that REST does not support, and why. Most of them would change or block the connection of all requests.
 */
const unavailable: ReadonlyMap<string, string> = new Map(
  Object.entries({
    "blocking commands are not supported over REST": words(
      "blpop brpop brpoplpush blmove blmpop bzpopmin bzpopmax bzmpop wait waitaof",
    ),
    "subscribe by GET or POST /subscribe/<channel> or /psubscribe/<pattern>": words(
      "subscribe psubscribe ssubscribe unsubscribe punsubscribe sunsubscribe",
    ),
    "send transactions to /multi-exec": words("multi exec discard watch unwatch"),
    "monitor by GET or POST /monitor": words("monitor"),
    "a REST request has no connection of its own": words(
      "auth hello select client quit reset readonly readwrite asking",
    ),
    "it administers the server": words(
      "acl bgrewriteaof bgsave cluster config debug failover latency migrate module psync replconf replicaof " +
        "save shutdown slaveof slowlog sync",
    ),
  }).flatMap(([reason, names]) => names.map((name) => [name, reason] as const)),
);

/**
 * Redis 7's commands with the flag `readonly`, without SCAN and KEYS, which Upstash restricts too. A table instead of
 * COMMAND INFO, so that both kinds of Redis behave the same. All other commands are refused.
 */
const readOnly: ReadonlySet<string> = new Set(
  words(`
    bitcount bitfield_ro bitpos dbsize dump echo eval_ro evalsha_ro exists expiretime fcall_ro geodist geohash geopos
    georadius_ro georadiusbymember_ro geosearch get getbit getrange hexists hexpiretime hget hgetall hkeys hlen hmget
    hpexpiretime hpttl hrandfield hscan hstrlen httl hvals lcs lindex llen lpos lrange mget object pexpiretime pfcount
    ping pttl randomkey scard sdiff sinter sintercard sismember smembers smismember sort_ro srandmember sscan strlen
    substr sunion time touch ttl type xinfo xlen xpending xrange xread xrevrange zcard zcount zdiff zinter zintercard
    zlexcount zmscore zrandmember zrange zrangebylex zrangebyscore zrank zrevrange zrevrangebylex zrevrangebyscore
    zrevrank zscan zscore zunion
  `),
);

/** Why this command may not run, as Upstash's error text; undefined when it may. */
export function refusal(command: Command, access: Access): string | undefined {
  const name = command[0].toLowerCase();
  const reason = isBlockingRead(name, command)
    ? "blocking commands are not supported over REST"
    : unavailable.get(name);
  if (reason !== undefined) return `ERR Command is not available: '${shown(name).toUpperCase()}' (${reason})`;
  if (access === "read-only" && !readOnly.has(name)) return noPermission(name);
  return undefined;
}

/** Redis' answer to a user whose access rules lack the command. */
export function noPermission(name: string): string {
  return `NOPERM this user has no permissions to run the '${shown(name)}' command or its subcommand`;
}

/** What Upstash says instead of Redis' "unknown command …", which would quote the arguments. */
export function unknownCommand(command: Command): string {
  return `ERR Command is not available: '${shown(command[0]).toUpperCase()}'`;
}

/** XREAD and XREADGROUP block only when BLOCK stands among the options before STREAMS. */
function isBlockingRead(name: string, command: Command): boolean {
  const optionsFrom = { xread: 1, xreadgroup: 4 }[name];
  if (optionsFrom === undefined) return false;
  const options = command.slice(optionsFrom).map((argument) => argument.toString().toLowerCase());
  const streams = options.indexOf("streams");
  return options.slice(0, streams === -1 ? undefined : streams).includes("block");
}

/** A "name" may be a whole payload that was sent in the wrong place. */
function shown(name: string): string {
  return name.length > 64 ? `${name.slice(0, 64)}…` : name;
}
