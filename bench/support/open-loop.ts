/** Load that continues until it is stopped. */
export interface Load {
  /** Stops sending. @returns how many were sent */
  readonly stop: () => number;
}

/**
 * Sends at fixed instants, whether or not earlier requests have been answered: a system that falls behind gets no less
 * load, and its delay is measured.
 */
export function startOpenLoop(options: {
  readonly perSecond: number;
  readonly fire: (index: number) => void;
}): Load {
  const { perSecond, fire } = options;
  const begun = performance.now();
  const dueAt = (index: number): number => begun + (index * 1_000) / perSecond;
  let sent = 0;
  let timer: NodeJS.Timeout;
  const wait = (): void => {
    timer = setTimeout(run, Math.max(0, dueAt(sent) - performance.now()));
  };
  const run = (): void => {
    const now = performance.now();
    for (; dueAt(sent) <= now; sent++) fire(sent);
    wait();
  };
  wait();
  return {
    stop: () => {
      clearTimeout(timer);
      return sent;
    },
  };
}
