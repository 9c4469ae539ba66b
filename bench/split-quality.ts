// Tests how evenly and how independently a million ids are split: see docs/bucketing.md.
import { hash } from "node:crypto";
import { parseArgs } from "node:util";
import { allocateVariants } from "../shared/bucketing/allocate-variants.ts";
import { bucketU32, isWithin, toBasisPoints, toBucket } from "../shared/bucketing/bucket.ts";
import { compile } from "../shared/compile/compile.ts";
import { withTargetingKey } from "../shared/flag/context.ts";
import { computeBuckets, decide, decisionOf } from "../shared/evaluate/evaluate.ts";
import { SCHEMA } from "../shared/snapshot/snapshot.ts";
import { testIndependent, testUniform, type ChiSquare } from "./support/chi-square.ts";
import { runBench, type Bench } from "./support/run-bench.ts";

const { values: given } = parseArgs({
  options: { ids: { type: "string", default: "1000000" }, first: { type: "string", default: "1" } },
});
const IDS = Number(given.ids);
const FIRST = Number(given.first);
const LAST = FIRST + IDS - 1;

/** The smallest accepted p of each test over 100 buckets. */
const MIN_P = 0.001;

/** The largest accepted deviation of a single share, in standard deviations. */
const MAX_DEVIATION = 3.3;

const PERCENTAGES = [0.1, 1, 5, 25, 50, 99];

/** One in so many ids is also decided by the evaluator, with its hashes from Web Crypto. */
const CHECKED = 1_000;

const VARIANTS = [
  { key: "small", weight: 1 },
  { key: "medium", weight: 1 },
  { key: "large", weight: 2 },
];

/** Ids like those of databases and of the anonymous cookie. */
const KINDS: readonly (readonly [name: string, id: (n: number) => string])[] = [
  ["user-1, user-2, …", (n) => `user-${n}`],
  ["anon- and 22 characters", (n) => `anon-${hash("sha256", `${n}`, "base64url").slice(0, 22)}`],
];

/**
 * There are many tests of independence: with `MIN_P` for each, chance alone would fail one run in sixty. So `MIN_P` is for
 * all of them together.
 */
const INDEPENDENCE_TESTS = KINDS.length * (2 + PERCENTAGES.length);

/** Two flags, and the salt of the first one's variants. */
const SALTS = ["ai_search", "copilot", "ai_search:v"] as const;

const ENDS = Object.values(allocateVariants(VARIANTS, {})).map((ranges) => ranges.at(-1)?.[1] ?? 0);

const COMPILED = compile({
  schema: SCHEMA,
  flags: PERCENTAGES.map((rollout_pct, at) => ({
    key: `at-${at}`,
    salt: "ai_search",
    enabled: true,
    rollout_pct,
    variants: Object.entries(allocateVariants(VARIANTS, {})).map(([key, ranges]) => ({ key, ranges })),
  })),
});

/** Counts each combination of two properties. */
type Table = number[][];

const tableOf = (rows: number, columns: number): Table =>
  Array.from({ length: rows }, () => Array.from({ length: columns }, () => 0));

function add(table: Table, row: number, column: number): void {
  const counts = table[row];
  if (counts !== undefined) counts[column] = (counts[column] ?? 0) + 1;
}

await runBench(`${IDS.toLocaleString("en-US")} ids of each kind, split`, async (bench) => {
  for (const [kind, idOf] of KINDS) {
    bench.print(`Ids: ${kind}\n`);
    const counted = count(idOf);
    report(bench, counted);
    for (let n = FIRST; n <= LAST; n += CHECKED) await checkOne(bench, idOf(n));
  }
});

/** The first 32 bits, as in `bucketU32`, but from Node's synchronous hash. */
function placeOf(salt: string, id: string): number {
  return hash("sha256", `${salt}::${id}`, "buffer").readUInt32BE(0);
}

function variantAt(place: number): number {
  return ENDS.findIndex((end) => isWithin(place, end));
}

type Test = readonly [what: string, result: ChiSquare];

interface Counted {
  /** By salt, by bucket. */
  readonly buckets: Table;
  readonly flags: Table;
  readonly inAndVariant: Table;
  /** By percentage: in or not, by variant. */
  readonly shares: readonly Table[];
  /** The result if variants used the hash that decides who is in. */
  readonly samePlace: Table;
}

