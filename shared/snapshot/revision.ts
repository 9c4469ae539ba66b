/** The version of a state. Versions are ordered by epoch, then by revision. Both are integers. */
export interface Version {
  readonly epoch: number;
  readonly revision: number;
}

/** Negative when `a` is older than `b`, 0 when they are equal, positive when `a` is newer. */
export function compareVersions(a: Version, b: Version): number {
  return a.epoch - b.epoch || a.revision - b.revision;
}
