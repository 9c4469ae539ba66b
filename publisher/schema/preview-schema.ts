import { z } from "@hono/zod-openapi";
import { publishState } from "./answer-schema.ts";
import { evaluationContext } from "./context-schema.ts";
import { flagDraft } from "./flag-schema.ts";
import { OBJECT, flagKey } from "./text-schema.ts";

/** The largest sample. */
const MAX_CONTEXTS = 10_000;

/** The body of a request to preview a draft. */
export const previewRequest = z
  .strictObject(
    {
      draft: flagDraft,
      contexts: z
        .array(evaluationContext, "must be an array of evaluation contexts")
        .max(MAX_CONTEXTS, `must have at most ${MAX_CONTEXTS} items`),
    },
    OBJECT,
  )
  .openapi("PreviewRequest");

const count = z.int().min(0);

const sides = z.object({ on: count, off: count });

const byVariant = z.object({
  count,
  by_variant: z.record(z.string(), count).openapi({ description: '"on" for a flag without variants.' }),
});

const keys = z.array(z.string());

/** Which users of the sample get a flag by the draft, and which lose it. */
export const preview = z
  .object({
    contexts: count,
    before: sides,
    after: sides,
    gains: byVariant,
    loses: byVariant,
    moves: z.object({ count, by_variants: z.array(z.object({ from: z.string(), to: z.string(), count })) }),
    unchanged: count,
    also: z
      .array(z.object({ flag_key: flagKey, gains: count, loses: count }))
      .openapi({ description: "Flags that change because they require this one." }),
    examples: z
      .object({ gains: keys, loses: keys, moves: keys })
      .openapi({ description: "Targeting keys of the first ten of each." }),
    epoch: publishState.epoch,
    revision: publishState.revision,
  })
  .openapi("Preview");

export type PreviewAnswer = z.output<typeof preview>;
