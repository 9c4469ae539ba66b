/**
 * Returns the result of `work`, or of `late` when `work` takes longer than `ms`. The work itself continues.
 *
 * @param late may return a promise that rejects
 */
export function withinTime<T>(ms: number, work: Promise<T>, late: () => T | PromiseLike<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<T>((resolve) => {
    timer = setTimeout(() => resolve(late()), ms);
  });
  return Promise.race([work, timeout]).finally(() => clearTimeout(timer));
}
