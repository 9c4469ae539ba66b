import { setTimeout as sleep } from "node:timers/promises";
import { decodeFlags, decodeFlagsContext } from "../../../shared/x-flags/flags-header.ts";
import { now, type Sighting } from "../history.ts";
import type { Isolate } from "../parts/edge.ts";
import type { System } from "../system.ts";
import { wordsOf } from "./api-client.ts";

/** All visitors' one identity: what is on for it can be computed. */
export const VISITOR = "visitor-1";

/** Visits every isolate without pause, until it is stopped. */
export interface Visitors {
  /** What they have seen since the last call. */
  takeSightings(): readonly Sighting[];
  stop(): Promise<void>;
}

/** So that visits to one isolate overlap. */
const VISITORS_PER_ISOLATE = 2;

const PAUSE_MS = 40;

/** A page that takes so long is no page. */
const PATIENCE_MS = 30_000;

/** Starts them. @param latest is kept up to date with what each isolate has shown last */
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
    const told = await ask(isolate.url, headers).catch((error: unknown) => ({
      problem: wordsOf(error),
      on: [],
    }));
    isolate.visits -= 1;
    return { isolate: isolate.name, startedAt, endedAt: now(), ...told };
  }

  /** Whichever isolate lives at this place. */
  async function keepVisiting(place: number): Promise<void> {
    while (!isStopped) {
      const isolate = isolates()[place];
      if (isolate !== undefined) {
        const sighting = await visit(isolate);
        sightings.push(sighting);
        latest.set(sighting.isolate, sighting);
      }
      await sleep(PAUSE_MS * (0.5 + Math.random()));
    }
  }

  const running = isolates().flatMap((_, place) =>
    Array.from({ length: VISITORS_PER_ISOLATE }, () => keepVisiting(place)),
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

type Told = Pick<Sighting, "problem" | "version" | "ageMs" | "on">;

async function ask(url: string, headers: Readonly<Record<string, string>>): Promise<Told> {
  const response = await fetch(`${url}/page`, { headers, signal: AbortSignal.timeout(PATIENCE_MS) });
  const text = await response.text();
  if (response.status !== 200) return { problem: `${response.status} ${text.slice(0, 200)}`, on: [] };
  const heard = JSON.parse(text) as { flags: string; context: string };
  const context = decodeFlagsContext(heard.context);
  const flags = decodeFlags(heard.flags);
  if (context === undefined || flags === undefined) {
    return { problem: `unreadable headers: ${heard.context} / ${heard.flags}`, on: [] };
  }
  const { version, ageMs } = context;
  return {
    on: [...flags.keys()],
    ...(version !== undefined && { version }),
    ...(ageMs !== undefined && { ageMs }),
  };
}
