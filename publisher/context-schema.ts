import { z } from "@hono/zod-openapi";
import { parseContext, type EvaluationContext } from "../shared/context.ts";
import { boolean, text, userId } from "./text-schema.ts";

/** Null and the empty string count as missing, as they do at the edge. */
const attribute = text(256).nullable().optional();

const known = {
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
};

const attributes = z
  .looseObject(known, "must be an object, the evaluation context")
  .openapi("Context", { example: { userId: "user-1", plan: "enterprise", organization: "acme" } });

/** An evaluation context that somebody sends: whatever attributes it has, nothing in it is ignored. */
export const evaluationContext = z
  .preprocess((value, issues) => {
    // A loose object leaves this one out without a word.
    if (typeof value === "object" && value !== null && Object.hasOwn(value, "__proto__")) {
      issues.addIssue({
        code: "custom",
        path: ["__proto__"],
        message: "cannot be used: the name has a meaning of its own in JavaScript",
      });
    }
    return value;
  }, attributes)
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
  });
