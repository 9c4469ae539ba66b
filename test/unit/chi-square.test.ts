import { expect, test } from "vitest";
import { testIndependent, testUniform } from "../../bench/support/chi-square.ts";

/** For an even number of degrees, the tail is the sum of the first terms of a Poisson distribution. */
function tail(statistic: number, degrees: number): number {
  let term = Math.exp(-statistic / 2);
  let sum = 0;
  for (let k = 0; k < degrees / 2; k += 1) {
    sum += term;
    term *= statistic / 2 / (k + 1);
  }
  return sum;
}

test.for([
  { counts: [10, 20, 30] },
  { counts: [100, 101, 99] },
  { counts: Array.from({ length: 101 }, (_, at) => 1_000 + ((at * 37) % 61)) },
  { counts: Array.from({ length: 101 }, (_, at) => 1_000 + ((at * 37) % 199)) },
])("$counts.length counts: statistic and tail", ({ counts }) => {
  const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  const { statistic, degrees, p } = testUniform(counts);
  expect(degrees).toBe(counts.length - 1);
  expect(statistic).toBeCloseTo(
    counts.reduce((sum, count) => sum + (count - mean) ** 2 / mean, 0),
    9,
  );
  expect(Math.abs(p / tail(statistic, degrees) - 1)).toBeLessThan(1e-6);
});

test("a table with proportional rows is independent; a table with other rows is not", () => {
  expect(
    testIndependent([
      [10, 20, 30],
      [100, 200, 300],
    ]),
  ).toMatchObject({ statistic: 0, degrees: 2, p: 1 });
  expect(
    testIndependent([
      [500, 0],
      [0, 500],
    ]).p,
  ).toBeLessThan(1e-200);
  // Computed by hand: expected 12, 18, 28, 42.
  expect(
    testIndependent([
      [10, 20],
      [30, 40],
    ]).statistic,
  ).toBeCloseTo(4 / 12 + 4 / 18 + 4 / 28 + 4 / 42, 12);
});
