import { compareVersions, type Version } from "../../shared/snapshot/revision.ts";
import { z } from "zod";
import { jsonOrUndefined } from "../../shared/flag/members.ts";

/**
 * One flag's kill in Redis. `off` cannot distinguish two kills that run at once, and its format is frozen. So publishers
 * store beside it the ids of the kills that keep an entry at null. The entry stays null until all of them are done.
 */
export interface KillEntry {
  /** The entry in `off`: null until Postgres has the kill, then the version that has it; undefined: no entry. */
  readonly off: Version | null | undefined;
  /** Ids of kills that Postgres does not have yet; empty for a null that somebody set by hand. */
  readonly holders: readonly string[];
  /** The newest version that `off` named, or would name without the holders. */
  readonly recorded: Version | undefined;
}

/** By flag key. */
export type Kills = ReadonlyMap<string, KillEntry>;

/** The holder of a kill that somebody wrote into `off` without a publisher. It is imported like all others. */
const BY_HAND = "by hand";

/** The kills that must be recorded before the entry may name a version. */
export function holdersOf(entry: KillEntry): readonly string[] {
  if (entry.off !== null) return [];
  return entry.holders.length === 0 ? [BY_HAND] : entry.holders;
}

/** Begins a kill: the flag is off, whichever snapshot a worker has. */
export function hold(entry: KillEntry, holder: string): KillEntry | undefined {
  const holders = holdersOf(entry);
  if (holders.includes(holder)) return undefined;
  return {
    off: null,
    holders: [...holders, holder],
    recorded: entry.off === null ? entry.recorded : entry.off,
  };
}

/** Ends kills that Postgres has since `version`: newer snapshots decide, unless other kills are still running. */
export function record(
  entry: KillEntry,
  recordedHolders: readonly string[],
  version: Version,
): KillEntry | undefined {
  const recorded = latest(entry.recorded ?? entry.off ?? version, version);
  if (entry.off !== null) {
    const isNewer = entry.off === undefined || compareVersions(version, entry.off) > 0;
    return isNewer ? { off: version, holders: [], recorded: undefined } : undefined;
  }
  const holders = holdersOf(entry).filter((holder) => !recordedHolders.includes(holder));
  return holders.length > 0
    ? { off: null, holders, recorded }
    : { off: recorded, holders: [], recorded: undefined };
}

/** Undoes a kill that was refused, unless other kills are still running. */
export function release(entry: KillEntry, holder: string): KillEntry | undefined {
  if (entry.off !== null || !entry.holders.includes(holder)) return undefined;
  const holders = entry.holders.filter((other) => other !== holder);
  return holders.length > 0
    ? { ...entry, holders }
    : { off: entry.recorded, holders: [], recorded: undefined };
}

function latest(a: Version, b: Version): Version {
  return compareVersions(a, b) > 0 ? a : b;
}

const count = z.int().min(0);

const holdersByKey = z.record(
  z.string(),
  z.object({ holders: z.array(z.string()), recorded: z.tuple([count, count]).optional() }),
);

/** Reads the holders of kills. Unreadable text counts as no holders: `off` alone still keeps the flags off. */
export function parseHolders(text: string | null): ReadonlyMap<string, Omit<KillEntry, "off">> {
  const { data } = holdersByKey.safeParse(jsonOrUndefined(text ?? "{}"));
  return new Map(
    Object.entries(data ?? {}).map(([key, { holders, recorded }]) => [
      key,
      { holders, recorded: recorded && { epoch: recorded[0], revision: recorded[1] } },
    ]),
  );
}

/** Writes the holders of all kills that Postgres does not have yet. */
export function formatHolders(kills: ReadonlyMap<string, KillEntry>): string {
  const entries = [...kills]
    .filter(([, { off }]) => off === null)
    .map(([key, { holders, recorded }]) => [
      key,
      { holders, ...(recorded && { recorded: [recorded.epoch, recorded.revision] }) },
    ]);
  return JSON.stringify(Object.fromEntries(entries));
}
