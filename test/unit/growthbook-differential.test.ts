import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compileCondition } from "../../shared/condition/condition.ts";
import { OPERATORS } from "../../shared/condition/operators.ts";
import { CASE, SEGMENTS, WRAPPING } from "../support/condition-arbitraries.ts";
import { DIFFERENCES } from "../support/growthbook-differences.ts";
import { explainCondition, growthbook, sluice } from "../support/growthbook-explain.ts";
import { REFUSALS } from "../support/refused-conditions.ts";
import { isFull, runs } from "../support/thoroughness.ts";

const SEED = 20_260_701;
const RUNS = runs(60_000);

/** How often each operator must give each answer, so that the comparison covers it. */
const ENOUGH = 20;

/** Operators that GrowthBook does not have. */
const OWN = new Set(["$startsWith", "$endsWith", "$contains", "$before", "$after"]);

const DOCS = readFileSync(new URL("../../docs/targeting-reference.md", import.meta.url), "utf8");

interface Row {
  readonly name: string;
  readonly when: string;
  readonly why: string;
}

const asRow = ({ name, when, why }: Row): Row => ({ name, when, why });

/** The rows of the page's table whose first column has that title. */
function rowsOf(title: string): readonly Row[] {
  const lines = DOCS.split("\n");
  const header = lines.findIndex((line) => new RegExp(`^\\| ${title} +\\|`).test(line));
  const end = lines.findIndex((line, index) => index > header && !line.startsWith("|"));
  return lines.slice(header + 2, end).map((line) => {
    const [, name = "", when = "", why = ""] = line
      .split(/(?<!\\)\|/)
      .map((cell) => cell.trim().replaceAll("\\|", "|"));
    return { name, when, why };
  });
}

describe(`conditions beside GrowthBook's evalCondition, seed ${SEED}`, () => {
  const differences = new Map<string, number>();
  const answers = new Map<string, number>();
  const count = (counts: Map<string, number>, name: string): void =>
    void counts.set(name, (counts.get(name) ?? 0) + 1);

  test("the answers are equal, except for deliberate differences", () => {
    fc.assert(
      fc.property(CASE, ([condition, attributes]) => {
        const ours = sluice(condition, attributes, ({ operator, matched }) =>
          count(answers, `${operator} ${matched}`),
        );
        count(answers, String(ours));
        if (growthbook(condition, attributes) === ours) return;
        for (const name of new Set(explainCondition(condition, attributes))) count(differences, name);
      }),
      { seed: SEED, numRuns: RUNS },
    );
    if (!isFull) return;
    for (const operator of Object.keys(OPERATORS).filter((name) => !OWN.has(name))) {
      for (const matched of [true, false]) {
        expect(answers.get(`${operator} ${matched}`) ?? 0, `${operator} ${matched}`).toBeGreaterThan(ENOUGH);
      }
    }
    expect(answers.get("true")).toBeGreaterThan(RUNS / 10);
    expect(answers.get("false")).toBeGreaterThan(RUNS / 10);
  });

  test.for(DIFFERENCES)("$name: it occurs", ({ name }) => {
    expect(differences.get(name) ?? 0).toBeGreaterThanOrEqual(isFull ? 1 : 0);
  });

  test("docs/targeting-reference.md lists these differences and no others", () => {
    expect(rowsOf("Difference")).toEqual(DIFFERENCES.map(asRow));
  });
});

describe("conditions that GrowthBook evaluates and Sluice refuses", () => {
  const judge = (condition: object): ReturnType<typeof compileCondition> =>
    compileCondition(condition, (name) => (Object.hasOwn(SEGMENTS, name) ? () => true : undefined));

  test.for(REFUSALS)("$name, at any depth", ({ conditions }) => {
    fc.assert(
      fc.property(WRAPPING, fc.nat({ max: conditions.length - 1 }), (wrap, index) => {
        const { condition, path } = conditions[index] ?? { condition: {}, path: [] };
        const wrapped = wrap(condition);
        expect(judge(wrapped.condition)).toEqual({
          fault: { path: [...wrapped.path, ...path], detail: expect.any(String) },
        });
      }),
      { seed: SEED, numRuns: runs(50 * conditions.length) },
    );
  });

  test("docs/targeting-reference.md lists these conditions and no others", () => {
    expect(rowsOf("Refused")).toEqual(REFUSALS.map(asRow));
  });
});
