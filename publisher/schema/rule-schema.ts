import { z } from "@hono/zod-openapi";
import {
  ATTRIBUTE_PATTERN,
  KEY_PATTERN,
  MAX_ATTRIBUTE_PATH,
  MAX_RULES,
  MAX_RULE_DESCRIPTION,
} from "../../shared/flag/flag.ts";

const members = {
  id: {
    type: "string",
    pattern: KEY_PATTERN.source,
    example: "eu-companies",
    description: "Unique in the flag.",
  },
  description: { type: "string", maxLength: MAX_RULE_DESCRIPTION, description: "For people." },
  if: {
    type: "object",
    description:
      "A condition on the context's attributes, as docs/targeting-reference.md describes it; {} is everybody.",
  },
} as const;

const bucketBy = {
  type: "string",
  pattern: ATTRIBUTE_PATTERN.source,
  maxLength: MAX_ATTRIBUTE_PATH,
  description: "By whose value people are placed for this percentage; by the flag's when it is absent.",
} as const;

/** Described here, judged by the evaluator: see `judgeContent`. */
const rule = z.unknown().openapi("Rule", {
  description:
    "Whom it is for (`if`), and what they get: a percentage of them, one variant of the flag, or off. The first rule " +
    "that matches decides.",
  anyOf: [
    {
      type: "object",
      required: ["id", "if", "rollout_pct"],
      properties: {
        ...members,
        rollout_pct: { type: "number", minimum: 0, maximum: 100, multipleOf: 0.01 },
        bucket_by: bucketBy,
      },
      additionalProperties: false,
    },
    {
      type: "object",
      required: ["id", "if", "variant"],
      properties: { ...members, variant: { type: "string", pattern: KEY_PATTERN.source } },
      additionalProperties: false,
    },
    {
      type: "object",
      required: ["id", "if", "off"],
      properties: { ...members, off: { const: true } },
      additionalProperties: false,
    },
  ],
  example: { id: "eu-companies", if: { country: { $in: ["DE", "FR"] } }, rollout_pct: 50 },
});

/** A flag's rules. */
export const rules = z
  .array(rule, "must be an array")
  .max(MAX_RULES, `must have at most ${MAX_RULES} items`)
  .openapi({ description: "Asked in order; the flag's percentage is for those whom none of them matches." });
