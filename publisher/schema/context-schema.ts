import { z } from "@hono/zod-openapi";
import { MAX_ATTRIBUTE_DEPTH, parseContext, type EvaluationContext } from "../../shared/flag/context.ts";
import { boolean, text, userId } from "./text-schema.ts";
import { PROTO } from "./unfit-json.ts";

/** Null and the empty string count as missing, as they do at the edge. */
const attribute = text(256).nullable().optional();

const known = {
  userId: z
    .union([z.literal(""), userId], "must be a string of at most 256 characters, and not an anonymous id")
    .nullable()
    .optional(),
  anonymousId: attribute,
  plan: attribute,
  isEmployee: boolean.nullable().optional(),
  email: attribute,
  organization: attribute,
  country: attribute,
  targetingKey: attribute.openapi({
    description: "Derived: the userId, else the anonymousId. May be left out; another value is refused.",
  }),
};

const attributes = z
  .looseObject(known, "must be an object, the evaluation context")
  .openapi("Context", { example: { userId: "user-1", plan: "enterprise", organization: "acme" } });

/** An evaluation context with any attributes. No attribute is ignored silently. */
export const evaluationContext = z
  .preprocess((value, issues) => {
    // zod's loose object drops __proto__ silently.
    const path = findProto(value, 0);
    if (path !== undefined) {
      issues.addIssue({ code: "custom", path: [...path], message: PROTO });
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
        message: "is derived from userId, else from anonymousId: set one of these instead",
      });
    }
    return context;
  });

/** The path to a member __proto__, down to the depth that a context may have. Deeper contexts are refused anyway. */
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
