/** A chi-square test: how far counts are from the expected ones, and how often chance alone deviates as much. */
export interface ChiSquare {
  readonly statistic: number;
  readonly degrees: number;
  /** In [0, 1]; small when chance does not explain it. */
  readonly p: number;
}

/** Tests whether all of these counts are equal. */
export function testUniform(counts: readonly number[]): ChiSquare {
  const expected = sumOf(counts) / counts.length;
  return chiSquare(
    counts.map((count) => [count, expected] as const),
    counts.length - 1,
  );
}

/** Tests whether rows and columns of a table of counts are independent. */
export function testIndependent(table: readonly (readonly number[])[]): ChiSquare {
  const rows = table.map(sumOf);
  const columns = (table[0] ?? []).map((_, column) => sumOf(table.map((row) => row[column] ?? 0)));
  const all = sumOf(rows);
  const cells = table.flatMap((row, at) =>
    row.map((count, column) => [count, ((rows[at] ?? 0) * (columns[column] ?? 0)) / all] as const),
  );
  return chiSquare(cells, (rows.length - 1) * (columns.length - 1));
}

function chiSquare(
  cells: readonly (readonly [count: number, expected: number])[],
  degrees: number,
): ChiSquare {
  const statistic = sumOf(cells.map(([count, expected]) => (count - expected) ** 2 / expected));
  return { statistic, degrees, p: upperGamma(degrees / 2, statistic / 2) };
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

/** The most terms of series and fractions; they converge much earlier. */
const MAX_TERMS = 10_000;
const EPSILON = 1e-15;

/** The regularised upper incomplete gamma function Q(a, x): by its series below a + 1, by its continued fraction above. */
function upperGamma(a: number, x: number): number {
  if (x <= 0) return 1;
  const scale = Math.exp(a * Math.log(x) - x - logGamma(a));
  if (x < a + 1) {
    let term = 1 / a;
    let sum = term;
    for (let n = 1; n < MAX_TERMS && term > sum * EPSILON; n += 1) {
      term *= x / (a + n);
      sum += term;
    }
    return 1 - scale * sum;
  }
  // Lentz's method.
  let b = x + 1 - a;
  let c = Infinity;
  let d = 1 / b;
  let fraction = d;
  for (let n = 1; n < MAX_TERMS; n += 1) {
    const numerator = -n * (n - a);
    b += 2;
    d = 1 / (numerator * d + b);
    c = b + numerator / c;
    fraction *= d * c;
    if (Math.abs(d * c - 1) < EPSILON) break;
  }
  return scale * fraction;
}

/** The logarithm of the gamma function, by Stirling's series from 10 on and its recurrence below. */
function logGamma(x: number): number {
  if (x < 10) return logGamma(x + 1) - Math.log(x);
  const series = 1 / (12 * x) - 1 / (360 * x ** 3) + 1 / (1_260 * x ** 5) - 1 / (1_680 * x ** 7);
  return (x - 0.5) * Math.log(x) - x + Math.log(2 * Math.PI) / 2 + series;
}
