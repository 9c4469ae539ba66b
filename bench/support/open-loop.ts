/** Load that goes on until it is stopped. */
export interface Load {
  /** Sends no more. @returns how many were sent */
  readonly stop: () => number;
}

/**
 * Fires at fixed instants, whether or not what was fired before has been answered: a system that falls behind is seen
 * to, and is not spared.
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
