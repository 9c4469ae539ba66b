import { setTimeout as sleep } from "node:timers/promises";
import { decodeFlags, decodeFlagsContext } from "../../../shared/x-flags/flags-header.ts";
import { now, type Sighting } from "../history.ts";
import type { Isolate } from "../parts/edge.ts";
import type { System } from "../system.ts";
import { wordsOf } from "./api-client.ts";

/** All visitors have this id, so the flags that are on for them can be computed. */
export const VISITOR = "visitor-1";

/** Visitors of every isolate, until they are stopped. */
export interface Visitors {
  /** The sightings since the last call. */
  takeSightings(): readonly Sighting[];
  stop(): Promise<void>;
}

/** More than one, so that visits to one isolate overlap. */
const VISITORS_PER_ISOLATE = 2;

const PAUSE_MS = 40;

/** A page that takes longer counts as failed. */
const PATIENCE_MS = 30_000;

/** Starts the visitors. @param latest gets the newest sighting of each isolate */
export function startVisitors(
  { isolates, contextSecret }: Pick<System, "isolates" | "contextSecret">,
  latest: Map<string, Sighting>,
): Visitors {
  let sightings: Sighting[] = [];
  let isStopped = false;
  const headers = {
    "x-sluice-context": Buffer.from(JSON.stringify({ userId: VISITOR })).toString("base64url"),
    "x-sluice-proof": contextSecret,
  };

  async function visit(isolate: Isolate): Promise<Sighting> {
    const startedAt = now();
    isolate.visits += 1;
    const seen = await ask(isolate.url, headers).catch((error: unknown) => ({
      problem: wordsOf(error),
      on: [],
    }));
    isolate.visits -= 1;
    return { isolate: isolate.name, startedAt, endedAt: now(), ...seen };
  }

  /** Visits the isolate at this index, and after a restart the one that replaces it. */
  async function keepVisiting(index: number): Promise<void> {
    while (!isStopped) {
      const isolate = isolates()[index];
      if (isolate !== undefined) {
        const sighting = await visit(isolate);
        sightings.push(sighting);
        latest.set(sighting.isolate, sighting);
      }
      await sleep(PAUSE_MS * (0.5 + Math.random()));
    }
  }

  const running = isolates().flatMap((_, index) =>
    Array.from({ length: VISITORS_PER_ISOLATE }, () => keepVisiting(index)),
  );
  return {
    takeSightings() {
      const taken = sightings;
      sightings = [];
      return taken;
    },
    async stop() {
      isStopped = true;
      await Promise.all(running);
    },
  };
}

type Seen = Pick<Sighting, "problem" | "version" | "ageMs" | "on">;

async function ask(url: string, headers: Readonly<Record<string, string>>): Promise<Seen> {
  const response = await fetch(`${url}/page`, { headers, signal: AbortSignal.timeout(PATIENCE_MS) });
  const text = await response.text();
  if (response.status !== 200) return { problem: `${response.status} ${text.slice(0, 200)}`, on: [] };
  const shown = JSON.parse(text) as { flags: string; context: string };
  const context = decodeFlagsContext(shown.context);
  const flags = decodeFlags(shown.flags);
  if (context === undefined || flags === undefined) {
    return { problem: `unreadable headers: ${shown.context} / ${shown.flags}`, on: [] };
  }
  const { version, ageMs } = context;
  return {
    on: [...flags.keys()],
    ...(version !== undefined && { version }),
    ...(ageMs !== undefined && { ageMs }),
  };
}
