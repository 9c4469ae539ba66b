import { z } from "@hono/zod-openapi";
import {
  KEY_PATTERN,
  MAX_REQUIRES,
  MAX_VALUE_BYTES,
  MAX_VARIANTS,
  MAX_WEIGHT,
} from "../../shared/flag/flag.ts";

const key = { type: "string", pattern: KEY_PATTERN.source } as const;

/** Described here, judged by the evaluator: see `judgeContent`. */
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
    value: { description: `Any JSON of at most ${MAX_VALUE_BYTES} bytes: a prompt, a model's name.` },
  },
  additionalProperties: false,
  example: { key: "large", weight: 1, value: { model: "large-2" } },
});

/** What those get who are in; none for a flag that is on or off. */
export const variants = z
  .array(variant, "must be an array")
  .max(MAX_VARIANTS, `must have at most ${MAX_VARIANTS} items`)
  .openapi({ description: "What those get who are in; empty for a flag that is on or off." });

const requirement = z.unknown().openapi("Requirement", {
  type: "object",
  required: ["flag"],
  properties: {
    flag: { ...key, description: "The key of another flag." },
    variant: { ...key, description: "One of its variants; without it, any will do." },
  },
  additionalProperties: false,
  example: { flag: "ai_base" },
});

/** Other flags that have to be on. */
export const requires = z
  .array(requirement, "must be an array")
  .max(MAX_REQUIRES, `must have at most ${MAX_REQUIRES} items`)
  .openapi({ description: "Other flags that have to be on, with that variant if one is named." });
