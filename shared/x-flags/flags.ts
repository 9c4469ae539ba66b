import { createExposer, type OnExposure } from "./exposure.ts";
import { decodeValue } from "../flag/flag-member.ts";
import type { FlagOn, FlagsContext } from "./flags-header.ts";
import type { ErrorCode, Reason } from "../flag/reason.ts";

/** What one flag is for this request, in OpenFeature's words. */
export interface FlagDetails {
  /** Whether the flag is on. */
  readonly value: boolean;
  readonly variant: string;
  /** The variant's JSON value, when it has one. */
  readonly variantValue?: unknown;
  /** TARGETING_MATCH when the edge said on, DEFAULT when it did not name the flag, ERROR when it could not be heard. */
  readonly reason: Reason;
  readonly errorCode?: ErrorCode;
  readonly errorMessage?: string;
}

/** The flags of one request, as the edge decided them. */
export interface Flags {
  /** True when the edge said that this flag is on; false in every other case. */
  isEnabled(key: string): boolean;
  /** The variant, "off" when the flag is off. */
  variant(key: string): string;
  /** The JSON value of the variant; undefined when there is none, when it is malformed, and when the flag is off. */
  value(key: string): unknown;
  details(key: string): FlagDetails;
  /** The keys that are on. To list them is no exposure. */
  readonly enabled: readonly string[];
  /** How it was decided; absent when the headers did not come from a worker. */
  readonly context?: FlagsContext | undefined;
  /** The id of the key that signed it; absent unless a signature was asked for and held. */
  readonly keyId?: string;
  /** Why everything reads as off, when it does. */
  readonly problem?: string;
}

export interface FlagsOptions {
  readonly keyId?: string;
  readonly onExposure?: OnExposure | undefined;
}

/** The flags that are on, with how that was decided. */
export function createFlags(
  on: ReadonlyMap<string, FlagOn>,
  context: FlagsContext,
  { keyId, onExposure }: FlagsOptions = {},
): Flags {
  const tell = createExposer(context, onExposure);
  /** Undefined when the flag is off. Whoever asks for a flag lets somebody meet it. */
  const ask = (key: string): FlagOn | undefined => {
    const flag = on.get(key);
    tell(key, flag?.variant ?? "off");
    return flag;
  };
  return {
    isEnabled: (key) => ask(key) !== undefined,
    variant: (key) => ask(key)?.variant ?? "off",
    // Parsed anew each time: nobody can change what another reader gets.
    value: (key) => decodeValue(ask(key)?.json),
    details: (key) => {
      const flag = ask(key);
      if (flag === undefined) return { value: false, variant: "off", reason: "DEFAULT" };
      const variantValue = decodeValue(flag.json);
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
  const details: FlagDetails = {
    value: false,
    variant: "off",
    reason: "ERROR",
    errorCode,
    errorMessage: problem,
  };
  return {
    isEnabled: () => false,
    variant: () => "off",
    value: () => undefined,
    details: () => details,
    enabled: [],
    problem,
  };
}
