import type { Parsed } from "./fault.ts";
import { isKey } from "./flag.ts";
import { isObject } from "./members.ts";

/** The values that a test override forces, by flag key: "on", "off" or a variant. */
export type Overrides = ReadonlyMap<string, string>;

/** The `typ` of an override's token (RFC 8725, section 3.11). No other kind of token is accepted as an override. */
export const OVERRIDE_TYPE = "sluice-override+jwt";

/** The worker's page that accepts a token, shows the override in force, and ends it. */
export const OVERRIDE_PATH = "/.well-known/sluice/override";

/** The longest lifetime of an override, in seconds: a week. */
export const MAX_OVERRIDE_S = 604_800;

/** The most flags in one override. */
export const MAX_OVERRIDE_FLAGS = 20;

/** The longest token, in characters: browsers keep cookies of up to 4,096, name included. */
export const MAX_OVERRIDE_TOKEN = 4_000;

/** The `aud` of a token: the workers of one environment. */
export const overrideAudience = (environment: string): string => `sluice:${environment}`;

/**
 * Parses the claim `flags` of a token, or of a request for one: `{"ai_search": "on"}`.
 *
 * @returns the overrides, or a problem that names positions and never quotes the input
 */
export function parseOverrides(value: unknown): Parsed<Overrides> {
  if (!isObject(value)) return { problem: "the overrides must be a JSON object" };
  const entries = Object.entries(value);
  if (entries.length === 0) return { problem: "the overrides must name a flag" };
  if (entries.length > MAX_OVERRIDE_FLAGS) {
    return { problem: `the overrides must name at most ${MAX_OVERRIDE_FLAGS} flags` };
  }
  const overrides = new Map<string, string>();
  for (const [index, [key, forced]] of entries.entries()) {
    if (!isKey(key)) return { problem: `name ${index + 1} is not a flag key` };
    // "on" and "off" have the form of a variant key.
    if (!isKey(forced)) {
      return { problem: `value ${index + 1} is not "on", "off" or the key of a variant` };
    }
    overrides.set(key, forced);
  }
  return { value: overrides };
}
