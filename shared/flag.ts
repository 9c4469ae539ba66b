/**
 * Flag keys, salts and segment names. A legal RFC 9651 dictionary key that needs no quoting anywhere, and
 * without ":" so that the hash input `<salt>::<id>` is unambiguous.
 */
export const KEY_PATTERN = /^[a-z][a-z0-9_-]{0,63}$/;

/** Whom a flag is for, before the percentage is asked. Every member narrows or names people; absent means "no say". */
export interface Targeting {
  /** User ids that are in, whatever the percentage says. */
  readonly allowlist?: readonly string[];
  /** User ids that are out, whatever the percentage says. */
  readonly blocklist?: readonly string[];
  /** Only users on one of these plans go on to the percentage. */
  readonly plans?: readonly string[];
  /** In exactly when the user is an employee; no percentage after it. */
  readonly employees_only?: boolean;
}

/** What a reader does with a flag once its snapshot is older than MAX_STALE_MS. */
export type FailMode = "off" | "last-known";

export const FAIL_MODES: readonly FailMode[] = ["off", "last-known"];

/** A flag as the snapshot carries it. Members that hold their default are left out to keep it small. */
export interface SnapshotFlag {
  readonly key: string;
  /** The kill switch: false is off for everybody. */
  readonly enabled: boolean;
  /** 0.00 to 100.00, two decimals. */
  readonly rollout_pct: number;
  readonly targeting?: Targeting;
  /** Absent: "off". */
  readonly fail_mode?: FailMode;
  /** Absent: the flag's key. Draws another population for the same percentage. */
  readonly salt?: string;
  /** Absent: true. False keeps the flag out of `x-flags`. */
  readonly in_header?: boolean;
  /** Absent: false. True lets a front end hand the flag to the browser. */
  readonly client_visible?: boolean;
  /** The row came in broken (by SQL): why. Such a flag is off with ERROR and carries nothing else but its key. */
  readonly invalid?: string;
}
