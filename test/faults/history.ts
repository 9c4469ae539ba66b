import type { Version } from "../../shared/snapshot/revision.ts";

/** Times are in milliseconds since the epoch, by the clock of this process: see `now`. */
interface Span {
  readonly startedAt: number;
  readonly endedAt: number;
}

/** The outcome of a write, as far as its sender knows. */
export type Outcome =
  /** By SQL: COMMIT was answered. By the API: `promised` has the content of the answer. */
  | { readonly result: "acknowledged"; readonly promised?: Promised }
  /** A kill: "at the edge, not yet recorded". */
  | { readonly result: "edge-only" }
  /** It must not have happened. */
  | { readonly result: "refused"; readonly why: string }
  /** It may have happened, or may yet. */
  | { readonly result: "unknown"; readonly why: string };

/** What the API promises about a write. */
export interface Promised {
  readonly version: Version;
  /** The flag after the write; null if it was deleted. */
  readonly flag: FlagState | null;
  /** Whether Redis has this version, or a newer one. */
  readonly published: boolean;
  /** For a kill: whether Redis has it, published or not. */
  readonly atEdge?: boolean;
}

/** One change that a client tried to make. */
export interface Write extends Span {
  readonly client: string;
  readonly what: "describe" | "roll out" | "kill" | "enable" | "create" | "delete" | "mark";
  readonly keys: readonly string[];
  /** The description that it sets; no other write sets the same one. */
  readonly stamp?: string;
  readonly outcome: Outcome;
  /** The version in Redis' head, if the client read it after the answer. */
  readonly headAfter?: Version;
}

/** The members of a flag that the checks compare. */
export interface FlagState {
  readonly enabled: boolean;
  readonly rolloutPct: number;
  readonly description: string;
}

/** One visit of one isolate. */
export interface Sighting extends Span {
  readonly isolate: string;
  /** Why the visitor did not get the page. */
  readonly problem?: string;
  /** Absent when the isolate had no snapshot. */
  readonly version?: Version;
  /** How long ago Redis confirmed the snapshot, by the isolate's own report. */
  readonly ageMs?: number;
  /** The flags that were on. */
  readonly on: readonly string[];
}

/** A fault that was inflicted, from its beginning until it was repaired. */
export interface Inflicted extends Span {
  readonly target: string;
  readonly kind: string;
}

/** Everything that happened in one round. */
export interface History {
  readonly writes: readonly Write[];
  readonly sightings: readonly Sighting[];
  readonly faults: readonly Inflicted[];
}

/** Wall-clock time that no clock adjustment sets back. Comparable with Postgres' time, on the same machine. */
export const now = (): number => performance.timeOrigin + performance.now();

/** A broken rule. `about` is the part of the history that shows it. */
export interface Violation {
  readonly rule: string;
  readonly what: string;
  readonly about: readonly unknown[];
}
