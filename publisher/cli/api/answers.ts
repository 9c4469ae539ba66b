import { z } from "zod";

// Loose: a newer publisher may say more than this CLI knows, and plain SQL may have put anything into a flag.

const standing = {
  epoch: z.number(),
  /** Where Postgres stands. */
  revision: z.number(),
  /** Whether Redis is known to hold that revision. */
  published: z.boolean(),
};

const flag = z.looseObject({
  key: z.string(),
  description: z.string(),
  owner: z.string(),
  tags: z.array(z.string()),
  enabled: z.boolean(),
  rollout_pct: z.number(),
  targeting: z.unknown(),
  gates: z.unknown(),
  fail_mode: z.string(),
  in_header: z.boolean(),
  client_visible: z.boolean(),
  // An older publisher has none of these.
  bucket_by: z.string().default("targetingKey"),
  salt: z.string().nullable().default(null),
  variants: z.unknown().default([]),
  requires: z.unknown().default([]),
  archived_at: z.string().nullable(),
  created_at: z.string(),
  updated_at: z.string(),
  /** Why the edge holds this flag off, when plain SQL put in what is not valid. */
  invalid: z.string().optional(),
});

/** A flag, after a read or a write. */
export const flagAnswer = z.looseObject({ flag, ...standing });

export const flagList = z.looseObject({
  flags: z.array(flag),
  next_cursor: z.string().nullable(),
  ...standing,
});

/** A flag is gone. */
export const deletion = z.looseObject({ key: z.string(), ...standing });

/** A kill: the flag as it is now, or that Postgres does not know of it yet. */
export const killAnswer = z.union([
  z.looseObject({ flag, ...standing, at_edge: z.boolean().optional() }),
  z.looseObject({
    key: z.string(),
    recorded: z.literal(false),
    published: z.literal(false),
    cause: z.string().optional(),
  }),
]);

const version = z.looseObject({ epoch: z.number(), revision: z.number() });

const pendingKills = z.array(z.string()).nullish();

export const status = z.looseObject({
  ...standing,
  /** How long ago Postgres came to its revision, by its own clock. */
  changed_ms_ago: z.number().optional(),
  redis: version.nullable(),
  fault: z.string().nullable(),
  /** Off at the edge, and not in Postgres yet; null: not known. */
  pending_kills: pendingKills,
  diverged: z.boolean(),
  divergence: z.looseObject({ why: z.string(), since: z.string(), redis: version }).nullish(),
});

/** A place in [0, 100), and whose. */
const place = { bucket_by: z.string(), id: z.string().optional(), bucket: z.number().optional() };

/** One step of the evaluation order, with what it looked at. */
const step = z.looseObject({
  step: z.string(),
  rule_id: z.string().optional(),
  matched: z.boolean().optional(),
  comparisons: z
    .array(
      z.looseObject({
        attribute: z.string(),
        operator: z.string(),
        expected: z.unknown(),
        actual: z.unknown(),
        matched: z.boolean(),
        within: z.array(z.string()).default([]),
        segment: z.string().optional(),
      }),
    )
    .default([]),
  requirements: z
    .array(
      z.looseObject({
        flag: z.string(),
        variant: z.string().optional(),
        met: z.boolean(),
        value: z.boolean(),
        flag_variant: z.string(),
        reason: z.string(),
      }),
    )
    .default([]),
  share: z.looseObject({ ...place, rollout_pct: z.number() }).optional(),
  draw: z
    .looseObject({
      ...place,
      variant: z.string().optional(),
      range: z.tuple([z.number(), z.number()]).optional(),
    })
    .optional(),
});

const explained = z.looseObject({
  flag_key: z.string(),
  value: z.boolean(),
  variant: z.string(),
  variant_value: z.unknown().optional(),
  reason: z.string(),
  rule: z.string().optional(),
  rule_id: z.string().optional(),
  error_code: z.string().optional(),
  /** What is wrong with a row that plain SQL broke. */
  invalid: z.string().optional(),
  steps: z.array(step).default([]),
  bucket: z.number().optional(),
  bucket_by: z.string().default("targetingKey"),
  rollout_pct: z.number(),
  /** Null when Redis does not say. */
  killed_at_edge: z.boolean().nullable(),
  edge_fault: z.string().optional(),
});

/** Why one flag is what it is for somebody. */
export const explanation = explained.extend(standing);

/** The same for all flags. */
export const explanations = z.looseObject({ flags: z.array(explained), ...standing });

const otherwise = z.union([
  z.looseObject({ rewrite: z.string() }),
  z.looseObject({ redirect: z.string(), status: z.number() }),
  z.looseObject({ status: z.number(), page: z.string().optional() }),
]);

