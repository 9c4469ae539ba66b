/**
 * The result of some work, or a fault when it takes longer than `ms`. The work itself goes on.
 *
 * @throws the error of `late`, or of the work
 */
export async function within<T>(ms: number, work: Promise<T>, late: () => Error): Promise<T> {
  const patience = Promise.withResolvers<never>();
  const timer = setTimeout(() => patience.reject(late()), ms);
  try {
    return await Promise.race([work, patience.promise]);
  } finally {
    clearTimeout(timer);
  }
}
