/**
 * What the work gives, or a fault when it takes longer. The work goes on by itself.
 *
 * @throws what `late` gives, when it is late; what the work throws
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
