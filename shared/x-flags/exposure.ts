import type { FlagsContext } from "./flags-header.ts";

/** A user met a flag: code asked for it while it made the user's page. */
export interface Exposure {
  readonly flagKey: string;
  /** The decision: "on" or a variant's key; "off" is the control group. */
  readonly variant: string;
  /** The user as the worker knows him: the user id, else the anonymous id. */
  readonly targetingKey: string;
  readonly epoch: number;
  readonly revision: number;
  /** When the worker decided, in milliseconds since the epoch; whole seconds. */
  readonly at: number;
  /** The flags were older than the worker's MAX_STALE_MS: `fail_mode` decided, not the rollout. */
  readonly stale?: true;
  /** A test override of this browser decided: somebody tries the feature and is in no group. */
  readonly override?: true;
}

/** Called with exposures. What it throws or rejects with is dropped: statistics never make a page fail. */
export type OnExposure = (exposure: Exposure) => unknown;

/**
 * Makes the function that reports each flag once, the first time that code asks for it. It reports nothing for a request
 * without a decision or without a known user: those belong to no group.
 */
export function createExposer(
  { targetingKey, version, at, stale, override = [] }: FlagsContext,
  onExposure: OnExposure | undefined,
): (flagKey: string, variant: string) => void {
  if (onExposure === undefined || targetingKey === undefined || version === undefined) return () => undefined;
  const { epoch, revision } = version;
  const reported = new Set<string>();
  return (flagKey, variant) => {
    if (reported.has(flagKey)) return;
    reported.add(flagKey);
    const exposure: Exposure = {
      flagKey,
      variant,
      targetingKey,
      epoch,
      revision,
      at,
      ...(stale === true && { stale }),
      ...(override.includes(flagKey) && { override: true }),
    };
    try {
      Promise.resolve(onExposure(exposure)).catch(() => undefined);
    } catch {
      // Dropped, as documented.
    }
  };
}
