import { z } from "@hono/zod-openapi";
import { Problem } from "../problem/problem.ts";
import { FLAG_SORTS, type FlagQuery, type FlagSort, type ListedFlag } from "../postgres/list-flags.ts";
import { jsonOrUndefined } from "../../shared/flag/members.ts";

const SORT_ORDERS = FLAG_SORTS.flatMap((sort) => [sort, `-${sort}`] as const);

const booleanText = z
  .enum(["true", "false"], "must be true or false")
  .transform((text) => text === "true")
  .openapi({ type: "boolean" });

const phrase = (maximum: number) =>
  z
    .string()
    .min(1, "must not be empty")
    .max(maximum, `must have at most ${maximum} characters`)
    // Postgres cannot store NUL, so nothing can match it.
    .refine((text) => !text.includes("\0"), "contains a NUL character: remove it");

/** The query of `GET /flags`, as text. */
export const listParameters = z.strictObject({
  q: phrase(100).optional().openapi({ description: "Part of the key or the description, in any case." }),
  enabled: booleanText.optional(),
  archived: booleanText.default(false),
  tag: phrase(50).optional(),
  owner: phrase(200).optional(),
  sort: z.enum(SORT_ORDERS, `must be one of ${SORT_ORDERS.join(", ")}`).default("key"),
  limit: z
    .string()
    .regex(/^\d{1,4}$/, "must be a whole number from 1 to 500")
    .transform(Number)
    .refine((limit) => limit >= 1 && limit <= 500, "must be a whole number from 1 to 500")
    .default(100)
    .openapi({ type: "integer", minimum: 1, maximum: 500, default: 100 }),
  cursor: z.string().max(1_024, "is too long").optional().openapi({
    description: "`next_cursor` of the previous page. Send it with the same other parameters.",
  }),
});

export function toFlagQuery(parameters: z.output<typeof listParameters>): FlagQuery {
  const { q: search, sort: order, cursor, ...others } = parameters;
  const sort = FLAG_SORTS.find((name) => order.endsWith(name)) ?? "key";
  const after = cursor === undefined ? undefined : readCursor(cursor, sort);
  return { ...others, search, sort, descending: order.startsWith("-"), after };
}

/** Plain SQL can store any time, also infinity. */
const SECONDS = /^-?(\d{1,15}(\.\d{1,6})?|Infinity)$/;

/** The form of a sort value as Postgres' text. A cursor is untrusted input. */
const SORT_VALUES: { readonly [Sort in FlagSort]: RegExp } = {
  key: /^[a-z][a-z0-9_-]{0,63}$/,
  created_at: SECONDS,
  updated_at: SECONDS,
  rollout_pct: /^\d{1,3}(\.\d\d)?$/,
};

const cursorContent = z.tuple([z.enum(FLAG_SORTS), z.string(), z.string().regex(SORT_VALUES.key)]);

/** The start of the next page. */
export function toCursor(query: FlagQuery, last: ListedFlag): string {
  return Buffer.from(JSON.stringify([query.sort, last.sortValue, last.row.key])).toString("base64url");
}

function readCursor(cursor: string, sort: FlagSort): { value: string; key: string } {
  const content = cursorContent.safeParse(jsonOrUndefined(Buffer.from(cursor, "base64url").toString()));
  if (!content.success || content.data[0] !== sort || !SORT_VALUES[sort].test(content.data[1])) {
    throw new Problem("invalid-request", "cursor: is not the next_cursor of this list and sort order", {
      errors: [
        { pointer: "cursor", detail: "send the next_cursor of the previous page unchanged, or leave it out" },
      ],
    });
  }
  return { value: content.data[1], key: content.data[2] };
}
