/** A time for people. Postgres knows times that JavaScript does not: pg gives "infinity" as a number. */
export function toTimestamp(time: Date | number): string {
  const milliseconds = Number(time);
  return Math.abs(milliseconds) <= 8.64e15 ? new Date(milliseconds).toISOString() : String(time);
}
