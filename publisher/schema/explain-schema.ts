import { z } from "@hono/zod-openapi";
import { publishState } from "./answer-schema.ts";
import { evaluationContext } from "./context-schema.ts";
import { flagDraft } from "./flag-schema.ts";
import { OBJECT, flagKey } from "./text-schema.ts";

const example = { context: { userId: "user-1", plan: "enterprise" } };

/** The body of a request to explain one flag. */
export const explainRequest = z
  .strictObject(
    {
      context: evaluationContext,
      draft: flagDraft.optional().openapi({ description: "The flag is explained as if this were saved." }),
    },
    OBJECT,
  )
  .openapi("ExplainRequest", { example });

/** The body of a request to explain all flags. */
export const explainAllRequest = z
  .strictObject({ context: evaluationContext }, OBJECT)
  .openapi("ExplainAllRequest", { example });

const reason = z.enum(["STATIC", "TARGETING_MATCH", "SPLIT", "DISABLED", "DEFAULT", "STALE", "ERROR"]);

const decidingRule = z.enum([
  "off",
  "fail_mode",
  "enabled",
  "requires",
  "override",
  "allowlist",
  "blocklist",
  "plans",
  "employees_only",
  "rules",
  "rollout_pct",
  "variants",
]);

const bucket = z.number().min(0).lt(100);

const bucketMembers = {
  bucket_by: z.string().openapi({ description: "The attribute whose value is the id." }),
  id: z.string().optional().openapi({ description: "Absent when the context has no id." }),
  bucket: bucket.optional(),
};

/** One step of the evaluation order, with its inputs. */
const step = z
  .object({
    step: decidingRule,
    rule_id: z.string().optional(),
    matched: z.boolean().optional().openapi({ description: "Whether the rule's condition matched." }),
    comparisons: z
      .array(
        z.object({
          attribute: z.string(),
          operator: z.string(),
          expected: z.unknown(),
          actual: z.unknown(),
          matched: z.boolean(),
          within: z.array(z.string()).optional().openapi({
            description: "The operators around it: $not, $or, $nor, $size, from the outside in.",
          }),
          segment: z.string().optional().openapi({
            description: "The segment that the comparison belongs to; its ids are compared by $in.",
          }),
        }),
      )
      .optional()
      .openapi({
        description: "The comparisons, in the order of the condition. Long values and long lists are cut.",
      }),
    requirements: z
      .array(
        z.object({
          flag: z.string(),
          variant: z.string().optional(),
          met: z.boolean(),
          value: z.boolean(),
          flag_variant: z.string(),
          reason,
        }),
      )
      .optional(),
    share: z
      .object({ ...bucketMembers, rollout_pct: z.number() })
      .optional()
      .openapi({ description: "On when the bucket is below the percentage." }),
    draw: z
      .object({
        ...bucketMembers,
        variant: z.string().optional(),
        range: z.tuple([z.number(), z.number()]).optional(),
      })
      .optional()
      .openapi({ description: "The variant, by a bucket of its own, and the variant's range of buckets." }),
  })
  .openapi("ExplanationStep");

/** Why one flag has its value for one user. */
export const explanation = z.object({
  flag_key: flagKey,
  value: z.boolean(),
  variant: z.string(),
  variant_value: z.unknown().optional(),
  reason,
  rule: decidingRule
    .optional()
    .openapi({ description: "The step that decided; absent when the flag is invalid." }),
  rule_id: z.string().optional().openapi({ description: "Which of the flag's rules, when `rule` is rules." }),
  error_code: z
    .enum([
      "FLAG_NOT_FOUND",
      "PARSE_ERROR",
      "TYPE_MISMATCH",
      "TARGETING_KEY_MISSING",
      "INVALID_CONTEXT",
      "GENERAL",
    ])
    .optional(),
  invalid: z
    .string()
    .optional()
    .openapi({ description: "Why the flag is invalid, when plain SQL has broken its row." }),
  steps: z.array(step).openapi({ description: "Every step, in order. The last one decided." }),
  bucket: bucket.optional().openapi({
    description: "The user's bucket: on when it is below the percentage. Absent without an id.",
  }),
  bucket_by: z.string(),
  salt: z.string(),
  rollout_pct: z.number().min(0).max(100),
  killed_at_edge: z.boolean().nullable().openapi({
    description: "Whether a kill keeps the flag off at the edge; null when Redis does not answer.",
  }),
  edge_fault: z.string().optional().openapi({ description: "Why Redis does not answer." }),
});

/** The answer about one flag. */
export const explanationAnswer = explanation.extend(publishState).openapi("Explanation");

/** The answer about all flags. */
export const explanations = z
  .object({ flags: z.array(explanation), ...publishState })
  .openapi("Explanations");

export type Explanation = z.output<typeof explanation>;
