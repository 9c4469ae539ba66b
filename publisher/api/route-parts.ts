import { z } from "@hono/zod-openapi";
import { Problem } from "../problem/problem.ts";
import { entityTag, outdatedProblem, problem } from "../schema/answer-schema.ts";
import { flagAnswer } from "../schema/flag-schema.ts";
import { segmentAnswer } from "../schema/segment-schema.ts";
import { flagKey, segmentName } from "../schema/text-schema.ts";
import { parsePrecondition, toEntityTag, type Precondition } from "../write/precondition.ts";
import type { Version } from "../../shared/snapshot/revision.ts";

const FAILURES: { readonly [status: number]: string } = {
  400: "The request is malformed.",
  401: "The admin token is missing or wrong.",
  404: "The flag or segment does not exist.",
  409: "The request conflicts with other flags or segments, or with the settings.",
  412: "The flag or segment has changed since the state that If-Match names.",
  413: "The body is too large.",
  415: "The body is not sent as JSON.",
  422: "The request is not valid: `errors` says where and why.",
  428: "The request needs If-Match.",
  500: "An unexpected fault of the publisher.",
  503: "Postgres or Redis does not answer.",
};

/** The problems that an operation can answer with, besides those that every operation can. */
export function failures(...statuses: readonly number[]) {
  return Object.fromEntries(
    [...statuses, 401, 500, 503].map((status) => [
      status,
      {
        description: FAILURES[status] ?? "",
        content: { "application/problem+json": { schema: status === 412 ? outdatedProblem : problem } },
      },
    ]),
  );
}

/** A JSON answer. */
export const json = <Schema extends z.ZodType>(schema: Schema, description: string) => ({
  description,
  content: { "application/json": { schema } },
});

/** A JSON answer with the entity tag that the next write is based on. */
export const tagged = <Schema extends z.ZodType>(schema: Schema, description: string) => ({
  ...json(schema, description),
  headers: z.object({ ETag: entityTag }),
});

export const flagWithTag = (description = "The flag after the write.") => tagged(flagAnswer, description);

export const segmentWithTag = (description = "The segment after the write.") =>
  tagged(segmentAnswer, description);

/** The headers of an answer with 201. */
export const createdHeaders = z.object({ ETag: z.string(), Location: z.string() });

/** A JSON body. */
export const body = <Schema extends z.ZodType>(schema: Schema, example: unknown) => ({
  content: { "application/json": { schema, example } },
  required: true,
});

export const flagParams = z.object({ key: flagKey.openapi({ param: { name: "key", in: "path" } }) });

export const segmentParams = z.object({ name: segmentName.openapi({ param: { name: "name", in: "path" } }) });

export const ifMatch = z.object({
  "if-match": z.string().optional().openapi({
    description: 'The ETag of the state that you saw, or "*" for any state.',
    example: '"1.412"',
  }),
});

export const ifNoneMatch = z.object({
  "if-none-match": z.string().optional().openapi({
    description: "The ETag of the state that you have. The answer is 304 when nothing has changed since.",
    example: '"1.412"',
  }),
});

/** The audit names everybody who has the one admin token. */
export const ACTOR = "admin";

/** The headers of a request and of its answer. */
export interface HeaderContext {
  header(name: string, value: string): void;
  readonly req: { header(name: string): string | undefined };
}

export function ifMatchOf(context: HeaderContext): Precondition {
  return parsePrecondition("If-Match", context.req.header("if-match"));
}

export function ifNoneMatchOf(context: HeaderContext): Precondition {
  return parsePrecondition("If-None-Match", context.req.header("if-none-match"));
}

/** Without a body, the validator sees an empty object, which would be a change of nothing. */
export function requireBody(context: HeaderContext, detail: string): void {
  if (context.req.header("content-type") === undefined) throw new Problem("malformed-request", detail);
}

/** Sends the tag that the next write is based on. */
export function setEntityTag(context: HeaderContext, version: Version): void {
  context.header("etag", toEntityTag(version));
}
