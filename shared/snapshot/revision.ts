/** Where a state stands in the order of all states: the epoch first, then the revision. Both are integers. */
export interface Version {
  readonly epoch: number;
  readonly revision: number;
}

/** Negative when `a` is older than `b`, 0 when they are the same, positive when it is newer. */
export function compareVersions(a: Version, b: Version): number {
  return a.epoch - b.epoch || a.revision - b.revision;
}