/** What gates do to a request, and why. */
export const gateTest = z.looseObject({
  path: z.string(),
  outcome: z.discriminatedUnion("action", [
    z.object({ action: z.literal("pass"), path: z.string() }),
    z.object({ action: z.literal("rewrite"), path: z.string() }),
    z.object({ action: z.literal("redirect"), path: z.string(), status: z.number() }),
    z.object({
      action: z.literal("status"),
      status: z.number(),
      why: z.string(),
      page: z.object({ path: z.string(), shown: z.string().optional() }).optional(),
    }),
  ]),
  steps: z.array(
    z.looseObject({
      path: z.string(),
      gates: z.array(
        z.looseObject({
          flag_key: z.string(),
          pattern: z.string(),
          otherwise,
          reading: z.string().nullable(),
          open: z.boolean(),
          decided: z.boolean(),
        }),
      ),
    }),
  ),
  flags: z.array(explained),
  ...standing,
});

const onOff = z.looseObject({ on: z.number(), off: z.number() });
const gained = z.looseObject({ count: z.number(), by_variant: z.record(z.string(), z.number()) });
const examples = z.array(z.string());

/** Who would gain and who would lose a flag. */
export const preview = z.looseObject({
  contexts: z.number(),
  before: onOff,
  after: onOff,
  gains: gained,
  loses: gained,
  moves: z.looseObject({
    count: z.number(),
    by_variants: z.array(z.looseObject({ from: z.string(), to: z.string(), count: z.number() })),
  }),
  unchanged: z.number(),
  also: z.array(z.looseObject({ flag_key: z.string(), gains: z.number(), loses: z.number() })),
  examples: z.looseObject({ gains: examples, loses: examples, moves: examples }),
  epoch: z.number(),
  revision: z.number(),
});

/** A test override that was signed. */
export const signedOverride = z.looseObject({
  /** Behind a site's address this is the link. */
  path: z.string().regex(/^\/[\x21-\x7e]+$/),
  ends_at: z.string(),
  edge_fault: z.string().optional(),
  flags: z.array(
    z.looseObject({
      flag_key: z.string(),
      forced: z.string(),
      in_force: z.string(),
      detail: z.string().optional(),
    }),
  ),
});

const segment = z.looseObject({
  name: z.string(),
  description: z.string(),
  ids: z.array(z.string()),
  condition: z.unknown(),
  created_at: z.string(),
  updated_at: z.string(),
  /** Keys of the flags whose rules ask for it. */
  used_by: z.array(z.string()),
  invalid: z.string().optional(),
});

export const segmentAnswer = z.looseObject({ segment, ...standing });
export const segmentList = z.looseObject({ segments: z.array(segment), ...standing });
/** A segment is gone. */
export const segmentDeletion = z.looseObject(standing);

/** One thing that happened to a flag. */
const change = z.looseObject({
  epoch: z.number(),
  revision: z.number(),
  at: z.string(),
  actor: z.string(),
  action: z.string(),
  changed: z.array(z.string()),
});

/** What a problem tells of Redis when only Postgres does not say where it stands. */
export const redisStanding = z.looseObject({
  redis: version.nullable(),
  redis_fault: z.string().nullable(),
  pending_kills: pendingKills,
});

/** RFC 9457, as Sluice's admin API fills it. The type tells it from what a proxy on the way says. */
export const problem = z.looseObject({
  type: z.string().startsWith("urn:sluice:problem:"),
  title: z.string(),
  detail: z.string(),
  errors: z.array(z.looseObject({ pointer: z.string(), detail: z.string() })).default([]),
  /** Beside a 412: what happened meanwhile, and the entity tag of the flag after that. */
  changes: z.array(change).default([]),
  etag: z.string().optional(),
});

export type Standing = z.output<z.ZodObject<typeof standing>>;
export type Flag = z.output<typeof flag>;
export type RedisStanding = z.output<typeof redisStanding>;
export type Status = z.output<typeof status>;
export type KillAnswer = z.output<typeof killAnswer>;
export type FlagAnswer = z.output<typeof flagAnswer>;
export type FlagList = z.output<typeof flagList>;
export type Explained = z.output<typeof explained>;
export type Step = z.output<typeof step>;
export type GateTest = z.output<typeof gateTest>;
export type Preview = z.output<typeof preview>;
export type SignedOverride = z.output<typeof signedOverride>;
export type Segment = z.output<typeof segment>;
export type SegmentAnswer = z.output<typeof segmentAnswer>;
export type Change = z.output<typeof change>;
export type ProblemBody = z.output<typeof problem>;
