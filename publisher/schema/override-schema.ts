import { z } from "@hono/zod-openapi";
import { KEY_FORM, KEY_PATTERN } from "../../shared/flag/flag.ts";
import { MAX_OVERRIDE_FLAGS, MAX_OVERRIDE_S } from "../../shared/flag/override.ts";
import { OBJECT, flagKey } from "./text-schema.ts";
import { PROTO } from "./unfit-json.ts";

/** The minimum lifetime of an override, in seconds: long enough to open the link. */
const MIN_OVERRIDE_S = 60;

const forced = z
  .string('must be "on", "off" or the key of a variant')
  .regex(KEY_PATTERN, `must be "on", "off" or the key of a variant, which ${KEY_FORM}`)
  .openapi({
    description: '"on" (the visitor keeps the assigned variant), "off", or the key of a variant.',
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

/** zod's record drops __proto__ silently: the override would lack a flag that the request names. */
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
      expires_in: expiresIn.openapi({ description: "The lifetime, in seconds." }),
    },
    OBJECT,
  )
  .openapi("OverrideRequest");

/** A signed override. */
export const signedOverride = z
  .object({
    id: z.string().openapi({ description: "The id in the audit and the log; the token's `jti`." }),
    token: z
      .string()
      .openapi({ description: "Anyone who has the token has the forced flags: keep it out of logs." }),
    path: z.string().openapi({ description: "The link is the site's address, followed by this path." }),
    ends_at: z.iso.datetime(),
    edge_fault: z.string().optional().openapi({
      description: "Why Redis does not answer. Kills are then unknown.",
    }),
    flags: z.array(
      z.object({
        flag_key: flagKey,
        forced: z.string(),
        in_force: z.enum(["always", "depends", "never"]).openapi({
          description:
            "Whether the override has an effect now: for all who open the link, for some, or for nobody.",
        }),
        detail: z.string().optional().openapi({ description: "Why not for all." }),
      }),
    ),
  })
  .openapi("SignedOverride");

export type OverrideAnswer = z.output<typeof signedOverride>;
