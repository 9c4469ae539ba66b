import { z } from "@hono/zod-openapi";
import { MAX_SEGMENT_IDS } from "../../shared/flag/flag.ts";
import { publishState } from "./answer-schema.ts";
import { OBJECT, flagKey, id, listOf, segmentName, text } from "./text-schema.ts";

const ids = listOf(id, MAX_SEGMENT_IDS).openapi({
  description: "Values of the attribute that a rule compares.",
  example: ["acme", "initech"],
});

const editable = {
  description: text(1_000).openapi({ example: "Companies that test with us" }),
  ids,
  // The evaluator validates it: see `judgeSegment`.
  condition: z.unknown().openapi({
    type: ["object", "null"],
    description:
      "A condition on the context, for users who are not in `ids` (docs/targeting-reference.md). It cannot refer to " +
      "segments. Replaced as a whole; null: no condition.",
    example: { email: { $endsWith: "@example.com" } },
  }),
};

export const segmentCreate = z
  .strictObject({ name: segmentName, ...z.strictObject(editable).partial().shape }, OBJECT)
  .openapi("SegmentCreate");

/** A JSON merge patch. The condition is replaced as a whole, because null is a valid value in it. */
export const segmentPatch = z
  .strictObject(
    {
      description: editable.description.nullable(),
      ids: editable.ids.nullable(),
      condition: editable.condition,
    },
    OBJECT,
  )
  .partial()
  .openapi("SegmentPatch");

/** Ids to add and to remove, without the rest of a long list. */
export const segmentIds = z
  .strictObject({ add: ids.optional(), remove: ids.optional() }, OBJECT)
  .superRefine(({ add, remove }, context) => {
    const removed = new Set(remove);
    const index = add?.findIndex((one) => removed.has(one)) ?? -1;
    if (index === -1) return;
    context.addIssue({
      code: "custom",
      path: ["add", index],
      message: "is in `remove` too: leave it out of one of the lists",
    });
  })
  .openapi("SegmentIds", { example: { add: ["acme"], remove: ["initech"] } });

/** A segment as it is stored. Plain SQL can have written members that the API refuses. */
export const segment = z
  .object({
    id: z.uuid(),
    name: segmentName,
    description: z.string(),
    ids: z.array(z.string()),
    condition: z.record(z.string(), z.unknown()).nullable(),
    created_at: z.iso.datetime(),
    updated_at: z.iso.datetime(),
    used_by: z.array(flagKey).openapi({ description: "Flags whose rules refer to the segment." }),
    invalid: z.string().optional().openapi({
      description: "Why the edge keeps these flags off. Only set when plain SQL has broken the row.",
    }),
  })
  .openapi("Segment", {
    example: {
      id: "4b0f6f0e-3f0c-4d1b-9a53-0f6c1d1e8a11",
      name: "beta-testers",
      description: "Companies that test with us",
      ids: ["acme"],
      condition: { email: { $endsWith: "@example.com" } },
      created_at: "2026-01-02T03:04:05.678Z",
      updated_at: "2026-01-02T03:04:05.678Z",
      used_by: ["ai_search"],
    },
  });

/** A segment, after a read or a write. */
export const segmentAnswer = z.object({ segment, ...publishState }).openapi("SegmentAnswer");

export const segmentList = z.object({ segments: z.array(segment), ...publishState }).openapi("SegmentList");

export const segmentDeletion = z.object({ name: segmentName, ...publishState }).openapi("SegmentDeletion");
