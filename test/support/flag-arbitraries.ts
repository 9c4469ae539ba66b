import fc from "fast-check";
import { allocateVariants } from "../../shared/bucketing/allocate-variants.ts";
import { withTargetingKey, type EvaluationContext } from "../../shared/flag/context.ts";
import type {
  Requirement,
  Rule,
  RuleOutcome,
  SnapshotFlag,
  SnapshotVariant,
  Targeting,
} from "../../shared/flag/flag.ts";
import { ATTRIBUTES, CONDITION, SEGMENTS } from "./condition-arbitraries.ts";

/** Flags of one snapshot, in this order; each may require those before it. */
const KEYS = ["a", "b", "c", "d", "constructor"];
const VARIANT_KEYS = ["small", "medium", "large", "on"];
const USERS = ["user-1", "user-2", "user-3", "user-4"];
const PLANS = ["free", "pro", "enterprise"];
const BUCKETING = ["targetingKey", "organization", "id", "b.a", "list.0"];

/** A percentage. 0 and 100, which need no bucket, are frequent. */
export const PERCENTAGE = fc.oneof(
  fc.constantFrom(0, 100, 50),
  fc.integer({ min: 0, max: 10_000 }).map((basisPoints) => basisPoints / 100),
);

/** An object with some of these members; the others are absent, not undefined. */
const some = <Shape extends object>(shape: {
  [Name in keyof Shape]: fc.Arbitrary<Shape[Name]>;
}): fc.Arbitrary<Partial<Shape>> =>
  fc.record(shape, { requiredKeys: [], noNullPrototype: true }) as fc.Arbitrary<Partial<Shape>>;

/** Weights by variant key, at least one above 0. Empty for a boolean flag. */
export const WEIGHTS = fc
  .uniqueArray(
    fc.record(
      {
        key: fc.constantFrom(...VARIANT_KEYS),
        weight: fc.oneof(fc.nat({ max: 3 }), fc.nat({ max: 10_000 })),
      },
      { noNullPrototype: true },
    ),
    { maxLength: 4, selector: ({ key }) => key },
  )
  .filter((weights) => weights.length === 0 || weights.some(({ weight }) => weight > 0));

const VARIANTS = fc
  .tuple(WEIGHTS, fc.jsonValue({ maxDepth: 2 }))
  .map(([weights, value]): SnapshotVariant[] => {
    const ranges = weights.length === 0 ? {} : allocateVariants(weights, {});
    return weights.map(({ key }, index) => ({
      key,
      ranges: ranges[key] ?? [],
      ...(index % 2 === 0 && { value }),
    }));
  });

const outcomeOf = (variants: readonly SnapshotVariant[]): fc.Arbitrary<RuleOutcome> =>
  fc.oneof(
    PERCENTAGE.map((rollout_pct) => ({ rollout_pct })),
    fc.constant({ off: true } as const),
    ...(variants.length === 0 ? [] : [fc.constantFrom(...variants).map(({ key }) => ({ variant: key }))]),
  );

const rulesOf = (variants: readonly SnapshotVariant[]): fc.Arbitrary<readonly Rule[]> =>
  fc
    .array(fc.tuple(CONDITION, outcomeOf(variants), some({ bucket_by: fc.constantFrom(...BUCKETING) })), {
      maxLength: 3,
    })
    .map((rules) =>
      rules.map(([condition, outcome, more], at): Rule => ({
        id: `rule-${at}`,
        if: condition as Rule["if"],
        ...outcome,
        ...more,
      })),
    );

const targetingOf = (variants: readonly SnapshotVariant[]): fc.Arbitrary<Targeting> =>
  fc
    .tuple(
      fc.shuffledSubarray(USERS),
      fc.nat({ max: 4 }),
      some({
        plans: fc.subarray(PLANS),
        employees_only: fc.oneof({ weight: 5, arbitrary: fc.constant(false) }, fc.constant(true)),
        rules: rulesOf(variants),
      }),
    )
    // Nobody is on both lists.
    .map(([users, at, targeting]) => ({
      allowlist: users.slice(0, at),
      blocklist: users.slice(at),
      ...targeting,
    }));

const requiresOf = (before: readonly SnapshotFlag[]): fc.Arbitrary<readonly Requirement[]> =>
  before.length === 0
    ? fc.constant([])
    : fc.uniqueArray(
        fc.constantFrom(...before).chain(({ key, variants = [] }) =>
          fc
            .option(fc.constantFrom(undefined, ...variants.map((variant) => variant.key)), {
              nil: undefined,
            })
            .map((variant) => ({ flag: key, ...(variant !== undefined && { variant }) })),
        ),
        { maxLength: 2, selector: ({ flag }) => flag },
      );

const flagOf = (key: string, before: readonly SnapshotFlag[]): fc.Arbitrary<SnapshotFlag> =>
  VARIANTS.chain((variants) =>
    fc
      .tuple(
        fc.record(
          {
            enabled: fc.oneof({ weight: 8, arbitrary: fc.constant(true) }, fc.constant(false)),
            rollout_pct: PERCENTAGE,
          },
          { noNullPrototype: true },
        ),
        some({
          targeting: fc.oneof(
            targetingOf(variants),
            rulesOf(variants).map((rules): Targeting => ({ rules })),
          ),
          salt: fc.constantFrom("spring-2027", "a"),
          bucket_by: fc.constantFrom(...BUCKETING),
          requires: requiresOf(before),
          fail_mode: fc.constantFrom("off" as const, "last-known" as const),
          in_header: fc.boolean(),
          client_visible: fc.boolean(),
        }),
      )
      .map(([needed, more]): SnapshotFlag => ({ key, ...needed, ...more, variants })),
  );

/** Valid flags, which may refer to the segments of `SEGMENT_LIST`. */
export const FLAGS: fc.Arbitrary<readonly SnapshotFlag[]> = fc
  .nat({ max: KEYS.length - 1 })
  .chain((last) =>
    KEYS.slice(0, last + 1).reduce<fc.Arbitrary<readonly SnapshotFlag[]>>(
      (flags, key) => flags.chain((before) => flagOf(key, before).map((flag) => [...before, flag])),
      fc.constant([]),
    ),
  );

export const SEGMENT_LIST = Object.entries(SEGMENTS).map(([name, ids]) => ({ name, ids }));

export const CONTEXT: fc.Arbitrary<EvaluationContext> = fc
  .tuple(
    ATTRIBUTES,
    some({
      userId: fc.constantFrom(...USERS, "user-5", ""),
      anonymousId: fc.constantFrom("anon-1", "anon-2"),
      plan: fc.constantFrom(...PLANS, ""),
      isEmployee: fc.boolean(),
      organization: fc.constantFrom("acme", "globex"),
    }),
  )
  .map(([attributes, known]) => withTargetingKey({ ...attributes, ...known }));

/** Kills, staleness and overrides. */
export const CIRCUMSTANCES = fc.oneof(
  { weight: 4, arbitrary: fc.constant({}) },
  {
    weight: 1,
    arbitrary: fc.record(
      { killed: fc.subarray(KEYS).map((keys): ReadonlySet<string> => new Set(keys)), stale: fc.boolean() },
      { noNullPrototype: true },
    ),
  },
);
