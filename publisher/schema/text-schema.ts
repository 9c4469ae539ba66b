import { z } from "@hono/zod-openapi";
import { neverAnId } from "../../shared/bucketing/bucketing-id.ts";
import { ATTRIBUTE_PATTERN, KEY_FORM, KEY_PATTERN, MAX_ATTRIBUTE_PATH } from "../../shared/flag/flag.ts";

const CONTROL = /\p{Cc}/u;

/** One line of text that Postgres can store. */
export const text = (maximum: number) =>
  z
    .string("must be a string")
    .max(maximum, `must have at most ${maximum} characters`)
    .refine((value) => value.isWellFormed(), "contains a lone surrogate: send whole Unicode characters")
    .refine((value) => !CONTROL.test(value), "contains a control character: remove it");

export const id = text(256).min(1, "must not be empty");

/** A list without repetitions. */
export const listOf = (item: z.ZodType<string>, maximum: number) =>
  z
    .array(item, "must be an array of strings")
    .max(maximum, `must have at most ${maximum} items`)
    .refine((items) => new Set(items).size === items.length, "names the same item twice");

/** The prefix of ids from the anonymous cookie. A user id with it could be taken for an anonymous id. */
const ANONYMOUS_PREFIX = "anon-";

export const userId = id.refine(
  (value) => !value.startsWith(ANONYMOUS_PREFIX),
  'must not begin with "anon-", the prefix of anonymous ids: only user ids are allowed',
);

/** The form of flag keys, salts and names of segments. */
const key = z.string("must be a string").regex(KEY_PATTERN, KEY_FORM);

export const flagKey = key.openapi({ example: "ai_search" });

export const salt = key.openapi({ example: "ai_search-2" });

export const segmentName = key.openapi({ example: "beta-testers" });

/** The attribute that buckets are computed from. */
export const bucketBy = z
  .string("must be a string")
  .max(MAX_ATTRIBUTE_PATH, `must have at most ${MAX_ATTRIBUTE_PATH} characters`)
  .regex(ATTRIBUTE_PATTERN, "must name an attribute: letters, digits and _, with dots between nested names")
  .superRefine((path, context) => {
    const message = neverAnId(path);
    if (message !== undefined) context.addIssue({ code: "custom", message });
  })
  .openapi({ example: "organization" });

/** The error for any value that is not a JSON object. */
export const OBJECT = "must be a JSON object";

export const boolean = z.boolean("must be true or false");
