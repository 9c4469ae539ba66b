import { z } from "@hono/zod-openapi";
import { flag } from "./flag-schema.ts";
import { flagKey } from "./text-schema.ts";

/** Where Postgres and Redis stand: part of every answer about flags. */
export const standing = {
  epoch: z.int().min(0).openapi({ example: 1 }),
  revision: z.int().min(0).openapi({ description: "Where Postgres stands.", example: 412 }),
  published: z.boolean().openapi({ description: "Whether Redis is known to hold that revision." }),
};

export const flagAnswer = z.object({ flag, ...standing }).openapi("FlagAnswer");

const entityTag = z.string().openapi({ example: '"1.412"' });

const problem = z
  .looseObject({
    type: z.string().openapi({ example: "urn:sluice:problem:invalid-request" }),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    errors: z
      .array(
        z.object({
          pointer: z.string().openapi({
            description: "A JSON pointer into the body; the name of a parameter or header.",
            example: "/rollout_pct",
          }),
          detail: z.string().openapi({ example: "must be from 0 to 100" }),
        }),
      )
      .optional(),
  })
  .openapi("Problem", { description: "RFC 9457. Says what is wrong, never what was sent." });

const outdated = problem
  .extend({
    etag: entityTag,
    changes: z.array(
      z.object({
        epoch: z.int(),
        revision: z.int(),
        at: z.iso.datetime(),
        actor: z.string(),
        action: z.enum(["create", "update", "delete", "truncate"]),
        changed: z.array(z.string()).openapi({ example: ["rollout_pct"] }),
      }),
    ),
  })
  .openapi("OutdatedProblem", { description: "What changed since the state that If-Match names." });

const FAILURES: { readonly [status: number]: string } = {
  400: "The request is malformed.",
  401: "The admin token is missing or another one.",
  404: "There is no such flag or segment.",
  409: "This conflicts with what is there.",
  412: "It has changed since the state that If-Match names.",
  413: "The body is too large.",
  415: "The body is not sent as JSON.",
  422: "The request is not valid: `errors` says where and why.",
  428: "This needs If-Match.",
  500: "An unexpected fault of the publisher.",
  503: "Postgres or Redis does not answer.",
};

/** The problems that an operation may answer with, beside those that each may. */
export function failures(...statuses: readonly number[]) {
  const all = [...statuses, 401, 500, 503];
  return Object.fromEntries(
    all.map((status) => [
      status,
      {
        description: FAILURES[status] ?? "",
        content: { "application/problem+json": { schema: status === 412 ? outdated : problem } },
      },
    ]),
  );
}

/** A JSON answer. */
export const json = <Schema extends z.ZodType>(schema: Schema, description: string) => ({
  description,
  content: { "application/json": { schema } },
});

/** A flag as it is, with the entity tag that a later write is based on. */
export const flagWithTag = (description: string) => ({
  ...json(flagAnswer, description),
  headers: z.object({ ETag: entityTag }),
});

/** A JSON body. */
export const body = <Schema extends z.ZodType>(schema: Schema, example: unknown) => ({
  content: { "application/json": { schema, example } },
  required: true,
});

export const params = z.object({ key: flagKey.openapi({ param: { name: "key", in: "path" } }) });

export const ifMatch = z.object({
  "if-match": z.string().optional().openapi({
    description: 'The ETag of what you saw, or "*" for any state.',
    example: '"1.412"',
  }),
});

export const ifNoneMatch = z.object({
  "if-none-match": z.string().optional().openapi({
    description: "The ETag of what you hold: answered with 304 when it is still that.",
    example: '"1.412"',
  }),
});
