import { jsonOrUndefined } from "../flag/members.ts";
import type { ErrorCode, Reason } from "../flag/reason.ts";
import { createExposer, type OnExposure } from "./exposure.ts";
import type { FlagOn, FlagsContext } from "./flags-header.ts";

/** One flag's decision for this request, in OpenFeature's words. */
export interface FlagDetails {
  /** Whether the flag is on. */
  readonly value: boolean;
  readonly variant: string;
  /** The variant's JSON value, when it has one. */
  readonly variantValue?: unknown;
  /** TARGETING_MATCH when the edge turned the flag on, DEFAULT when it did not name the flag, ERROR when the headers cannot be used. */
  readonly reason: Reason;
  readonly errorCode?: ErrorCode;
  readonly errorMessage?: string;
}

/** The flags of one request, as the edge decided them. */
export interface Flags {
  /** True when the edge turned this flag on; false in every other case. */
  isEnabled(key: string): boolean;
  /** The variant, "off" when the flag is off. */
  variant(key: string): string;
  /** The JSON value of the variant; undefined when there is none, when it is malformed, and when the flag is off. */
  value(key: string): unknown;
  details(key: string): FlagDetails;
  /** The keys that are on. Listing them is no exposure. */
  readonly enabled: readonly string[];
  /** How it was decided; absent when the headers did not come from a worker. */
  readonly context?: FlagsContext | undefined;
  /** The id of the key that signed the headers; absent unless a signature was required and is valid. */
  readonly keyId?: string;
  /** Why everything reads as off; absent otherwise. */
  readonly problem?: string;
}

/** The flags that are on, with how they were decided. */
export function createFlags(
  on: ReadonlyMap<string, FlagOn>,
  context: FlagsContext,
  { keyId, onExposure }: { readonly keyId?: string; readonly onExposure?: OnExposure | undefined },
): Flags {
  const expose = createExposer(context, onExposure);
  /** Undefined when the flag is off. Asking for a flag is an exposure. */
  const ask = (key: string): FlagOn | undefined => {
    const flag = on.get(key);
    expose(key, flag?.variant ?? "off");
    return flag;
  };
  return {
    isEnabled: (key) => ask(key) !== undefined,
    variant: (key) => ask(key)?.variant ?? "off",
    // Parsed again each time: a reader that changes its value changes no other reader's.
    value: (key) => jsonOrUndefined(ask(key)?.json),
    details: (key) => {
      const flag = ask(key);
      if (flag === undefined) return { value: false, variant: "off", reason: "DEFAULT" };
      const variantValue = jsonOrUndefined(flag.json);
      return {
        value: true,
        variant: flag.variant,
        ...(variantValue !== undefined && { variantValue }),
        reason: "TARGETING_MATCH",
      };
    },
    enabled: [...on.keys()],
    context,
    ...(keyId !== undefined && { keyId }),
  };
}

/** Everything off, and why. */
export function allOff(problem: string, errorCode: ErrorCode): Flags {
  const details = errorDetails(problem, errorCode);
  return {
    isEnabled: () => false,
    variant: () => "off",
    value: () => undefined,
    details: () => details,
    enabled: [],
    problem,
  };
}

/** A flag that is off because of a problem. */
export function errorDetails(problem: string, errorCode: ErrorCode): FlagDetails {
  return { value: false, variant: "off", reason: "ERROR", errorCode, errorMessage: problem };
}