function count(idOf: (n: number) => string): Counted {
  const buckets = tableOf(SALTS.length, 100);
  const flags = tableOf(10, 10);
  const inAndVariant = tableOf(10, 10);
  const shares = PERCENTAGES.map(() => tableOf(2, VARIANTS.length));
  const samePlace = tableOf(2, VARIANTS.length);
  for (let n = FIRST; n <= LAST; n += 1) {
    const id = idOf(n);
    const [search, copilot, drawn] = SALTS.map((salt) => placeOf(salt, id));
    if (search === undefined || copilot === undefined || drawn === undefined) continue;
    for (const [row, place] of [search, copilot, drawn].entries())
      add(buckets, row, Math.floor(toBucket(place)));
    add(flags, Math.floor(toBucket(search) / 10), Math.floor(toBucket(copilot) / 10));
    add(inAndVariant, Math.floor(toBucket(search) / 10), Math.floor(toBucket(drawn) / 10));
    for (const [at, percentage] of PERCENTAGES.entries()) {
      add(shares[at] ?? [], isWithin(search, toBasisPoints(percentage)) ? 0 : 1, variantAt(drawn));
    }
    add(samePlace, isWithin(search, toBasisPoints(25)) ? 0 : 1, variantAt(search));
  }
  return { buckets, flags, inAndVariant, shares, samePlace };
}

function report(bench: Bench, { buckets, flags, inAndVariant, shares, samePlace }: Counted): void {
  const even: readonly Test[] = SALTS.map((salt, row) => [
    `100 buckets, salt ${salt}`,
    testUniform(buckets[row] ?? []),
  ]);
  const independent: readonly Test[] = [
    ["two flags, 10 x 10 tenths", testIndependent(flags)],
    ["in and variant, 10 x 10 tenths", testIndependent(inAndVariant)],
    ...PERCENTAGES.map(
      (percentage, at) => [`in at ${percentage} %, and variant`, testIndependent(shares[at] ?? [])] as const,
    ),
  ];
  const wrong = testIndependent(samePlace);
  bench.table(
    [...even, ...independent, ["one bucket for both, at 25 %", wrong] as const].map(
      ([what, { statistic, degrees, p }]) => ({
        what,
        "chi-square": Number(statistic.toFixed(1)),
        degrees,
        p: p < 0.0001 ? "below 0.0001" : p.toFixed(4),
      }),
    ),
  );
  const check =
    (least: number) =>
    ([what, { p }]: Test): void =>
      bench.check(p > least, `${what}: p is ${p}, not above ${least}`);
  even.forEach(check(MIN_P));
  independent.forEach(check(MIN_P / INDEPENDENCE_TESTS));
  bench.check(wrong.p < MIN_P, "the test did not notice that one hash decided both");

  bench.table(
    PERCENTAGES.map((percentage, at) => {
      const [within = [], beyond = []] = shares[at] ?? [];
      const inside = sumOf(within);
      const expected = (sumOf([...within, ...beyond]) * percentage) / 100;
      const deviation = (inside - expected) / Math.sqrt(expected * (1 - percentage / 100));
      bench.check(
        Math.abs(deviation) < MAX_DEVIATION,
        `${percentage} %: ${deviation} standard deviations off`,
      );
      return {
        "rollout %": percentage,
        expected: Math.round(expected),
        in: inside,
        "standard deviations": Number(deviation.toFixed(2)),
        ...Object.fromEntries(
          VARIANTS.map(({ key }, column) => [
            `${key} %`,
            Number((((within[column] ?? 0) / inside) * 100).toFixed(2)),
          ]),
        ),
      };
    }),
  );
}

/** Checks a sample of the counts against the evaluator with Web Crypto. */
async function checkOne(bench: Bench, id: string): Promise<void> {
  for (const salt of SALTS) {
    bench.check((await bucketU32(salt, id)) === placeOf(salt, id), `${salt}: another hash by Web Crypto`);
  }
  const context = withTargetingKey({ userId: id });
  const decisions = decide(COMPILED, context, await computeBuckets(COMPILED, context));
  for (const [at, percentage] of PERCENTAGES.entries()) {
    const isIn = isWithin(placeOf("ai_search", id), toBasisPoints(percentage));
    const expected = isIn ? VARIANTS[variantAt(placeOf("ai_search:v", id))]?.key : "off";
    const { variant } = decisionOf(COMPILED, decisions, `at-${at}`);
    bench.check(variant === expected, `${percentage} %: the evaluator decides differently`);
  }
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
