import { html } from "hono/html";
import type { HtmlEscapedString } from "hono/utils/html";

type Html = HtmlEscapedString | Promise<HtmlEscapedString>;

/** The parts of a JSON Schema that the API's own schemas use. */
export interface JsonSchema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | JsonSchema;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly format?: string;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMaximum?: number;
  readonly multipleOf?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly maxItems?: number;
}

/** The constraints that are said in words, in the order in which they are said. */
const WORDS: { readonly [Name in keyof JsonSchema]?: (value: unknown) => string } = {
  format: String,
  pattern: (value) => `matching ${String(value)}`,
  minimum: (value) => `from ${String(value)}`,
  maximum: (value) => `to ${String(value)}`,
  exclusiveMaximum: (value) => `below ${String(value)}`,
  multipleOf: (value) => `in steps of ${String(value)}`,
  minLength: (value) => `at least ${String(value)} characters`,
  maxLength: (value) => `at most ${String(value)} characters`,
  maxItems: (value) => `at most ${String(value)} items`,
  default: (value) => `default ${JSON.stringify(value)}`,
};

/** Says in a line what a value must be; named schemas become links to `#schema-<name>`. */
export function describeSchema(schema: JsonSchema): Html {
  const constraints = Object.entries(WORDS).flatMap(([name, say]) => {
    const value = schema[name as keyof JsonSchema];
    return value === undefined ? [] : [say(value)];
  });
  return html`${kindOf(schema)}${constraints.length > 0 ? `, ${constraints.join(", ")}` : ""}`;
}

function kindOf(schema: JsonSchema): Html {
  const { $ref, const: constant, enum: values, anyOf, allOf, items, type } = schema;
  if ($ref !== undefined) {
    const name = $ref.split("/").at(-1) ?? $ref;
    return html`<a href="#schema-${name}">${name}</a>`;
  }
  if (constant !== undefined) return html`<code>${JSON.stringify(constant)}</code>`;
  if (values !== undefined)
    return html`<code>${values.map((value) => JSON.stringify(value)).join(" | ")}</code>`;
  if (anyOf !== undefined) return join(anyOf, " or ");
  if (allOf !== undefined) return join(allOf, " and ");
  if (items !== undefined) return html`array of ${describeSchema(items)}`;
  if (schema.properties !== undefined) return describeMembers(schema.properties);
  return html`${[type ?? "any"].flat().join(" or ")}`;
}

function describeMembers(properties: Readonly<Record<string, JsonSchema>>): Html {
  const members = Object.entries(properties).map(
    ([name, member], index) => html`${index > 0 ? ", " : ""}<code>${name}</code>: ${describeSchema(member)}`,
  );
  return html`{ ${members} }`;
}

function join(schemas: readonly JsonSchema[], word: string): Html {
  return html`${schemas.map((schema, index) => html`${index > 0 ? word : ""}${describeSchema(schema)}`)}`;
}
