/** The one row of a query that always gives one. */
export function only<T>(rows: readonly T[]): T {
  const [row] = rows;
  if (row === undefined) throw new Error("Postgres gave no row where there has to be one");
  return row;
}
