import type { VariantDefinition } from "./compile-variants.ts";
import type { Condition } from "../condition/comparison.ts";
import type { Fault } from "../flag/fault.ts";
import type { FailMode, Requirement } from "../flag/flag.ts";
import type { On } from "./outcome.ts";
import type { Decision } from "../flag/reason.ts";
import type { Slot } from "../bucketing/slots.ts";

/** A percentage of users, with the decision for every outcome. */
export interface Share {
  /** 0 to 10,000. */
  readonly basisPoints: number;
  readonly bucketBy: string;
  /** The index of the user's bucket in `Buckets`; `NO_SLOT` at 0 % and 100 %, which need none. */
  readonly slot: number;
  /** At 0 %. */
  readonly nobody: Decision;
  /** At 100 %. */
  readonly everybody: On;
  readonly within: On;
  readonly beyond: Decision;
  readonly noId: Decision;
}

/** A rule: its condition, and the decision or share for users who match. */
export interface CompiledRule {
  readonly id: string;
  readonly condition: Condition;
  readonly outcome: Decision | Share;
}

/** A prerequisite, with the position of the flag in `Compiled.flags`. */
export interface CompiledRequirement extends Requirement {
  readonly position: number;
}

/** Divides buckets among variants: buckets from `ends[i - 1]` to below `ends[i]` belong to the variant `owners[i]`. */
export interface VariantSplit {
  readonly bucketBy: string;
  readonly slot: number;
  /** In ten-thousandths, ascending; the last one is 10,000. */
  readonly ends: readonly number[];
  /** Positions of variants, as in `On`. */
  readonly owners: readonly number[];
}

/** A flag prepared for `decide`: everything that does not depend on the request is computed. */
export interface CompiledFlag {
  readonly key: string;
  /** Why the flag cannot be evaluated. It is then off with ERROR. */
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
  /** Absent for a boolean flag, and when one variant has all the weight. */
  readonly variantSplit?: VariantSplit;
  /** Empty: the flag is boolean. */
  readonly variants: readonly VariantDefinition[];
  readonly salt: string;
  readonly bucketBy: string;
  readonly failMode: FailMode;
  readonly inHeader: boolean;
  readonly clientVisible: boolean;
  /** The member of `x-flags`, by variant key. */
  readonly headerMembers: ReadonlyMap<string, string>;
}

/** A prepared snapshot. Flags are sorted by key; a flag's index is its position in every array of a request. */
export interface Compiled {
  readonly flags: readonly CompiledFlag[];
  readonly positions: ReadonlyMap<string, number>;
  /** Positions in evaluation order: prerequisites first. */
  readonly order: readonly number[];
  /** Everything that the flags of this snapshot need hashed for a context, without duplicates. */
  readonly slots: readonly Slot[];
}
