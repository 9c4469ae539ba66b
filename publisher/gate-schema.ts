import { z } from "@hono/zod-openapi";
import { gatePatternFault, isNormalPath, matchesGate } from "./gate-pattern.ts";
import { OBJECT, text } from "./text-schema.ts";

const path = text(512)
  .regex(/^\/(?![/\\])/, "must be a path that begins with one /")
  .refine(isNormalPath, "must be written as browsers send it: percent-encoded, without /./ or /../")
  .openapi({ example: "/classic" });

const pattern = text(256)
  .regex(/^\//, "must begin with /")
  .superRefine((value, context) => {
    const message = gatePatternFault(value);
    if (message !== undefined) context.addIssue({ code: "custom", message });
  })
  .openapi({ example: "/ai/*" });

export const gate = z
  .strictObject(
    {
      pattern,
      otherwise: z.union(
        [
          z.strictObject({ rewrite: path }),
          z.strictObject({
            redirect: path,
            status: z.union([z.literal(302), z.literal(303), z.literal(307)]).default(302),
          }),
          z.strictObject({ status: z.union([z.literal(403), z.literal(404), z.literal(410)]) }),
        ],
        'must be {"rewrite": path}, {"redirect": path, "status": 302, 303 or 307} or {"status": 403, 404 or 410}',
      ),
    },
    OBJECT,
  )
  .openapi("Gate", { example: { pattern: "/ai/*", otherwise: { rewrite: "/classic" } } });

/** Pages that only those see for whom the flag is on. */
export const gates = z
  .array(gate, "must be an array")
  .max(20, "must have at most 20 items")
  .superRefine((list, context) => {
    for (const [index, { otherwise }] of list.entries()) {
      if (!("redirect" in otherwise)) continue;
      // Whoever is sent there would be sent there again.
      if (!list.some((gate) => matchesGate(gate.pattern, otherwise.redirect))) continue;
      context.addIssue({
        code: "custom",
        path: [index, "otherwise", "redirect"],
        message: "leads to a page that this flag gates itself: the redirect would never end",
      });
    }
  });
