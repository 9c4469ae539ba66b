import { createHash } from "node:crypto";
import { html, raw } from "hono/html";
import type { HtmlEscapedString } from "hono/utils/html";
import type { z } from "@hono/zod-openapi";
import type { OpenApiDocument } from "./openapi.ts";

type JsonSchema = z.core.JSONSchema.JSONSchema;

/** The API has no boolean schemas, which JSON Schema allows too. */
const membersOf = ({ properties = {} }: JsonSchema) => properties as Readonly<Record<string, JsonSchema>>;

type Html = HtmlEscapedString | Promise<HtmlEscapedString>;

/** The parts of an operation that the page shows. */
interface Operation {
  readonly operationId?: string;
  readonly summary?: string;
  readonly description?: string;
  readonly security?: readonly unknown[];
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required?: boolean;
    readonly description?: string;
    readonly schema?: JsonSchema;
  }[];
  readonly requestBody?: { readonly required?: boolean; readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: Content }>>;
}

type Content = Readonly<Record<string, { readonly schema?: JsonSchema; readonly example?: unknown }>>;

const STYLE = `
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:0 auto;padding:1.5rem;color:#1b1f24;background:#fff}
h1{margin-bottom:.25rem}h2{margin-top:2.5rem;border-bottom:1px solid #d0d7de;padding-bottom:.25rem}
h3{margin-bottom:.25rem}code,pre{font:14px/1.45 ui-monospace,monospace}a{color:#0550ae}
pre{background:#f6f8fa;padding:.75rem;overflow:auto;border-radius:6px}
table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.3rem .75rem .3rem 0;border-bottom:1px solid #eaeef2}
.method{font-weight:600}nav li{list-style:none}nav ul{padding:0}
@media(prefers-color-scheme:dark){body{background:#0d1117;color:#e6edf3}pre{background:#161b22}a{color:#79c0ff}h2,th,td{border-color:#30363d}}`;

/** Renders an OpenAPI document as one page, without scripts and without anything that is loaded. */
export async function renderOpenApiPage(
  document: OpenApiDocument,
): Promise<{ readonly html: string; readonly styleHash: string }> {
  const operations = Object.entries(document.paths ?? {}).flatMap(([path, methods]) =>
    Object.entries(methods as Record<string, Operation>).map(([method, operation]) => ({
      path,
      method: method.toUpperCase(),
      id: operation.operationId ?? `${method}-${path}`,
      operation,
    })),
  );
  const schemas = Object.entries(document.components?.schemas ?? {}) as [string, JsonSchema][];

  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <title>${document.info.title}</title>
        <style>
          ${raw(STYLE)}
        </style>
      </head>
      <body>
        <h1>${document.info.title}</h1>
        <p>${document.info.description}</p>
        <p>For machines: <a href="/api/v1/openapi.json">openapi.json</a></p>
        <nav aria-label="Operations">
          <ul>
            ${operations.map(
              ({ id, method, path, operation }) =>
                html`<li>
                  <a href="#${id}"><code>${method} ${path}</code></a> ${operation.summary}
                </li>`,
            )}
          </ul>
        </nav>
        <main>
          ${operations.map(({ id, method, path, operation }) => renderOperation(id, method, path, operation))}
          <h2 id="schemas">Schemas</h2>
          ${schemas.map(
            ([name, schema]) =>
              html`<h3 id="schema-${name}">${name}</h3>
                ${renderSchema(schema)}`,
          )}
        </main>
      </body>
    </html>`;
  const text = String(await page);
  const style = text.slice(text.indexOf("<style>") + "<style>".length, text.indexOf("</style>"));
  return { html: text, styleHash: `sha256-${createHash("sha256").update(style).digest("base64")}` };
}

function renderOperation(id: string, method: string, path: string, operation: Operation): Html {
  const { parameters = [], requestBody, responses } = operation;
  return html`<section aria-labelledby="${id}">
    <h2 id="${id}"><code>${method} ${path}</code></h2>
    <p>
      ${operation.summary}. ${operation.description ?? ""}
      ${operation.security?.length === 0 ? "No token is needed." : ""}
    </p>
    ${
      parameters.length > 0 &&
      renderTable(
        ["Parameter", "Type", "Meaning"],
        parameters.map(({ name, in: place, required = false, schema = {}, description = "" }) => [
          html`<code>${name}</code> (${place}${required ? "" : ", optional"})`,
          describeSchema(schema),
          description,
        ]),
      )
    }
    ${requestBody && renderBody(requestBody)}
    <h3>Answers</h3>
    ${renderTable(
      ["Status", "Body", "Meaning"],
      Object.entries(responses).map(([status, { content = {}, description }]) => [
        status,
        Object.values(content).map(({ schema = {} }) => describeSchema(schema)),
        description,
      ]),
    )}
  </section>`;
}

function renderBody({ required = false, content }: NonNullable<Operation["requestBody"]>): Html {
  return html`<h3>Body${required ? "" : " (optional)"}</h3>
    ${Object.entries(content).map(
      ([type, { schema = {}, example }]) =>
        html`<p><code>${type}</code>: ${describeSchema(schema)}</p>
          ${example !== undefined && html`<pre>${JSON.stringify(example, null, 2)}</pre>`}`,
    )}`;
}

function renderSchema(schema: JsonSchema): Html {
  const required = new Set(schema.required);
  const members = Object.entries(membersOf(schema));
  return html`<p>${schema.description ?? ""} ${members.length === 0 ? describeSchema(schema) : ""}</p>
    ${
      members.length > 0 &&
      renderTable(
        ["Member", "Type", "Meaning"],
        members.map(([name, member]) => [
          html`<code>${name}</code>${required.has(name) ? "" : " (optional)"}`,
          describeSchema(member),
          member.description ?? "",
        ]),
      )
    }`;
}

type Cell = string | Html | readonly Html[];

function renderTable(head: readonly string[], rows: readonly (readonly Cell[])[]): Html {
  return html`<table>
    <thead>
      <tr>
        ${head.map((cell) => html`<th scope="col">${cell}</th>`)}
      </tr>
    </thead>
    <tbody>
      ${rows.map(
        (row) =>
          html`<tr>
            ${row.map((cell) => html`<td>${cell}</td>`)}
          </tr>`,
      )}
    </tbody>
  </table>`;
}

/** The constraints in words, in the order in which the page shows them. */
const WORDS: { readonly [name: string]: (value: unknown) => string } = {
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

/** Describes a schema in one line. Named schemas become links to `#schema-<name>`. */
export function describeSchema(schema: JsonSchema): Html {
  const constraints = Object.entries(WORDS).flatMap(([name, say]) => {
    const value = schema[name];
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
  if (items !== undefined) return html`array of ${describeSchema(items as JsonSchema)}`;
  if (schema.properties !== undefined) return describeMembers(membersOf(schema));
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
