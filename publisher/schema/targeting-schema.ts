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
      "A condition on the context's attributes (docs/targeting-reference.md); {} matches every user.",
  },
} as const;

const bucketBy = {
  type: "string",
  pattern: ATTRIBUTE_PATTERN.source,
  maxLength: MAX_ATTRIBUTE_PATH,
  description: "The attribute that the bucket for this percentage is computed from. Absent: the flag's.",
} as const;

/** Only described here. The evaluator validates it: see `judgeContent`. */
const rule = z.unknown().openapi("Rule", {
  description:
    "A condition (`if`), and the result for users who match: the flag for a percentage of them, one variant, or off. The " +
    "first rule that matches decides.",
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

const rules = z
  .array(rule, "must be an array")
  .max(MAX_RULES, `must have at most ${MAX_RULES} items`)
  .openapi({ description: "Checked in order. The flag's percentage is for users whom no rule matches." });

const members = {
  allowlist: listOf(userId, 10_000).openapi({
    description: "User ids that have the flag at any percentage.",
  }),
  blocklist: listOf(userId, 10_000).openapi({
    description: "User ids that do not have the flag at any percentage.",
  }),
  plans: listOf(id, 100).openapi({
    description: "Only users with one of these plans can have the flag, besides the allowlist.",
  }),
  employees_only: boolean.openapi({ description: "The flag is on exactly for employees." }),
  rules,
};

/** The users who have a flag. Unknown members are refused, because the edge would turn the flag off. */
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
      message: "is on the blocklist too: remove it from one of the lists",
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

/** Null removes a member, also an unknown member that plain SQL has written. */
export const targetingPatch = z.preprocess((value, context) => {
  // zod's catchall drops __proto__ silently.
  if (typeof value === "object" && value !== null && Object.hasOwn(value, "__proto__")) {
    context.addIssue({ code: "custom", path: ["__proto__"], message: UNKNOWN_MEMBER });
  }
  return value;
}, patchMembers.nullable());
