/**
 * What the work gives, or what `late` gives once that takes longer. The work goes on by itself.
 *
 * @param late may give a promise that rejects
 */
export function withinTime<T>(ms: number, work: Promise<T>, late: () => T | PromiseLike<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<T>((resolve) => {
    timer = setTimeout(() => resolve(late()), ms);
  });
  return Promise.race([work, patience]).finally(() => clearTimeout(timer));
}
