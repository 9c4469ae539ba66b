import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { allocateVariants } from "../../shared/bucketing/allocate-variants.ts";
import { compile } from "../../shared/compile/compile.ts";
import { compileSegments, compileWithSegments } from "../../shared/compile/compile-segments.ts";
import { withTargetingKey, type EvaluationContext } from "../../shared/flag/context.ts";
import { computeBuckets, decide, decisionOf } from "../../shared/evaluate/evaluate.ts";
import type { SnapshotFlag, Variant } from "../../shared/flag/flag.ts";
import { OPERATORS } from "../../shared/condition/operators.ts";
import { SCHEMA } from "../../shared/snapshot/snapshot.ts";

/** A condition, with contexts that match and contexts that do not. */
interface ConditionExample {
  readonly if: object;
  readonly segments?: readonly unknown[];
  readonly matches: readonly EvaluationContext[];
  readonly not: readonly EvaluationContext[];
}

/** Flags as the API takes them, with contexts and the decisions for the first flag or the named one. */
interface FlagExample {
  readonly flags: readonly (Omit<SnapshotFlag, "variants"> & { readonly variants?: readonly Variant[] })[];
  readonly segments?: readonly unknown[];
  readonly results: readonly {
    readonly flag?: string;
    readonly context: EvaluationContext;
    readonly result: object;
  }[];
}

/** A condition that is refused, and the JSON pointer to its fault. */
interface RefusedExample {
  readonly refused: object;
  readonly at: string;
}

type Example = { readonly line: number } & (ConditionExample | FlagExample | RefusedExample);

const PAGE = readFileSync(new URL("../../docs/targeting-reference.md", import.meta.url), "utf8");

const examples = [...PAGE.matchAll(/^```json\n([^]*?)^```$/gm)].map(({ 1: json = "", index }): Example => {
  const line = PAGE.slice(0, index).split("\n").length;
  return { line, ...(JSON.parse(json) as ConditionExample | FlagExample | RefusedExample) };
});

describe("docs/targeting-reference.md", () => {
  test.for(examples)("the example in line $line", async (example) => {
    if ("refused" in example) expectRefused(example);
    else if ("if" in example) expectMatches(example);
    else await expectResults(example);
  });

  test.for([...Object.keys(OPERATORS), "$and", "$or", "$nor"])("there is an example of %s", (operator) => {
    const used = JSON.stringify(examples.map((example) => ("if" in example ? example.if : {})));
    expect(used).toContain(`"${operator}":`);
  });
});

function expectMatches({ if: condition, segments = [], matches, not }: ConditionExample): void {
  const compiled = compileWithSegments(condition, compileSegments(segments));
  if ("fault" in compiled) throw new Error(JSON.stringify(compiled.fault));
  expect(matches.filter((context) => !compiled.condition(context))).toStrictEqual([]);
  expect(not.filter((context) => compiled.condition(context))).toStrictEqual([]);
  // An example without a match shows nothing.
  expect(matches.length).toBeGreaterThan(0);
}

function expectRefused({ refused, at }: RefusedExample): void {
  const compiled = compileWithSegments(refused, compileSegments([]));
  expect("fault" in compiled && `/${compiled.fault.path.join("/")}`).toBe(at);
}

async function expectResults({ flags, segments = [], results }: FlagExample): Promise<void> {
  const published = flags.map(({ variants = [], ...flag }) => {
    const ranges = allocateVariants(variants, {});
    return {
      ...flag,
      variants: variants.map(({ weight: _, ...variant }) => ({ ...variant, ranges: ranges[variant.key] })),
    };
  });
  const compiled = compile({ schema: SCHEMA, flags: published, segments });
  expect(results.length).toBeGreaterThan(0);
  for (const { flag = flags[0]?.key ?? "", context: given, result } of results) {
    const context = withTargetingKey(given);
    const decisions = decide(compiled, context, await computeBuckets(compiled, context));
    expect(decisionOf(compiled, decisions, flag)).toMatchObject(result);
  }
}
