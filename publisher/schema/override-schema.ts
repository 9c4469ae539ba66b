import { z } from "@hono/zod-openapi";
import { KEY_FORM, KEY_PATTERN } from "../../shared/flag/flag.ts";
import { MAX_OVERRIDE_FLAGS, MAX_OVERRIDE_S } from "../../shared/flag/override.ts";
import { OBJECT, flagKey } from "./text-schema.ts";
import { PROTO } from "./unfit-json.ts";

/** The shortest that an override holds, in seconds: long enough to open the link. */
const MIN_OVERRIDE_S = 60;

const forced = z
  .string('must be "on", "off" or the key of a variant')
  .regex(KEY_PATTERN, `must be "on", "off" or the key of a variant, which ${KEY_FORM}`)
  .openapi({
    description: '"on" (with variants: the one that the visitor has anyway), "off", or a variant.',
  });

const expiresIn = z
  .int(`must be a whole number of seconds, from ${MIN_OVERRIDE_S} to ${MAX_OVERRIDE_S}`)
  .min(MIN_OVERRIDE_S, `must be at least ${MIN_OVERRIDE_S} seconds`)
  .max(MAX_OVERRIDE_S, `must be at most ${MAX_OVERRIDE_S} seconds, a week`);

const forcedFlags = z
  .record(flagKey, forced, OBJECT)
  .refine((flags) => Object.keys(flags).length > 0, "must name a flag")
  .refine(
    (flags) => Object.keys(flags).length <= MAX_OVERRIDE_FLAGS,
    `must name at most ${MAX_OVERRIDE_FLAGS} flags`,
  );

/** A record leaves this member out without a word: signed would be less than was asked for. */
function refuseProto(value: unknown, context: z.RefinementCtx): unknown {
  if (typeof value === "object" && value !== null && Object.hasOwn(value, "__proto__")) {
    context.addIssue({ code: "custom", path: ["__proto__"], message: PROTO });
  }
  return value;
}

/** The body of a request to sign an override. */
export const overrideRequest = z
  .strictObject(
    {
      flags: z.preprocess(refuseProto, forcedFlags),
      expires_in: expiresIn.openapi({ description: "How long it holds, in seconds." }),
    },
    OBJECT,
  )
  .openapi("OverrideRequest");

/** An override that was signed. */
export const signedOverride = z
  .object({
    id: z.string().openapi({ description: "Names it in the audit and the log; the token's `jti`." }),
    token: z.string().openapi({ description: "Whoever has it has what it names: keep it out of logs." }),
    path: z.string().openapi({ description: "Behind a worker's address this is the link." }),
    ends_at: z.iso.datetime(),
    edge_fault: z.string().optional().openapi({
      description: "Why Redis does not answer: whether a flag was killed is not known then.",
    }),
    flags: z.array(
      z.object({
        flag_key: flagKey,
        forced: z.string(),
        in_force: z.enum(["always", "depends", "never"]).openapi({
          description: "As things stand: for everybody who opens the link, for some of them, or for nobody.",
        }),
        detail: z.string().optional().openapi({ description: "Why not for everybody." }),
      }),
    ),
  })
  .openapi("SignedOverride");

export type OverrideAnswer = z.output<typeof signedOverride>;
