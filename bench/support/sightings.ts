/** One request of an isolate, on the clock of `performance.now()`. */
export interface Visit {
  readonly sentAt: number;
  /** When the site looked at `x-flags`. */
  readonly heardAt: number;
  readonly answeredAt: number;
  readonly isOn: boolean;
}

/** How one isolate saw one flag after its kill began. */
export interface Sightings {
  /** When a request last saw the feature; absent when none did. */
  readonly lastSeenAt: number | undefined;
  /** Whether a request saw it off. */
  readonly isOff: boolean;
  /** Requests that saw the feature although they began after another had seen it off: none is allowed. */
  readonly revivals: number;
  readonly add: (visit: Visit) => void;
}

/** Collects the visits of one isolate that concern one flag. */
export function collectSightings(): Sightings {
  let lastSeenAt: number | undefined;
  let offSince = Infinity;
  let revivals = 0;
  return {
    get lastSeenAt() {
      return lastSeenAt;
    },
    get isOff() {
      return offSince < Infinity;
    },
    get revivals() {
      return revivals;
    },
    add({ sentAt, heardAt, answeredAt, isOn }) {
      if (!isOn) {
        offSince = Math.min(offSince, answeredAt);
        return;
      }
      lastSeenAt = Math.max(lastSeenAt ?? 0, heardAt);
      // Only requests that began later: two open requests may arrive in either order.
      if (sentAt > offSince) revivals += 1;
    },
  };
}
