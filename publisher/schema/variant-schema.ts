import { z } from "@hono/zod-openapi";
import {
  KEY_PATTERN,
  MAX_REQUIRES,
  MAX_VALUE_BYTES,
  MAX_VARIANTS,
  MAX_WEIGHT,
} from "../../shared/flag/flag.ts";

const key = { type: "string", pattern: KEY_PATTERN.source } as const;

/** Only described here. The evaluator validates it: see `judgeContent`. */
const variant = z.unknown().openapi("Variant", {
  type: "object",
  required: ["key", "weight"],
  properties: {
    key: { ...key, description: 'Unique in the flag, not "off".' },
    weight: {
      type: "integer",
      minimum: 0,
      maximum: MAX_WEIGHT,
      description: "Relative to the other variants' weights.",
    },
    value: { description: `Any JSON of at most ${MAX_VALUE_BYTES} bytes, for example a prompt.` },
  },
  additionalProperties: false,
  example: { key: "large", weight: 1, value: { model: "large-2" } },
});

export const variants = z
  .array(variant, "must be an array")
  .max(MAX_VARIANTS, `must have at most ${MAX_VARIANTS} items`)
  .openapi({ description: "The variants; empty for a flag that is only on or off." });

const requirement = z.unknown().openapi("Requirement", {
  type: "object",
  required: ["flag"],
  properties: {
    flag: { ...key, description: "The key of another flag." },
    variant: { ...key, description: "One of its variants. Absent: any variant." },
  },
  additionalProperties: false,
  example: { flag: "ai_base" },
});

export const requires = z
  .array(requirement, "must be an array")
  .max(MAX_REQUIRES, `must have at most ${MAX_REQUIRES} items`)
  .openapi({ description: "Other flags that must be on, with the named variant if there is one." });
