import type { FlagsContext } from "./flags-header.ts";

/** That somebody met a flag: code asked for it while it made their page. */
export interface Exposure {
  readonly flagKey: string;
  /** What they got: "on" or a variant's key; "off" is the control group. */
  readonly variant: string;
  /** Who, as the worker knows them: the user id, else the anonymous id. */
  readonly targetingKey: string;
  readonly epoch: number;
  readonly revision: number;
  /** When the worker decided, in milliseconds since the epoch; whole seconds. */
  readonly at: number;
  /** The flags were older than the worker's MAX_STALE_MS: `fail_mode` decided, not the rollout. */
  readonly stale?: true;
  /** A test override of this browser decided: somebody who tries the feature, in no group. */
  readonly override?: true;
}

/** Hears of exposures. What it throws or rejects with is dropped: a page never fails for its statistics. */
export type OnExposure = (exposure: Exposure) => unknown;

/**
 * Makes what tells of each flag once, the first time that it is asked for. Nothing is told of a request for which nothing
 * was decided or nobody is known: that is no group's outcome.
 */
export function createExposer(
  { targetingKey, version, at, stale, override = [] }: FlagsContext,
  onExposure: OnExposure | undefined,
): (flagKey: string, variant: string) => void {
  if (onExposure === undefined || targetingKey === undefined || version === undefined) return () => undefined;
  const told = new Set<string>();
  return (flagKey, variant) => {
    if (told.has(flagKey)) return;
    told.add(flagKey);
    const { epoch, revision } = version;
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
      // As said: dropped.
    }
  };
}
