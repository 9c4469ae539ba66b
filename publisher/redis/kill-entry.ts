import { compareVersions, type Version } from "../../shared/snapshot/revision.ts";
import { z } from "zod";

/**
 * One flag's kill in Redis. `off` alone cannot tell two kills that are under way at once apart, and its format is
 * frozen: so the publishers keep beside it who holds an entry at null. While anybody does, it stays null.
 */
export interface KillEntry {
  /** The entry in `off`: null while a kill is not recorded, else the version that recorded it; undefined: none. */
  readonly off: Version | null | undefined;
  /** Kills that are not recorded yet; empty for a null that somebody set by hand. */
  readonly holders: readonly string[];
  /** The newest version that `off` named, or would name but for the holders. */
  readonly recorded: Version | undefined;
}

/** By flag key. */
export type Kills = ReadonlyMap<string, KillEntry>;

/** A kill that somebody wrote into `off` without a publisher: it is brought into Postgres like all others. */
const BY_HAND = "by hand";

/** Who has to let go before the entry may name a version. */
export function holdersOf(entry: KillEntry): readonly string[] {
  if (entry.off !== null) return [];
  return entry.holders.length === 0 ? [BY_HAND] : entry.holders;
}

/** A kill begins: off whatever any snapshot says. */
export function hold(entry: KillEntry, holder: string): KillEntry | undefined {
  const holders = holdersOf(entry);
  if (holders.includes(holder)) return undefined;
  return {
    off: null,
    holders: [...holders, holder],
    recorded: entry.off === null ? entry.recorded : entry.off,
  };
}

/** Postgres has these kills since `version`: from there on the snapshot decides, unless other kills are under way. */
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

/** A kill was refused: as it was before, unless other kills are under way. */
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

const heldKills = z.record(
  z.string(),
  z.object({ holders: z.array(z.string()), recorded: z.tuple([count, count]).optional() }),
);

/** Reads what the publishers keep beside `off`. What cannot be understood reads as nothing: `off` alone still holds. */
export function parseHeld(text: string | null): ReadonlyMap<string, Omit<KillEntry, "off">> {
  const { data } = heldKills.safeParse(parseJson(text ?? "{}"));
  return new Map(
    Object.entries(data ?? {}).map(([key, { holders, recorded }]) => [
      key,
      { holders, recorded: recorded && { epoch: recorded[0], revision: recorded[1] } },
    ]),
  );
}

/** What the publishers keep beside `off`: only of kills that are not recorded yet. */
export function formatHeld(kills: ReadonlyMap<string, KillEntry>): string {
  const entries = [...kills]
    .filter(([, { off }]) => off === null)
    .map(([key, { holders, recorded }]) => [
      key,
      { holders, ...(recorded && { recorded: [recorded.epoch, recorded.revision] }) },
    ]);
  return JSON.stringify(Object.fromEntries(entries));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
