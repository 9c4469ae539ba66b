import { toBasisPoints } from "../bucketing/bucket.ts";
import { judgeBucketBy } from "./compile-rules.ts";
import type { Segments } from "./compile-segments.ts";
import { NO_TARGETING, compileTargeting, type TargetingDefinition } from "./compile-targeting.ts";
import { compileVariants, type VariantDefinition } from "./compile-variants.ts";
import { fault, faultWithin, type Fault } from "../flag/fault.ts";
import {
  DEFAULT_BUCKET_BY,
  FAIL_MODES,
  KEY_FORM,
  MAX_REQUIRES,
  isKey,
  type FailMode,
  type Requirement,
  type SnapshotFlag,
} from "../flag/flag.ts";
import { isObject, takeItems, takeMembers, type Member, type Members } from "../flag/members.ts";

/** One flag of a snapshot, checked by itself. `compile` checks its references to other flags. */
export interface FlagDefinition {
  readonly key: string;
  /** Why the flag cannot be evaluated. */
  readonly fault?: Fault;
  readonly enabled: boolean;
  readonly targeting: TargetingDefinition;
  readonly basisPoints: number;
  /** See `bucketU32`. */
  readonly salt: string;
  readonly bucketBy: string;
  /** Empty: the flag is boolean. */
  readonly variants: readonly VariantDefinition[];
  readonly requires: readonly Requirement[];
  readonly failMode: FailMode;
  readonly inHeader: boolean;
  readonly clientVisible: boolean;
}

type Fields = { -readonly [Name in keyof Omit<FlagDefinition, "key" | "fault">]: FlagDefinition[Name] };

interface Draft extends Fields {
  /** Checked last, because rules name variants, which may follow in the object. */
  givenTargeting?: unknown;
}

/** A member that is a boolean. */
const booleanIn =
  (name: "enabled" | "inHeader" | "clientVisible"): Member<Draft> =>
  (value, into) => {
    if (typeof value !== "boolean") return fault("must be true or false");
    into[name] = value;
    return undefined;
  };

const REQUIREMENT_MEMBERS: Members<{ flag?: string; variant?: string }, Requirement> = {
  flag: (value, into) => {
    if (!isKey(value)) return fault("must be the key of a flag");
    into.flag = value;
    return undefined;
  },
  variant: (value, into) => {
    if (typeof value !== "string") return fault("must be the key of one of that flag's variants");
    into.variant = value;
    return undefined;
  },
};

const MEMBERS: Members<Draft, SnapshotFlag & { readonly gates: unknown }> = {
  key: () => undefined,
  enabled: booleanIn("enabled"),
  rollout_pct: (value, into) => {
    if (typeof value !== "number" || !(value >= 0 && value <= 100))
      return fault("must be a number from 0 to 100");
    into.basisPoints = toBasisPoints(value);
    return undefined;
  },
  targeting: (value, into) => {
    into.givenTargeting = value;
    return undefined;
  },
  salt: (value, into) => {
    if (!isKey(value)) return fault(KEY_FORM);
    into.salt = value;
    return undefined;
  },
  bucket_by: (value, into) => {
    into.bucketBy = String(value);
    return judgeBucketBy(value);
  },
  variants: (value, into) => {
    const compiled = compileVariants(value);
    if ("fault" in compiled) return compiled.fault;
    into.variants = compiled.variants;
    return undefined;
  },
  requires: (value, into) => {
    const requires: Requirement[] = [];
    into.requires = requires;
    return takeItems(value, MAX_REQUIRES, (item) => takeRequirement(item, requires));
  },
  fail_mode: (value, into) => {
    const failMode = FAIL_MODES.find((mode) => mode === value);
    if (failMode === undefined) return fault(`must be one of ${FAIL_MODES.join(", ")}`);
    into.failMode = failMode;
    return undefined;
  },
  in_header: booleanIn("inHeader"),
  client_visible: booleanIn("clientVisible"),
  // Gates restrict pages and do not change the flag's value. The worker reads them by `readGates`.
  gates: (value) => (Array.isArray(value) ? undefined : fault("must be an array")),
  // Read before all other members.
  invalid: () => undefined,
};

/**
 * Reads one flag of a snapshot.
 *
 * @param raw unchecked input
 * @param segments from `compileSegments`
 * @returns undefined when the flag has no valid key; a flag with `fault` when another member is invalid
 */
export function compileFlag(raw: unknown, segments: Segments): FlagDefinition | undefined {
  if (!isObject(raw)) return undefined;
  const { key, enabled, rollout_pct, invalid } = raw;
  if (!isKey(key)) return undefined;
  if (invalid !== undefined) {
    return brokenFlag(key, fault(typeof invalid === "string" ? invalid : "this row is not valid"));
  }
  const draft: Draft = defaults(key);
  const found = takeMembers(raw, MEMBERS, draft);
  if (found !== undefined) return brokenFlag(key, found);
  if (enabled === undefined) return brokenFlag(key, fault("is missing", "enabled"));
  if (rollout_pct === undefined) return brokenFlag(key, fault("is missing", "rollout_pct"));

  const { givenTargeting, ...fields } = draft;
  if (givenTargeting === undefined) return { key, ...fields };
  const variantKeys = new Set(fields.variants.map((variant) => variant.key));
  const compiled = compileTargeting(givenTargeting, variantKeys, segments);
  if ("fault" in compiled) return brokenFlag(key, faultWithin(compiled.fault, "targeting"));
  return { key, ...fields, targeting: compiled.targeting };
}

/** A flag that is off with ERROR for everybody. */
export const brokenFlag = (key: string, found: Fault): FlagDefinition => ({
  key,
  fault: found,
  ...defaults(key),
});

/** Checks the form of prerequisites. `orderFlags` checks that they exist. */
export function judgeRequires(value: unknown): Fault | undefined {
  const requires: Requirement[] = [];
  return takeItems(value, MAX_REQUIRES, (item) => takeRequirement(item, requires));
}

function takeRequirement(item: unknown, requires: Requirement[]): Fault | undefined {
  const draft: { flag?: string; variant?: string } = {};
  const found = takeMembers(item, REQUIREMENT_MEMBERS, draft);
  if (found !== undefined) return found;
  const { flag, variant } = draft;
  if (flag === undefined) return fault("is missing", "flag");
  if (requires.some((other) => other.flag === flag)) return fault("this flag is named twice", "flag");
  requires.push({ flag, ...(variant !== undefined && { variant }) });
  return undefined;
}

function defaults(key: string): Fields {
  return {
    enabled: false,
    targeting: NO_TARGETING,
    basisPoints: 0,
    salt: key,
    bucketBy: DEFAULT_BUCKET_BY,
    variants: [],
    requires: [],
    failMode: "off",
    inHeader: true,
    clientVisible: false,
  };
}
