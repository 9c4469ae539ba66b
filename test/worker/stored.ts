import { digestOf, type Head } from "../../shared/snapshot/snapshot.ts";
import type { Colo, Copy } from "../../worker/snapshot/colo.ts";
import type { Store, Stored } from "../../worker/snapshot/redis.ts";

/** What a publisher would have written. */
export interface Published {
  readonly flags: readonly unknown[];
  readonly head?: Partial<Head>;
  readonly off?: unknown;
}

/** The three texts in Redis for some flags. */
export async function publish({ flags, head, off }: Published): Promise<Stored> {
  const snapshot = JSON.stringify({ schema: 1, flags });
  const full: Head = {
    schema: 1,
    epoch: 1,
    revision: 1,
    database_id: "db-1",
    digest: await digestOf(snapshot),
    bytes: snapshot.length,
    published_at: "2026-11-23T00:00:00Z",
    ...head,
  };
  return {
    head: JSON.stringify(full),
    snapshot,
    off: off === undefined ? null : typeof off === "string" ? off : JSON.stringify(off),
  };
}

/** A Redis in memory, whose answers may be held up or fail. */
export class MemoryStore implements Store {
  stored: Stored = { head: null, snapshot: null, off: null };
  /** What every command meets before it is answered. */
  obstacle: () => Promise<void> = async () => undefined;
  /** The commands so far. */
  readonly log: string[] = [];

  async readHeadAndOff(): Promise<Omit<Stored, "snapshot">> {
    this.log.push("head off");
    // Redis answers with what it holds when the command arrives, however late the answer then is.
    const { head, off } = this.stored;
    await this.obstacle();
    return { head, off };
  }

  async readAll(): Promise<Stored> {
    this.log.push("head snapshot off");
    const { stored } = this;
    await this.obstacle();
    return stored;
  }
}

/** A colo's cache in memory. */
export class MemoryColo implements Colo {
  copy: Copy | undefined;
  readonly snapshots = new Map<string, string>();

  async readCopy(): Promise<Copy | undefined> {
    return this.copy;
  }

  async readSnapshot(digest: string): Promise<string | undefined> {
    return this.snapshots.get(digest);
  }

  async writeCopy(copy: Copy): Promise<void> {
    this.copy = copy;
  }

  async writeSnapshot(digest: string, text: string): Promise<void> {
    this.snapshots.set(digest, text);
  }
}

/** A cache that never keeps anything. */
export const noColo: Colo = {
  readCopy: async () => undefined,
  readSnapshot: async () => undefined,
  writeCopy: async () => undefined,
  writeSnapshot: async () => undefined,
};
