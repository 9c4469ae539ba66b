import { z } from "@hono/zod-openapi";
import { SITE, closingsOf } from "../../shared/gate/closings.ts";
import { readGates } from "../../shared/gate/gate-table.ts";
import { gatePatternFault, isNormalPath } from "./gate-pattern.ts";
import { OBJECT, text } from "./text-schema.ts";

/** The start of a path on this site: `//host` and `/\host` would lead to another site. */
const OF_THIS_SITE = /^\/(?![/\\])/;

const path = text(512)
  .regex(OF_THIS_SITE, "must be a path that begins with one /")
  .refine(
    (value) => !OF_THIS_SITE.test(value) || isNormalPath(value),
    "must be written as browsers send it: percent-encoded, without /./ or /../",
  )
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
          z.strictObject({
            status: z.union([z.literal(403), z.literal(404), z.literal(410)]),
            page: path.optional(),
          }),
        ],
        'must be {"rewrite": path}, {"redirect": path, "status": 302, 303 or 307} or {"status": 403, 404 or 410, "page": path}, where page is optional',
      ),
    },
    OBJECT,
  )
  .openapi("Gate", { example: { pattern: "/ai/*", otherwise: { rewrite: "/classic" } } });

/** Pages that only users see for whom the flag is on. */
export const gates = z
  .array(gate, "must be an array")
  .max(20, "must have at most 20 items")
  .superRefine((list, context) => {
    for (const [index, { otherwise }] of list.entries()) {
      // The visitor would be redirected again and again.
      if (!("redirect" in otherwise) || !isGated(list, otherwise.redirect)) continue;
      context.addIssue({
        code: "custom",
        path: [index, "otherwise", "redirect"],
        message:
          "leads to a page that this flag gates too, so the redirect would never end: choose another page",
      });
    }
  });

function isGated(list: readonly { readonly pattern: string }[], path: string): boolean {
  const gates = list.map(({ pattern }) => ({ pattern, otherwise: { status: 404 } }));
  const [closing] = closingsOf(readGates([{ gates }]).table, new URL(path, SITE));
  return closing !== undefined;
}
