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

const place = {
  bucket_by: z.string().openapi({ description: "The attribute whose value is the id." }),
  id: z.string().optional().openapi({ description: "Absent when the context has none." }),
  bucket: bucket.optional(),
};

/** One step of the evaluation order, with its inputs. */
const step = z
  .object({
    step: decidingRule,
    rule_id: z.string().optional(),
    matched: z.boolean().optional().openapi({ description: "Whether the rule's condition holds." }),
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
          segment: z
            .string()
            .optional()
            .openapi({ description: "The segment that asks; its ids are asked for with $in." }),
        }),
      )
      .optional()
      .openapi({
        description: "What was compared, in the order of the condition; long values, and very many, are cut.",
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
      .object({ ...place, rollout_pct: z.number() })
      .optional()
      .openapi({ description: "In when the bucket is below the percentage." }),
    draw: z
      .object({
        ...place,
        variant: z.string().optional(),
        range: z.tuple([z.number(), z.number()]).optional(),
      })
      .optional()
      .openapi({ description: "Which variant, by a place of its own, and between which places it is." }),
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
    .openapi({ description: "The step that decided; absent when the flag is broken." }),
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
  invalid: z.string().optional().openapi({ description: "What is wrong with a row that plain SQL broke." }),
  steps: z.array(step).openapi({ description: "Every step that was taken, in order; the last one decided." }),
  bucket: bucket.optional().openapi({
    description: "The user's place: in when it is below the percentage. Absent without an id.",
  }),
  bucket_by: z.string(),
  salt: z.string(),
  rollout_pct: z.number().min(0).max(100),
  killed_at_edge: z.boolean().nullable().openapi({
    description: "Whether a kill holds the flag off at the edge; null when Redis does not answer.",
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
