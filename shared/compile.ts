import { toBasisPoints } from "./bucket.ts";
import { FAIL_MODES, KEY_PATTERN, type FailMode, type Targeting } from "./flag.ts";
import type { Snapshot } from "./snapshot.ts";

/** A flag made ready for `decide`: sets instead of lists, integers instead of percentages, faults found beforehand. */
export interface CompiledFlag {
  readonly key: string;
  /** Why the flag cannot be evaluated; it is then off with ERROR. Names members, never their contents. */
  readonly fault?: string;
  readonly enabled: boolean;
  readonly allowlist: ReadonlySet<string>;
  readonly blocklist: ReadonlySet<string>;
  readonly plans?: ReadonlySet<string>;
  readonly employeesOnly: boolean;
  readonly basisPoints: number;
  /** What the bucket is drawn with; see `bucketU32`. */
  readonly salt: string;
  readonly failMode: FailMode;
  readonly inHeader: boolean;
  readonly clientVisible: boolean;
}

/** A snapshot made ready: flags sorted by key, found by position; everything per request is an array by position. */
export interface Compiled {
  readonly flags: readonly CompiledFlag[];
  readonly positions: ReadonlyMap<string, number>;
}

type Fields = { -readonly [Name in keyof Omit<CompiledFlag, "key" | "fault">]: CompiledFlag[Name] };

/** Takes one member's value over, or says what it must be. */
type Member = (value: unknown, into: Fields) => string | undefined;

const NO_IDS: ReadonlySet<string> = new Set();

const stringSet = (value: unknown): ReadonlySet<string> | undefined =>
  Array.isArray(value) && value.every((item) => typeof item === "string" && item !== "")
    ? new Set<string>(value)
    : undefined;

/** A member that is a list of strings. */
const listOf =
  (name: "allowlist" | "blocklist" | "plans"): Member =>
  (value, into) => {
    const set = stringSet(value);
    if (set === undefined) return "must be an array of non-empty strings";
    into[name] = set;
    return undefined;
  };

/** A member that is a boolean. */
const booleanIn =
  (name: "enabled" | "employeesOnly" | "inHeader" | "clientVisible"): Member =>
  (value, into) => {
    if (typeof value !== "boolean") return "must be true or false";
    into[name] = value;
    return undefined;
  };

const TARGETING_MEMBERS: { readonly [Name in keyof Targeting]-?: Member } = {
  allowlist: listOf("allowlist"),
  blocklist: listOf("blocklist"),
  plans: listOf("plans"),
  employees_only: booleanIn("employeesOnly"),
};

const FLAG_MEMBERS: { readonly [name: string]: Member } = {
  key: () => undefined,
  enabled: booleanIn("enabled"),
  rollout_pct: (value, into) => {
    if (typeof value !== "number" || !(value >= 0 && value <= 100)) return "must be a number from 0 to 100";
    into.basisPoints = toBasisPoints(value);
    return undefined;
  },
  targeting: (value, into) => applyMembers(value, TARGETING_MEMBERS, into),
  salt: (value, into) => {
    if (typeof value !== "string" || !KEY_PATTERN.test(value)) return `must match ${KEY_PATTERN.source}`;
    into.salt = value;
    return undefined;
  },
  fail_mode: (value, into) => {
    const failMode = FAIL_MODES.find((mode) => mode === value);
    if (failMode === undefined) return `must be one of ${FAIL_MODES.join(", ")}`;
    into.failMode = failMode;
    return undefined;
  },
  in_header: booleanIn("inHeader"),
  client_visible: booleanIn("clientVisible"),
  // Gates are the worker's; they restrict pages, not the flag's value.
  gates: (value) => (Array.isArray(value) ? undefined : "must be an array"),
  invalid: (value) => (typeof value === "string" ? value : "this row is not valid"),
};

/**
 * Prepares a snapshot for evaluation, once per snapshot. A flag with a member or a value that this evaluator does not
 * know is off with ERROR (an unknown restriction never widens exposure); the others are unaffected.
 *
 * @param snapshot see `parseSnapshot`; its flags are unchecked input
 */
export function compile(snapshot: Snapshot): Compiled {
  const byKey = new Map<string, CompiledFlag>();
  for (const raw of snapshot.flags) {
    const flag = compileFlag(raw);
    // Without a usable key there is nothing to be asked for: FLAG_NOT_FOUND is off as well.
    if (flag === undefined) continue;
    byKey.set(
      flag.key,
      byKey.has(flag.key) ? broken(flag.key, "the key stands twice in the snapshot") : flag,
    );
  }
  // Code unit order: the same everywhere, unlike a locale's.
  const flags = [...byKey.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
  return { flags, positions: new Map(flags.map((flag, position) => [flag.key, position])) };
}

/**
 * Prepares one flag.
 *
 * @returns undefined when it has no usable key; a flag with `fault` when something else is wrong with it
 */
export function compileFlag(raw: unknown): CompiledFlag | undefined {
  if (typeof raw !== "object" || raw === null) return undefined;
  const { key, enabled, rollout_pct, invalid } = raw as Record<string, unknown>;
  if (typeof key !== "string" || !KEY_PATTERN.test(key)) return undefined;

  const fields = defaults(key);
  const fault = applyMembers(raw, FLAG_MEMBERS, fields);
  if (fault !== undefined) return broken(key, fault);
  if (invalid === undefined && (enabled === undefined || rollout_pct === undefined)) {
    return broken(key, "enabled and rollout_pct must be there");
  }
  for (const id of fields.allowlist) {
    if (fields.blocklist.has(id)) return broken(key, "targeting: an id is on both allowlist and blocklist");
  }
  return { key, ...fields };
}

function applyMembers(
  value: unknown,
  members: { readonly [name: string]: Member },
  into: Fields,
): string | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "must be an object";
  for (const [name, member] of Object.entries(value)) {
    // Own members of the table alone: "constructor" or "__proto__" in a snapshot is unknown like any other.
    const take = Object.hasOwn(members, name) ? members[name] : undefined;
    if (take === undefined) return `unknown member ${JSON.stringify(name.slice(0, 64))}`;
    const problem = take(member, into);
    if (problem !== undefined) return `${name}: ${problem}`;
  }
  return undefined;
}

function defaults(key: string): Fields {
  return {
    enabled: false,
    allowlist: NO_IDS,
    blocklist: NO_IDS,
    employeesOnly: false,
    basisPoints: 0,
    salt: key,
    failMode: "off",
    inHeader: true,
    clientVisible: false,
  };
}

function broken(key: string, fault: string): CompiledFlag {
  return { key, fault, ...defaults(key) };
}
