import { digestOf, type Head } from "../../shared/snapshot.ts";
import type { Store, Stored } from "../../worker/redis.ts";

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
