/** One request of an isolate, on the clock of `performance.now()`. */
export interface Visit {
  readonly sentAt: number;
  /** When the site looked at `x-flags`. */
  readonly heardAt: number;
  readonly answeredAt: number;
  readonly isOn: boolean;
}

/** What became of one flag at one isolate, after its kill began. */
export interface Sightings {
  /** When a request still saw the feature for the last time; absent when none did. */
  readonly lastSeenAt: number | undefined;
  /** Whether a request has been told that it is off. */
  readonly isOff: boolean;
  /** Requests that began after another had been told "off", and saw the feature all the same: none is allowed. */
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
      // Only what began later: two that are under way together may arrive in either order.
      if (sentAt > offSince) revivals += 1;
    },
  };
}
