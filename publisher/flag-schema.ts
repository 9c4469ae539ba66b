import { z } from "@hono/zod-openapi";
import { FAIL_MODES, KEY_PATTERN } from "../shared/flag.ts";

/** Control characters have no business in ids and names; a lone surrogate cannot be stored as UTF-8. */
const CONTROL = /\p{Cc}/u;

const text = (maximum: number) =>
  z
    .string("must be a string")
    .max(maximum, `must have at most ${maximum} characters`)
    .refine((value) => value.isWellFormed(), "holds a lone surrogate: send whole Unicode characters")
    .refine((value) => !CONTROL.test(value), "holds a control character");

const id = text(256).min(1, "must not be empty");

const listOf = (item: z.ZodType<string>, maximum: number) =>
  z
    .array(item, "must be an array of strings")
    .max(maximum, `must have at most ${maximum} items`)
    .refine((items) => new Set(items).size === items.length, "names the same item twice");

const userId = id.refine(
  (value) => !value.startsWith("anon-"),
  'begins with "anon-", as only anonymous ids do: the lists hold user ids',
);

export const flagKey = z
  .string("must be a string")
  .regex(
    KEY_PATTERN,
    "must begin with a lower-case letter and hold only a-z, 0-9, _ and -, at most 64 characters",
  )
  .openapi({ example: "ai_search" });

/** A percentage with at most two decimals. */
export const rolloutPct = z
  .number("must be a number")
  .min(0, "must be from 0 to 100")
  .max(100, "must be from 0 to 100")
  .refine((value) => !Object.is(value, -0), "must be 0, not -0")
  // Hundredths are not exact in binary: 33.33 * 100 is 3333 but for the last bits.
  .refine((value) => Number(value.toFixed(2)) === value, "must have at most two decimals")
  .openapi({ example: 25 });

export const enabled = z.boolean("must be true or false");

export const targeting = z
  .strictObject({
    allowlist: listOf(userId, 10_000).optional(),
    blocklist: listOf(userId, 10_000).optional(),
    plans: listOf(id, 100).optional(),
    employees_only: z.boolean("must be true or false").optional(),
  })
  .superRefine(({ allowlist, blocklist }, context) => {
    const blocked = new Set(blocklist);
    const index = allowlist?.findIndex((listed) => blocked.has(listed)) ?? -1;
    if (index === -1) return;
    context.addIssue({
      code: "custom",
      path: ["allowlist", index],
      message: "is on the blocklist too: take it off one of them",
    });
  })
  .openapi("Targeting");

const path = text(512).regex(/^\/(?![/\\])/, "must be a path that begins with one /");

const pattern = text(256)
  .regex(/^\//, "must begin with /")
  .refine(isUrlPattern, "is not a URLPattern for a pathname");

export const gates = z
  .array(
    z.strictObject({
      pattern,
      otherwise: z.union(
        [
          z.strictObject({ rewrite: path }),
          z.strictObject({
            redirect: path,
            status: z.union([z.literal(302), z.literal(303), z.literal(307)]).default(302),
          }),
          z.strictObject({ status: z.union([z.literal(403), z.literal(404), z.literal(410)]) }),
        ],
        'must be {"rewrite": path}, {"redirect": path, "status": 302, 303 or 307} or {"status": 403, 404 or 410}',
      ),
    }),
    "must be an array",
  )
  .max(20, "must have at most 20 items")
  .openapi("Gates");

/** What people set of a flag as a whole; percentage and kill switch have endpoints of their own. */
const editable = {
  description: text(1_000),
  owner: text(200),
  tags: listOf(id.max(50, "must have at most 50 characters"), 20),
  targeting,
  gates,
  fail_mode: z.enum(FAIL_MODES, `must be one of ${FAIL_MODES.join(", ")}`),
  in_header: z.boolean("must be true or false"),
  client_visible: z.boolean("must be true or false"),
};

export const flagCreate = z
  .strictObject({ key: flagKey, ...z.strictObject(editable).partial().shape })
  .openapi("FlagCreate");

/** The merged outcome of a merge patch. What the patch removed has its default again. */
export const flagEditable = z.strictObject({
  description: editable.description.default(""),
  owner: editable.owner.default(""),
  tags: editable.tags.default([]),
  targeting: editable.targeting.default({}),
  gates: editable.gates.default([]),
  fail_mode: editable.fail_mode.default("off"),
  in_header: editable.in_header.default(true),
  client_visible: editable.client_visible.default(false),
});

/** An RFC 7396 merge patch: null puts a member back to its default. Judged as a whole once it is merged. */
export const flagPatch = z
  .strictObject({
    description: editable.description.nullable(),
    owner: editable.owner.nullable(),
    tags: editable.tags.nullable(),
    targeting: z
      .strictObject({
        allowlist: targeting.shape.allowlist.unwrap().nullable(),
        blocklist: targeting.shape.blocklist.unwrap().nullable(),
        plans: targeting.shape.plans.unwrap().nullable(),
        employees_only: targeting.shape.employees_only.unwrap().nullable(),
      })
      .partial()
      .nullable(),
    gates: editable.gates.nullable(),
    fail_mode: editable.fail_mode.nullable(),
    in_header: editable.in_header.nullable(),
    client_visible: editable.client_visible.nullable(),
  })
  .partial()
  .openapi("FlagPatch");

export const flag = z
  .object({
    id: z.uuid(),
    key: flagKey,
    enabled: z.boolean(),
    rollout_pct: z.number().min(0).max(100),
    // As they stand in Postgres: plain SQL may have put in what no write here would take.
    description: z.string(),
    owner: z.string(),
    tags: z.array(z.string()),
    targeting: z.record(z.string(), z.unknown()),
    gates: z.array(z.unknown()),
    fail_mode: z.string(),
    in_header: z.boolean(),
    client_visible: z.boolean(),
    archived_at: z.iso.datetime().nullable(),
    created_at: z.iso.datetime(),
    updated_at: z.iso.datetime(),
    /** Why the edge holds this flag off: set only when plain SQL put something in that is not valid. */
    invalid: z.string().optional(),
  })
  .openapi("Flag");

function isUrlPattern(pathname: string): boolean {
  try {
    return new URLPattern({ pathname }).pathname !== "";
  } catch {
    return false;
  }
}
