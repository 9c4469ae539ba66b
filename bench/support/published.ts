import { Redis } from "@upstash/redis";
import { parseHead, redisKeys, type Head } from "../../shared/snapshot/snapshot.ts";
import type { System } from "./system.ts";

/** Reads head and snapshot from Redis itself, not from the publisher. */
export async function readPublished({
  redis,
  environment,
}: Pick<System, "redis" | "environment">): Promise<{ readonly head: Head; readonly snapshot: string }> {
  const { url, readOnlyToken: token } = redis.started;
  const client = new Redis({ url, token, automaticDeserialization: false, responseEncoding: false });
  const keys = redisKeys(environment);
  const [head, snapshot] = await client.mget<(string | null)[]>(keys.head, keys.snapshot);
  const parsed = parseHead(head ?? "");
  if ("problem" in parsed || typeof snapshot !== "string") throw new Error("Redis holds no publication");
  return { head: parsed.value, snapshot };
}
