import { z } from "@hono/zod-openapi";
import {
  ATTRIBUTE_PATTERN,
  KEY_PATTERN,
  MAX_ATTRIBUTE_PATH,
  MAX_RULES,
  MAX_RULE_DESCRIPTION,
} from "../../shared/flag/flag.ts";
import { OBJECT, boolean, id, listOf, userId } from "./text-schema.ts";

const ruleMembers = {
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
        ...ruleMembers,
        rollout_pct: { type: "number", minimum: 0, maximum: 100, multipleOf: 0.01 },
        bucket_by: bucketBy,
      },
      additionalProperties: false,
    },
    {
      type: "object",
      required: ["id", "if", "variant"],
      properties: { ...ruleMembers, variant: { type: "string", pattern: KEY_PATTERN.source } },
      additionalProperties: false,
    },
    {
      type: "object",
      required: ["id", "if", "off"],
      properties: { ...ruleMembers, off: { const: true } },
      additionalProperties: false,
    },
  ],
  example: { id: "eu-companies", if: { country: { $in: ["DE", "FR"] } }, rollout_pct: 50 },
});

/** A flag's rules. */
const rules = z
  .array(rule, "must be an array")
  .max(MAX_RULES, `must have at most ${MAX_RULES} items`)
  .openapi({ description: "Asked in order; the flag's percentage is for those whom none of them matches." });

const members = {
  allowlist: listOf(userId, 10_000).openapi({
    description: "User ids that are in, whatever the percentage.",
  }),
  blocklist: listOf(userId, 10_000).openapi({
    description: "User ids that are out, whatever the percentage.",
  }),
  plans: listOf(id, 100).openapi({ description: "Only users on one of these go on to the percentage." }),
  employees_only: boolean.openapi({ description: "In exactly when the user is an employee." }),
  rules,
};

/** Whom a flag is for. An unknown member is refused, since the edge would have to switch the flag off for it. */
export const targeting = z
  .strictObject(members, OBJECT)
  .partial()
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
  .openapi("Targeting", { example: { allowlist: ["user-1"], plans: ["enterprise"] } });

const UNKNOWN_MEMBER = "is an unknown member";

const patchMembers = z
  .object(
    {
      allowlist: members.allowlist.nullable(),
      blocklist: members.blocklist.nullable(),
      plans: members.plans.nullable(),
      employees_only: members.employees_only.nullable(),
      rules: members.rules.nullable(),
    },
    OBJECT,
  )
  .partial()
  .catchall(z.null(UNKNOWN_MEMBER))
  .openapi("TargetingPatch");

/** Null takes a member away: also one that only plain SQL can have put there. */
export const targetingPatch = z.preprocess((value, context) => {
  // A catchall leaves this one out without a word.
  if (typeof value === "object" && value !== null && Object.hasOwn(value, "__proto__")) {
    context.addIssue({ code: "custom", path: ["__proto__"], message: UNKNOWN_MEMBER });
  }
  return value;
}, patchMembers.nullable());
