import {
  Token,
  parseDictionary,
  serializeDictionary,
  type BareItem,
  type Dictionary,
} from "structured-headers";
import type { Compiled } from "../compile/compile.ts";
import type { Decision } from "../flag/reason.ts";
import type { Version } from "../snapshot/revision.ts";

/** Lists the flags that are on: an RFC 9651 Dictionary, `ai_search, copilot;v="beta";val="7"`. Absent means all off. */
export const FLAGS_HEADER = "x-flags";

/** Says how they were decided: an RFC 9651 Dictionary, on every request that the worker passes on. */
export const FLAGS_CONTEXT_HEADER = "x-flags-context";

/** Where the worker's snapshot came from. */
export type SnapshotSource = "memory" | "redis" | "colo" | "none";

const SOURCES: readonly SnapshotSource[] = ["memory", "redis", "colo", "none"];

/** The content of `x-flags-context`. */
export interface FlagsContext {
  /** The version of the snapshot; absent while the worker has none. */
  readonly version?: Version;
  /** Milliseconds since the snapshot was last confirmed; absent while the worker has none. */
  readonly ageMs?: number;
  /** When it was decided, in milliseconds since the epoch; whole seconds on the wire. */
  readonly at: number;
  /** The targeting key, whose bytes may be any UTF-8. */
  readonly targetingKey?: string;
  /** Method, host and path (with query) as sent to the origin. */
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly source: SnapshotSource;
  /** The snapshot is older than MAX_STALE_MS: each flag follows its `fail_mode`. */
  readonly stale?: boolean;
  /** The keys of the flags that a test override of this browser decided; absent where it decided none. */
  readonly override?: readonly string[];
}

/** No worker sends a header this long (8 KiB at most), so a longer one comes from elsewhere. */
const MAX_LENGTH = 16_384;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The value of `x-flags`.
 *
 * @returns the flags that are on, by key; undefined when none is, since an empty dictionary is no header at all
 */
export function encodeFlags(compiled: Compiled, decisions: readonly Decision[]): string | undefined {
  const members: string[] = [];
  for (const [position, { key, inHeader, headerMembers }] of compiled.flags.entries()) {
    const decision = decisions[position];
    if (!inHeader || decision?.value !== true) continue;
    // Encoded when the snapshot was compiled; a boolean flag is its key.
    members.push(headerMembers.get(decision.variant) ?? key);
  }
  return members.length === 0 ? undefined : members.join(", ");
}

/** The value of `x-flags-context`. */
export function encodeFlagsContext(context: FlagsContext): string {
  const members: [name: string, value: BareItem][] = [];
  if (context.version !== undefined) {
    members.push(["epoch", context.version.epoch], ["rev", context.version.revision]);
  }
  if (context.ageMs !== undefined) members.push(["age", Math.max(0, Math.round(context.ageMs))]);
  if (context.targetingKey !== undefined) members.push(["key", encoder.encode(context.targetingKey)]);
  members.push(
    ["m", printable(context.method)],
    ["h", printable(context.host)],
    ["p", printable(context.path)],
    ["src", new Token(context.source)],
  );
  if (context.stale === true) members.push(["stale", true]);
  const dictionary: Dictionary = new Map(members.map(([name, value]) => [name, [value, new Map()]]));
  const { override = [] } = context;
  if (override.length > 0) {
    dictionary.set("override", [override.map((key) => [new Token(key), new Map()]), new Map()]);
  }
  // An sf-date as text: the library takes a Date, which shared/ has not. It is last, because structured-headers 2.1
  // rejects a date with a comma behind it.
  return `${serializeDictionary(dictionary)}, at=@${Math.floor(context.at / 1000)}`;
}

/** A flag that is on, as in `x-flags`. */
export interface FlagOn {
  readonly variant: string;
  /** The JSON of the variant's value, unparsed, when it has one. */
  readonly json?: string;
}

/** Reads `x-flags`: the flags that are on, by key. Undefined when no worker sends such a header. */
export function decodeFlags(header: string): ReadonlyMap<string, FlagOn> | undefined {
  const members = parse(header);
  if (members === undefined) return undefined;
  const flags = new Map<string, FlagOn>();
  for (const [key, [value, parameters]] of members) {
    // A worker only writes flags that are on; any other value does not turn one on.
    if (value !== true) continue;
    const variant = parameters.get("v");
    const json = parameters.get("val");
    flags.set(key, {
      variant: typeof variant === "string" ? variant : "on",
      ...(typeof json === "string" && { json }),
    });
  }
  return flags;
}

/** Reads `x-flags-context`. Undefined when no worker sends such a header. */
export function decodeFlagsContext(header: string): FlagsContext | undefined {
  const members = parse(header);
  if (members === undefined) return undefined;
  const get = (name: string): unknown => members.get(name)?.[0];

  const method = get("m");
  const host = get("h");
  const path = get("p");
  const source = SOURCES.find((name) => name === String(get("src")));
  const at = secondsOf(get("at"));
  if (typeof method !== "string" || typeof host !== "string" || typeof path !== "string") return undefined;
  if (source === undefined || at === undefined) return undefined;

  const epoch = get("epoch");
  const revision = get("rev");
  const ageMs = get("age");
  const targetingKey = textOf(get("key"));
  const override = tokensOf(get("override"));
  return {
    ...(typeof epoch === "number" && typeof revision === "number" && { version: { epoch, revision } }),
    ...(typeof ageMs === "number" && { ageMs }),
    ...(targetingKey !== undefined && { targetingKey }),
    at: at * 1000,
    method,
    host,
    path,
    source,
    ...(get("stale") === true && { stale: true }),
    ...(override.length > 0 && { override }),
  };
}

function parse(header: string): Dictionary | undefined {
  if (header.length > MAX_LENGTH) return undefined;
  try {
    return parseDictionary(header);
  } catch {
    return undefined;
  }
}

/** An sf-string holds only printable ASCII; a worker's paths and hosts are printable ASCII already. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/gu, "?");
}

/** The texts of an inner list of tokens. */
function tokensOf(value: unknown): readonly string[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((item: unknown) => {
    const bare: unknown = Array.isArray(item) ? item[0] : undefined;
    return bare instanceof Token ? [bare.toString()] : [];
  });
}

function secondsOf(value: unknown): number | undefined {
  // structured-headers returns a Date. shared/ has no Date, so it is converted to a number.
  const milliseconds = typeof value === "object" && value !== null ? Number(value) : Number.NaN;
  return Number.isFinite(milliseconds) ? milliseconds / 1000 : undefined;
}

function textOf(value: unknown): string | undefined {
  if (!(value instanceof ArrayBuffer)) return undefined;
  try {
    return decoder.decode(new Uint8Array(value));
  } catch {
    return undefined;
  }
}
