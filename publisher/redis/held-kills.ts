import { z } from "zod";
import type { KillEntry } from "./kill-entry.ts";

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
