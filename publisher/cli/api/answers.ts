import { z } from "zod";
import * as answer from "../../schema/answer-schema.ts";
import * as explain from "../../schema/explain-schema.ts";
import * as flags from "../../schema/flag-schema.ts";
import * as gates from "../../schema/gate-test-schema.ts";
import * as overrides from "../../schema/override-schema.ts";
import * as previews from "../../schema/preview-schema.ts";
import * as segments from "../../schema/segment-schema.ts";

/**
 * Keeps the shape of a schema and drops its limits: SQL or a newer publisher may send values and members that this
 * version does not know.
 */
function tolerant<Schema extends z.ZodType>(schema: Schema): z.ZodType<z.output<Schema>> {
  return shapeOf(schema) as z.ZodType<z.output<Schema>>;
}

function shapeOf(schema: unknown): z.ZodType {
  if (schema instanceof z.ZodObject) {
    const members = Object.entries<unknown>(schema.shape).map(
      ([name, member]) => [name, shapeOf(member)] as const,
    );
    return z.looseObject(Object.fromEntries(members));
  }
  if (schema instanceof z.ZodArray) return z.array(shapeOf(schema.element));
  if (schema instanceof z.ZodOptional) return shapeOf(schema.unwrap()).optional();
  if (schema instanceof z.ZodDefault) return shapeOf(schema.unwrap()).optional();
  if (schema instanceof z.ZodNullable) return shapeOf(schema.unwrap()).nullable();
  if (schema instanceof z.ZodUnion) return z.union(schema.options.map(shapeOf));
  if (!(schema instanceof z.ZodType)) throw new TypeError("not a zod schema");
  if (schema.def.type === "string" || schema.def.type === "enum") return z.string();
  return schema.def.type === "number" ? z.number() : schema;
}

export const flagAnswer = tolerant(flags.flagAnswer);
export const flagList = tolerant(flags.flagList);
export const flagDeletion = tolerant(flags.flagDeletion);
export const killAnswer = tolerant(z.union([flags.toggleAnswer, flags.unrecordedKill]));
export const status = tolerant(answer.status);
export const explanation = tolerant(explain.explanationAnswer);
export const explanations = tolerant(explain.explanations);
export const gateTest = tolerant(gates.gateTest);
export const preview = tolerant(previews.preview);
export const segmentAnswer = tolerant(segments.segmentAnswer);
export const segmentList = tolerant(segments.segmentList);
export const segmentDeletion = tolerant(segments.segmentDeletion);

/** The path becomes a link: without this check, it could change the host. */
export const signedOverride = tolerant(overrides.signedOverride).refine(({ path }) =>
  /^\/[\x21-\x7e]+$/.test(path),
);

/** The type distinguishes the API's problems from those of a proxy. */
export const problem = tolerant(
  answer.outdatedProblem.partial({ status: true, etag: true, changes: true }),
).refine(({ type }) => type.startsWith("urn:sluice:problem:"));

/** The state of Redis in a problem of /status while Postgres does not answer. */
export const redisState = tolerant(
  z.object({
    redis: answer.status.shape.redis,
    redis_fault: z.string().nullable(),
    pending_kills: answer.status.shape.pending_kills,
  }),
);

export type PublishState = Pick<FlagAnswer, keyof typeof answer.publishState>;
export type FlagAnswer = z.output<typeof flagAnswer>;
export type Flag = FlagAnswer["flag"];
export type FlagList = z.output<typeof flagList>;
export type KillAnswer = z.output<typeof killAnswer>;
export type Status = z.output<typeof status>;
export type RedisState = z.output<typeof redisState>;
export type Explained = explain.Explanation;
export type Step = Explained["steps"][number];
export type GateTest = z.output<typeof gateTest>;
export type Preview = z.output<typeof preview>;
export type SignedOverride = z.output<typeof signedOverride>;
export type SegmentAnswer = z.output<typeof segmentAnswer>;
export type Segment = SegmentAnswer["segment"];
export type ProblemBody = z.output<typeof problem>;
export type Change = NonNullable<ProblemBody["changes"]>[number];
