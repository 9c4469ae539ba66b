import { createHash } from "node:crypto";
import type pg from "pg";
import { compareVersions, type Version } from "../../shared/snapshot/revision.ts";
import type { FlagState } from "./history.ts";

/** One row of the audit. */
export interface Change extends Version {
  readonly id: number;
  /** When, in milliseconds since the epoch, by Postgres. */
  readonly at: number;
  readonly actor: string;
  readonly key: string;
  readonly before: FlagState | null;
  readonly after: FlagState | null;
}

/** The history by Postgres: every state of every flag, by version. */
export interface Truth {
  /** Adds later changes, in their order. */
  add(changes: readonly Change[]): void;
  readonly changes: readonly Change[];
  /** The flag at a version; null if it did not exist. */
  stateAt(key: string, version: Version): FlagState | null;
  /** All flags at a version. */
  allAt(version: Version): ReadonlyMap<string, FlagState>;
  /** Whether a change has this version. */
  knows(version: Version): boolean;
  readonly newest: Version;
}

/** Makes an empty history. */
export function createTruth(): Truth {
  const changes: Change[] = [];
  const byKey = new Map<string, Change[]>();
  const versions = new Set<string>();
  return {
    changes,
    add(added) {
      for (const change of added) {
        changes.push(change);
        versions.add(nameOf(change));
        const list = byKey.get(change.key);
        if (list === undefined) byKey.set(change.key, [change]);
        else list.push(change);
      }
    },
    stateAt: (key, version) => lastUntil(byKey.get(key) ?? [], version),
    allAt(version) {
      const found = new Map<string, FlagState>();
      for (const [key, list] of byKey) {
        const state = lastUntil(list, version);
        if (state !== null) found.set(key, state);
      }
      return found;
    },
    knows: (version) => versions.has(nameOf(version)),
    get newest() {
      return changes.at(-1) ?? { epoch: 0, revision: 0 };
    },
  };
}

function lastUntil(changes: readonly Change[], version: Version): FlagState | null {
  // From the end: most questions are about recent changes.
  return changes.findLast((change) => compareVersions(change, version) <= 0)?.after ?? null;
}

export const nameOf = ({ epoch, revision }: Version): string => `${epoch}.${revision}`;

/** Reads the changes after the one with this id. */
export async function readChanges(client: pg.Client, afterId: number): Promise<readonly Change[]> {
  const { rows } = await client.query<{
    id: string;
    epoch: string;
    revision: string;
    at: string;
    actor: string;
    flag_key: string;
    before: Row | null;
    after: Row | null;
  }>(
    `select id, epoch, revision, extract(epoch from at) * 1000 as at, actor, flag_key, before, after
     from flag_audit where id > $1 order by id`,
    [afterId],
  );
  return rows.map((row) => ({
    id: Number(row.id),
    epoch: Number(row.epoch),
    revision: Number(row.revision),
    at: Number(row.at),
    actor: row.actor,
    key: row.flag_key,
    before: toState(row.before),
    after: toState(row.after),
  }));
}

interface Row {
  readonly enabled: boolean;
  readonly rollout_pct: number;
  readonly description: string;
}

function toState(row: Row | null): FlagState | null {
  if (row === null) return null;
  return { enabled: row.enabled, rolloutPct: row.rollout_pct, description: row.description };
}

/**
 * Whether a flag without targeting is on for a user. It is computed here by the documentation, independently of the project's
 * own code.
 */
export function isOn(key: string, { enabled, rolloutPct }: FlagState, userId: string): boolean {
  const hash = createHash("sha256").update(`${key}::${userId}`).digest().readUInt32BE(0);
  return enabled && hash * 10_000 < Math.round(rolloutPct * 100) * 2 ** 32;
}

/** The keys that are on for a user. */
export function onAt(truth: Truth, version: Version, userId: string): ReadonlySet<string> {
  const on = [...truth.allAt(version)].filter(([key, state]) => isOn(key, state, userId));
  return new Set(on.map(([key]) => key));
}
