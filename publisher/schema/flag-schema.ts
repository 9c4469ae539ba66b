import { z } from "@hono/zod-openapi";
import { DEFAULT_BUCKET_BY, FAIL_MODES } from "../../shared/flag/flag.ts";
import { publishState } from "./answer-schema.ts";
import { gates } from "./gate-schema.ts";
import { targeting, targetingPatch } from "./targeting-schema.ts";
import { OBJECT, boolean, bucketBy, flagKey, id, listOf, salt, text } from "./text-schema.ts";
import { requires, variants } from "./variant-schema.ts";

/** A percentage with at most two decimals. */
export const rolloutPct = z
  .number("must be a number from 0 to 100")
  .min(0, "must be a number from 0 to 100")
  .max(100, "must be a number from 0 to 100")
  .refine((value) => !Object.is(value, -0), "must be 0, not -0")
  // Hundredths are not exact in binary: 33.33 * 100 is not exactly 3333.
  .refine((value) => Number(value.toFixed(2)) === value, "must have at most two decimals")
  .openapi({ example: 25, multipleOf: 0.01 });

/** The members of a create and a merge patch. The percentage and the kill switch have endpoints of their own. */
const editable = {
  description: text(1_000).openapi({ example: "Search answers written by a model" }),
  owner: text(200).openapi({ example: "search-team" }),
  tags: listOf(id.max(50, "must have at most 50 characters"), 20).openapi({ example: ["ai"] }),
  targeting,
  bucket_by: bucketBy.openapi({
    description:
      "The attribute that the bucket is computed from. Users who share its value get the feature together.",
  }),
  salt: salt.nullable().openapi({
    description: "Replaces the key in the hash; null: the key. Another salt re-randomizes all users.",
  }),
  variants,
  requires,
  gates,
  fail_mode: z.enum(FAIL_MODES, `must be one of ${FAIL_MODES.join(", ")}`).openapi({
    description: "What the edge does with the flag when its snapshot is older than MAX_STALE_MS.",
  }),
  in_header: boolean.openapi({ description: "Whether x-flags names the flag." }),
  client_visible: boolean.openapi({ description: "Whether a front end may pass the flag to the browser." }),
};

export const flagCreate = z
  .strictObject({ key: flagKey, ...z.strictObject(editable).partial().shape }, OBJECT)
  .openapi("FlagCreate");

/** A flag after a merge patch. Members that the patch removed have their defaults. */
export const flagEditable = z.strictObject({
  description: editable.description.default(""),
  owner: editable.owner.default(""),
  tags: editable.tags.default([]),
  targeting: editable.targeting.default({}),
  bucket_by: editable.bucket_by.default(DEFAULT_BUCKET_BY),
  salt: editable.salt.default(null),
  variants: editable.variants.default([]),
  requires: editable.requires.default([]),
  gates: editable.gates.default([]),
  fail_mode: editable.fail_mode.default("off"),
  in_header: editable.in_header.default(true),
  client_visible: editable.client_visible.default(false),
});

const patchMembers = z
  .strictObject({
    description: editable.description.nullable(),
    owner: editable.owner.nullable(),
    tags: editable.tags.nullable(),
    targeting: targetingPatch,
    bucket_by: editable.bucket_by.nullable(),
    salt: editable.salt,
    variants: editable.variants.nullable(),
    requires: editable.requires.nullable(),
    gates: editable.gates.nullable(),
    fail_mode: editable.fail_mode.nullable(),
    in_header: editable.in_header.nullable(),
    client_visible: editable.client_visible.nullable(),
  })
  .partial().shape;

/** An RFC 7396 merge patch: null restores a default. The merged flag is validated as a whole. */
export const flagPatch = z.strictObject(patchMembers, OBJECT).openapi("FlagPatch");

/** A change that is not saved: a merge patch, also of the percentage and the kill switch. */
export const flagDraft = z
  .strictObject({ ...patchMembers, enabled: boolean.optional(), rollout_pct: rolloutPct.optional() }, OBJECT)
  .openapi("FlagDraft", { example: { rollout_pct: 50 } });

/** A flag as it is stored. Plain SQL can have written members that the API refuses. */
export const flag = z
  .object({
    id: z.uuid(),
    key: flagKey,
    enabled: z.boolean().openapi({ description: "The kill switch: false turns the flag off for all users." }),
    rollout_pct: z.number().min(0).max(100),
    description: z.string(),
    owner: z.string(),
    tags: z.array(z.string()),
    targeting: z.record(z.string(), z.unknown()),
    bucket_by: z.string(),
    salt: z.string().nullable(),
    variants: z.array(z.unknown()),
    requires: z.array(z.unknown()),
    gates: z.array(z.unknown()),
    fail_mode: z.string(),
    in_header: z.boolean(),
    client_visible: z.boolean(),
    archived_at: z.iso.datetime().nullable(),
    created_at: z.iso.datetime(),
    updated_at: z.iso.datetime(),
    invalid: z.string().optional().openapi({
      description: "Why the edge keeps this flag off. Only set when plain SQL has broken the row.",
    }),
  })
  .openapi("Flag", {
    example: {
      id: "4b0f6f0e-3f0c-4d1b-9a53-0f6c1d1e8a11",
      key: "ai_search",
      enabled: true,
      rollout_pct: 25,
      description: "Search answers written by a model",
      owner: "search-team",
      tags: ["ai"],
      targeting: { allowlist: ["user-1"], plans: ["enterprise"] },
      bucket_by: "targetingKey",
      salt: null,
      variants: [],
      requires: [],
      gates: [{ pattern: "/ai/*", otherwise: { rewrite: "/classic" } }],
      fail_mode: "off",
      in_header: true,
      client_visible: false,
      archived_at: null,
      created_at: "2026-01-02T03:04:05.678Z",
      updated_at: "2026-01-02T03:04:05.678Z",
    },
  });

/** A flag, after a read or a write. */
export const flagAnswer = z.object({ flag, ...publishState }).openapi("FlagAnswer");

/** One page of flags. */
export const flagList = z
  .object({ flags: z.array(flag), next_cursor: z.string().nullable(), ...publishState })
  .openapi("FlagList");

export const flagDeletion = z.object({ key: flagKey, ...publishState }).openapi("Deletion");

/** A flag after its kill switch was set. */
export const toggleAnswer = flagAnswer
  .extend({
    at_edge: z
      .boolean()
      .optional()
      .openapi({ description: "After a kill: whether Redis is known to have it, published or not." }),
  })
  .openapi("ToggleAnswer");

/** A kill that only the edge has. */
export const unrecordedKill = z
  .object({
    key: flagKey,
    recorded: z.literal(false),
    published: z.literal(false),
    cause: z.string(),
    detail: z.string(),
  })
  .openapi("UnrecordedKill");

export type FlagCreate = z.output<typeof flagCreate>;
export type FlagPatch = z.output<typeof flagPatch>;
export type FlagDraft = z.output<typeof flagDraft>;
