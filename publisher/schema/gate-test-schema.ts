import { z } from "@hono/zod-openapi";
import { publishState } from "./answer-schema.ts";
import { SITE } from "../../shared/gate/closings.ts";
import { evaluationContext } from "./context-schema.ts";
import { explanation } from "./explain-schema.ts";
import { gate } from "./gate-schema.ts";
import { boolean, flagKey, OBJECT } from "./text-schema.ts";

const URL_FORM = "must be a path that begins with /, or an http or https URL";

/** Browsers percent-encode all other characters, and URL parsers drop some of them. */
const PRINTABLE = /^[\x21-\x7e]*$/;

/** The page that a browser asks for: a whole URL, or a path of the site. */
const requestUrl = z
  .string("must be a string")
  .max(8_192, "must have at most 8192 characters")
  .refine(
    (value) => PRINTABLE.test(value),
    "contains a space, a control character or a non-ASCII character: percent-encode it",
  )
  .transform((value, issues): URL => {
    // Joined as text: resolved against a base, `//ai` would be another host.
    const url = URL.parse(value.startsWith("/") ? SITE.origin + value : value);
    if (url !== null && /^https?:$/.test(url.protocol)) return url;
    issues.addIssue({ code: "custom", message: URL_FORM });
    return z.NEVER;
  })
  .openapi({ type: "string", description: URL_FORM, example: "/ai/chat" });

/** The body of a request to test gates. */
export const gateTestRequest = z
  .strictObject(
    {
      url: requestUrl,
      context: evaluationContext
        .optional()
        .openapi({ description: "The visitor. Without it, nothing is known about the visitor." }),
      cold: boolean.default(false).openapi({
        description: "Test a worker without a snapshot: every gate is closed to every visitor.",
      }),
    },
    OBJECT,
  )
  .openapi("GateTestRequest", { example: { url: "/ai/chat", context: { userId: "user-1" } } });

const path = z.string().openapi({ example: "/classic?q=1" });

const outcome = z
  .union([
    z.object({ action: z.enum(["pass", "rewrite"]), path }),
    z.object({ action: z.literal("redirect"), path, status: z.int() }),
    z.object({
      action: z.literal("status"),
      status: z.int(),
      why: z.enum(["gate", "circle", "unreadable_path"]).openapi({
        description: "A gate sets the status; gates lead in a circle; or the path has too many readings.",
      }),
      page: z
        .object({
          path,
          shown: path.optional().openapi({
            description:
              "The path that the origin is asked for. Absent when this page is closed too: the worker then shows a plain page.",
          }),
        })
        .optional(),
    }),
  ])
  .openapi({
    description: "`path` is the page that the origin is asked for, or the target of the redirect.",
  });

/** What gates do to a request. */
export const gateTest = z
  .object({
    path: path.openapi({ description: "Path and query, as the worker reads them." }),
    outcome,
    steps: z
      .array(
        z.object({
          path,
          gates: z.array(
            z.object({
              flag_key: flagKey,
              ...gate.shape,
              reading: z.string().nullable().openapi({
                description: "The path as the gate read it; null when it has too many readings.",
              }),
              open: z.boolean(),
              decided: z.boolean().openapi({ description: "Whether it is the first closed gate." }),
            }),
          ),
        }),
      )
      .openapi({
        description: "Every page on the way, by rewrites, with all gates for it, the most specific first.",
      }),
    flags: z
      .array(explanation)
      .openapi({ description: "Why the flags of these gates are on or off; empty when `cold`." }),
    ...publishState,
  })
  .openapi("GateTest");

export type GateTestResult = Omit<z.output<typeof gateTest>, keyof typeof publishState>;
