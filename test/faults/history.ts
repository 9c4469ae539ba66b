import type { Version } from "../../shared/snapshot/revision.ts";

/** Times are in milliseconds since the epoch, of this process' one clock: see `now`. */
interface Span {
  readonly startedAt: number;
  readonly endedAt: number;
}

/** What became of a write, as its sender knows it. */
export type Outcome =
  /** By SQL: COMMIT was answered. By the API: with all that `Told` says. */
  | { readonly result: "acknowledged"; readonly told?: Told }
  /** A kill: "at the edge, not yet recorded". */
  | { readonly result: "edge-only" }
  /** It must not have happened. */
  | { readonly result: "refused"; readonly why: string }
  /** It may have happened, or may yet. */
  | { readonly result: "unknown"; readonly why: string };

/** What the API promises of a write. */
export interface Told {
  readonly version: Version;
  /** The flag as it then was; null: gone. */
  readonly flag: FlagState | null;
  /** Whether Redis has it, or something newer. */
  readonly published: boolean;
  /** Of a kill: whether Redis has heard of it, published or not. */
  readonly atEdge?: boolean;
}

/** One change that a client tried to make. */
export interface Write extends Span {
  readonly client: string;
  readonly what: "describe" | "roll out" | "kill" | "enable" | "create" | "delete" | "mark";
  readonly keys: readonly string[];
  /** A description that no other write has, where it sets one. */
  readonly stamp?: string;
  readonly outcome: Outcome;
  /** What Redis' head named when it was looked at after the answer. */
  readonly headAfter?: Version;
}

/** What of a flag the checks look at. */
export interface FlagState {
  readonly enabled: boolean;
  readonly rolloutPct: number;
  readonly description: string;
}

/** What one visitor was told by one isolate. */
export interface Sighting extends Span {
  readonly isolate: string;
  /** What is wrong with the answer, when the visitor did not get the page. */
  readonly problem?: string;
  /** Absent when the isolate held nothing. */
  readonly version?: Version;
  /** How long ago Redis had confirmed it, by the isolate's own account. */
  readonly ageMs?: number;
  /** The flags that were on. */
  readonly on: readonly string[];
}

/** A fault as it was inflicted; the end is when it was mended. */
export interface Inflicted extends Span {
  readonly target: string;
  readonly kind: string;
}

/** All that one round saw. */
export interface History {
  readonly writes: readonly Write[];
  readonly sightings: readonly Sighting[];
  readonly faults: readonly Inflicted[];
}

/** Wall-clock time, to be held against Postgres' own on the same machine, but one that no adjustment sets back. */
export const now = (): number => performance.timeOrigin + performance.now();

/** Something that must never be. `about` is what of the history belongs to it. */
export interface Violation {
  readonly rule: string;
  readonly what: string;
  readonly about: readonly unknown[];
}
