import type { VariantDefinition } from "./compile-variants.ts";
import type { Condition } from "../condition/comparison.ts";
import type { Fault } from "../flag/fault.ts";
import type { FailMode, Requirement } from "../flag/flag.ts";
import type { On } from "./outcome.ts";
import type { Decision } from "../flag/reason.ts";
import type { Slot } from "../bucketing/slots.ts";

/** A share of all users: who is in it, and what that means. */
export interface Share {
  /** 0 to 10,000. */
  readonly basisPoints: number;
  readonly bucketBy: string;
  /** Where in `Buckets` the place stands that decides; `NO_SLOT` when nobody's does. */
  readonly slot: number;
  /** At 0 %. */
  readonly nobody: Decision;
  /** At 100 %. */
  readonly everybody: On;
  readonly within: On;
  readonly beyond: Decision;
  readonly noId: Decision;
}

/** A rule made ready: whom it matches, and what it leads to. */
export interface CompiledRule {
  readonly id: string;
  readonly condition: Condition;
  readonly outcome: Decision | Share;
}

/** A flag that has to be on for another, found by position. */
export interface CompiledRequirement extends Requirement {
  readonly position: number;
}

/** How a variant is drawn: `owners[i]` is that of the places from `ends[i - 1]` on, below `ends[i]`. */
export interface Draw {
  readonly bucketBy: string;
  readonly slot: number;
  /** In ten-thousandths, ascending; the last one is 10,000. */
  readonly ends: readonly number[];
  /** Positions of variants, as in `On`. */
  readonly owners: readonly number[];
}

/** A flag made ready for `decide`: everything that does not depend on the request is worked out. */
export interface CompiledFlag {
  readonly key: string;
  /** Why the flag cannot be evaluated; it is then off with ERROR. */
  readonly fault?: Fault;
  readonly enabled: boolean;
  readonly requires: readonly CompiledRequirement[];
  readonly allowlist: ReadonlySet<string>;
  readonly allowed: On;
  readonly blocklist: ReadonlySet<string>;
  readonly plans?: ReadonlySet<string>;
  readonly employeesOnly: boolean;
  readonly employee: On;
  readonly rules: readonly CompiledRule[];
  readonly rollout: Share;
  /** Absent for a boolean flag, and where one variant has everybody. */
  readonly draw?: Draw;
  /** None: the flag is boolean. */
  readonly variants: readonly VariantDefinition[];
  readonly salt: string;
  readonly bucketBy: string;
  readonly failMode: FailMode;
  readonly inHeader: boolean;
  readonly clientVisible: boolean;
  /** By variant, what stands in `x-flags` for it. */
  readonly headerMembers: ReadonlyMap<string, string>;
}

/** A snapshot made ready: flags sorted by key, found by position; everything per request is an array by position. */
export interface Compiled {
  readonly flags: readonly CompiledFlag[];
  readonly positions: ReadonlyMap<string, number>;
  /** Positions in the order in which flags are decided: prerequisites first. */
  readonly order: readonly number[];
  /** What has to be hashed for a context: all that a flag of this snapshot can need, each once. */
  readonly slots: readonly Slot[];
}
