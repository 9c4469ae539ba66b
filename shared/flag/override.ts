import type { Parsed } from "./fault.ts";
import { KEY_PATTERN } from "./flag.ts";
import { isObject } from "./members.ts";

/** What a test override forces, by flag key: "on", "off" or a variant. */
export type Overrides = ReadonlyMap<string, string>;

/** The `typ` of an override's token (RFC 8725, section 3.11): no other token passes for one, whatever it is signed with. */
export const OVERRIDE_TYPE = "sluice-override+jwt";

/** Where a worker takes a token, shows what is in force, and ends it. */
export const OVERRIDE_PATH = "/.well-known/sluice/override";

/** The longest that an override holds, in seconds: a week. */
export const MAX_OVERRIDE_S = 604_800;

/** The most flags that one names. */
export const MAX_OVERRIDE_FLAGS = 20;

/** The longest token, in characters: browsers keep cookies of up to 4,096, name included. */
export const MAX_OVERRIDE_TOKEN = 4_000;

/** Whom a token is for: the workers of one environment. */
export const overrideAudience = (environment: string): string => `sluice:${environment}`;

/**
 * Takes the claim `flags` of a token, or what somebody asks to have signed: `{"ai_search": "on"}`.
 *
 * @returns the overrides, or what is wrong: by position, never by content
 */
export function parseOverrides(value: unknown): Parsed<Overrides> {
  if (!isObject(value)) return { problem: "the overrides must be a JSON object" };
  const entries = Object.entries(value);
  if (entries.length === 0) return { problem: "no flag is named" };
  if (entries.length > MAX_OVERRIDE_FLAGS) return { problem: `at most ${MAX_OVERRIDE_FLAGS} flags` };
  const overrides = new Map<string, string>();
  for (const [index, [key, forced]] of entries.entries()) {
    if (!KEY_PATTERN.test(key)) return { problem: `name ${index + 1} is no flag key` };
    // "on" and "off" are of the same form as a variant's key.
    if (typeof forced !== "string" || !KEY_PATTERN.test(forced)) {
      return { problem: `value ${index + 1} is neither "on" nor "off" nor the key of a variant` };
    }
    overrides.set(key, forced);
  }
  return { value: overrides };
}
