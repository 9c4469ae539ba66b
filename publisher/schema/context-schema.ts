import { z } from "@hono/zod-openapi";
import { MAX_ATTRIBUTE_DEPTH, parseContext, type EvaluationContext } from "../../shared/flag/context.ts";
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
    // A loose object leaves this one out without a word, and the evaluator says no more than the attribute.
    const path = findProto(value, 0);
    if (path !== undefined) {
      issues.addIssue({
        code: "custom",
        path: [...path],
        message: "cannot be used: JavaScript reserves this name",
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

/** Where a member has that name, as far down as a context may go: what is deeper is refused for that. */
function findProto(value: unknown, depth: number): readonly (string | number)[] | undefined {
  if (typeof value !== "object" || value === null || depth > MAX_ATTRIBUTE_DEPTH) return undefined;
  for (const [name, item] of Object.entries(value)) {
    const step = Array.isArray(value) ? Number(name) : name;
    if (name === "__proto__") return [step];
    const below = findProto(item, depth + 1);
    if (below !== undefined) return [step, ...below];
  }
  return undefined;
}
