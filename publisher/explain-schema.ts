import { z } from "@hono/zod-openapi";
import { parseContext, type EvaluationContext } from "../shared/context.ts";
import { boolean, flagKey, text, userId } from "./text-schema.ts";

/** Null and the empty string count as missing, as they do at the edge. */
const attribute = text(256).nullable().optional();

const attributes = {
  userId: z
    .union([z.literal(""), userId], "must be a string of at most 256 characters that is no anonymous id")
    .nullable()
    .optional(),
  anonymousId: attribute,
  plan: attribute,
  isEmployee: boolean.nullable().optional(),
  email: attribute,
  organization: attribute,
  country: attribute,
  targetingKey: attribute.openapi({
    description: "Derived: the userId, else the anonymousId. Need not be given; refused when it is another.",
  }),
} satisfies { [Name in keyof Required<EvaluationContext>]: z.ZodType };

/** The body of an explain request: an evaluation context, in which nothing is ignored. */
export const explainRequest = z
  .strictObject({
    context: z
      .strictObject(attributes, "must be an object, the evaluation context")
      .transform((given, issues): EvaluationContext => {
        const parsed = parseContext(given);
        if ("problem" in parsed) {
          issues.addIssue({ code: "custom", message: parsed.problem });
          return z.NEVER;
        }
        const { context } = parsed;
        if (given.targetingKey && given.targetingKey !== context.targetingKey) {
          issues.addIssue({
            code: "custom",
            path: ["targetingKey"],
            message: "is derived: it is the userId, else the anonymousId, so give one of them instead",
          });
        }
        return context;
      }),
  })
  .openapi("ExplainRequest", { example: { context: { userId: "user-1", plan: "enterprise" } } });

/** See `Explanation`. */
export const explanation = {
  flag_key: flagKey,
  value: z.boolean(),
  variant: z.string(),
  reason: z.enum(["STATIC", "TARGETING_MATCH", "SPLIT", "DISABLED", "DEFAULT", "STALE", "ERROR"]),
  rule: z
    .enum([
      "off",
      "fail_mode",
      "enabled",
      "requires",
      "allowlist",
      "blocklist",
      "plans",
      "employees_only",
      "rules",
      "rollout_pct",
      "variants",
    ])
    .optional()
    .openapi({ description: "The step that decided; absent when the flag is broken." }),
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
  bucket: z.number().min(0).lt(100).optional().openapi({
    description: "The user's place: in when it is below the percentage. Absent without an id.",
  }),
  rollout_pct: z.number().min(0).max(100),
  killed_at_edge: z.boolean().nullable().openapi({
    description: "Whether a kill holds the flag off at the edge; null when Redis does not answer.",
  }),
  edge_fault: z.string().optional().openapi({ description: "Why Redis does not answer." }),
};
