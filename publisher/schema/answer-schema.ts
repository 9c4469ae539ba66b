import { z } from "@hono/zod-openapi";

/** Whether the edge's store has what Postgres has: part of every answer about flags and segments. */
export const publishState = {
  epoch: z.int().min(0).openapi({ example: 1 }),
  revision: z.int().min(0).openapi({ description: "The revision in Postgres.", example: 412 }),
  published: z.boolean().openapi({ description: "Whether Redis is known to have that revision." }),
};

export const entityTag = z.string().openapi({ example: '"1.412"' });

/** Every error. */
export const problem = z
  .looseObject({
    type: z.string().openapi({ example: "urn:sluice:problem:invalid-request" }),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    errors: z
      .array(
        z.object({
          pointer: z.string().openapi({
            description: "A JSON pointer into the body; or the name of a parameter or header.",
            example: "/rollout_pct",
          }),
          detail: z.string().openapi({ example: "must be a number from 0 to 100" }),
        }),
      )
      .optional(),
  })
  .openapi("Problem", {
    description: "RFC 9457. Names the fault and its place, and never repeats the whole value.",
  });

/** The error 412. */
export const outdatedProblem = problem
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
  .openapi("OutdatedProblem", { description: "Lists the changes since the state that If-Match names." });

export const health = z.object({ status: z.enum(["ok", "failing", "diverged"]) }).openapi("Health");

const version = z.object({ epoch: z.int(), revision: z.int() });

/** Postgres and Redis side by side. */
export const status = z
  .object({
    ...publishState,
    changed_at: z.iso.datetime().openapi({ description: "When that revision was committed to Postgres." }),
    changed_ms_ago: z.int().min(0).openapi({ description: "Its age in milliseconds, by Postgres' clock." }),
    redis: version
      .nullable()
      .openapi({ description: "The revision in Redis, read for this answer; null: none that can be read." }),
    fault: z
      .string()
      .nullable()
      .openapi({ description: "Why the last publish failed, or the fault of the data in Redis." }),
    pending_kills: z
      .array(z.string())
      .nullable()
      .openapi({ description: "Flags killed at the edge and not yet recorded in Postgres; null: unknown." }),
    diverged: z.boolean().openapi({
      description:
        "Redis and Postgres contradict each other. Nothing is published until `sluice publish --force`.",
    }),
    divergence: z
      .object({ why: z.string(), since: z.iso.datetime(), redis: version })
      .nullable()
      .openapi({ description: "What was found, and when." }),
    listen: z
      .object({
        mode: z.enum(["connecting", "listening", "polling"]),
        every_ms: z
          .int()
          .optional()
          .openapi({ description: "How often the revision is read while polling." }),
        why: z.string().optional().openapi({ description: "Why nothing listens." }),
      })
      .optional()
      .openapi({ description: "How this publisher learns of changes by plain SQL and by other publishers." }),
  })
  .openapi("Status");

export type StatusAnswer = z.output<typeof status>;
