import { digestOf, redisKeys, type Head } from "../../shared/snapshot/snapshot.ts";

/** A REST end that may be written to. */
interface Writable {
  readonly url: string;
  readonly token: string;
}

/** Sends one command. */
export async function command({ url, token }: Writable, ...words: readonly string[]): Promise<void> {
  const headers = { authorization: `Bearer ${token}` };
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(words) });
  if (!response.ok) throw new Error(`Redis: ${response.status} ${await response.text()}`);
}

/** Puts flags where the worker of an environment reads them, as a publisher does, without one. */
export async function putSnapshot(
  redis: Writable,
  environment: string,
  revision: number,
  flags: readonly object[],
  off: object = {},
  segments?: readonly object[],
): Promise<void> {
  const keys = redisKeys(environment);
  const snapshot = JSON.stringify({ schema: 1, flags, ...(segments && { segments }) });
  const head: Head = {
    schema: 1,
    epoch: 1,
    revision,
    database_id: "db-1",
    digest: await digestOf(snapshot),
    bytes: Buffer.byteLength(snapshot),
    published_at: "2026-11-23T00:00:00Z",
  };
  const texts = [JSON.stringify(head), snapshot, JSON.stringify(off)];
  await command(
    redis,
    "MSET",
    ...[keys.head, keys.snapshot, keys.off].flatMap((key, at) => [key, texts[at] ?? ""]),
  );
}
