import { z } from "@hono/zod-openapi";
import { rules } from "./rule-schema.ts";
import { OBJECT, boolean, id, listOf, userId } from "./text-schema.ts";

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
