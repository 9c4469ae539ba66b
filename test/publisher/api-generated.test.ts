import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startApiSystem, type Answer, type ApiSystem } from "../support/api-system.ts";
import { valuesOf, type JsonSchema } from "../support/schema-values.ts";

const REQUESTS = 2_000;
const AT_LEAST_EACH = 20;

/** Printed, so that a run can be had again. */
const seed = Math.floor(Math.random() * 2 ** 31);

interface Operation {
  readonly operationId: string;
  readonly method: string;
  readonly path: string;
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly schema: JsonSchema;
  }[];
  readonly body: JsonSchema | undefined;
  readonly statuses: Readonly<Record<string, string>>;
}

interface Document {
  readonly paths: Readonly<
    Record<string, Readonly<Record<string, Omit<Operation, "method" | "path"> & RawOperation>>>
  >;
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> };
}

interface RawOperation {
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: JsonSchema }>> };
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, unknown>> }>>;
}

/** A request of the generated ones, and what came back. */
interface Outcome {
  readonly operation: Operation;
  readonly answer: Answer;
}

let system: ApiSystem;
let document: Document;
let outcomes: readonly Outcome[];

beforeAll(async () => {
  console.info(`requests generated from the OpenAPI document: seed ${seed}`);
  system = await startApiSystem();
  document = (await (await fetch(`${system.url}/api/v1/openapi.json`)).json()) as Document;
  outcomes = await sendAll(operationsOf(document));
});
afterAll(() => system.stop());

describe("requests generated from the OpenAPI document", () => {
  it("asks for every operation often enough, and often enough for what is right", () => {
    const asked = Map.groupBy(outcomes, ({ operation }) => operation.operationId);
    expect([...asked.keys()].sort()).toEqual(
      operationsOf(document)
        .map(({ operationId }) => operationId)
        .sort(),
    );
    const rare = [...asked].filter(([, sent]) => sent.length < AT_LEAST_EACH).map(([name]) => name);
    expect(rare).toEqual([]);
    expect(outcomes.length).toBeGreaterThanOrEqual(REQUESTS);
    const good = outcomes.filter(({ answer }) => answer.status < 300).length;
    expect(good / outcomes.length).toBeGreaterThanOrEqual(0.3);
  });

  it("never gets a 5xx", () => {
    const broken = outcomes.filter(({ answer }) => answer.status >= 500);
    expect(broken.map(({ operation, answer }) => [operation.operationId, answer.text])).toEqual([]);
  });

  it("gets answers that are documented and fit their schemas", () => {
    const ajv = new Ajv2020({ strict: false, allErrors: true });
    formats.default(ajv);
    ajv.addSchema(document, "api");
    const misfits = outcomes.flatMap(({ operation, answer }) => {
      const where = `${operation.operationId} ${answer.status}`;
      const pointer = operation.statuses[String(answer.status)];
      if (pointer === undefined) return [`${where} is not documented: ${answer.text.slice(0, 200)}`];
      if (pointer === "") return []; // documented without a body that is JSON
      const fits = ajv.getSchema(`api#${pointer}`) ?? ajv.compile({ $ref: `api#${pointer}` });
      return fits(answer.body) ? [] : [`${where}: ${ajv.errorsText(fits.errors)}`];
    });
    expect([...new Set(misfits)]).toEqual([]);
  });

  it("leaves Redis where Postgres is", async () => {
    const { body } = await system.call("GET", "/api/v1/status");
    expect(body).toMatchObject({ published: true, fault: null, diverged: false });
  });
});

function operationsOf({ paths }: Document): readonly Operation[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { operationId, parameters = [], requestBody, responses }]) => ({
      operationId,
      method: method.toUpperCase(),
      path,
      parameters,
      body: requestBody?.content["application/json"]?.schema,
      statuses: Object.fromEntries(
        Object.entries(responses).map(([status, { content = {} }]) => {
          const type = Object.keys(content).find((name) => name.endsWith("json"));
          const steps = ["paths", path, method, "responses", status, "content", type ?? "", "schema"];
          return [status, type === undefined ? "" : `/${steps.map(escapeStep).join("/")}`];
        }),
      ),
    })),
  );
}

/** RFC 6901, in a URI's fragment. */
function escapeStep(step: string): string {
  return encodeURIComponent(step.replaceAll("~", "~0").replaceAll("/", "~1"));
}

async function sendAll(operations: readonly Operation[]): Promise<readonly Outcome[]> {
  // Few keys, so that requests meet flags that are there.
  const keys = ["ai_search", "ai_summary", "copilot", "a", "agent-2"];
  const requests = fc.sample(
    fc.constantFrom(...operations).chain((operation) => requestOf(operation, keys)),
    {
      numRuns: REQUESTS,
      seed,
    },
  );
  const queue = requests.values();
  const outcomes: Outcome[] = [];
  const sender = async (): Promise<void> => {
    for (const { operation, path, ...options } of queue) {
      outcomes.push({ operation, answer: await system.call(operation.method, path, options) });
    }
  };
  await Promise.all(Array.from({ length: 4 }, sender));
  return outcomes;
}

function requestOf(operation: Operation, keys: readonly string[]) {
  const resolve = (reference: string): JsonSchema =>
    document.components.schemas[reference.replace("#/components/schemas/", "")] ?? {};
  const right = (schema: JsonSchema): fc.Arbitrary<unknown> => valuesOf(schema, resolve);
  /** Mostly what the document asks for, sometimes anything. */
  const mostly = (value: fc.Arbitrary<unknown>, wrong: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
    fc.oneof({ arbitrary: value, weight: 7 }, { arbitrary: wrong, weight: 1 });
  // Whoever sends "." or ".." as a part of a path asks for another path (RFC 3986, section 5.2.4).
  const anyKey = fc.string({ minLength: 1 }).filter((text) => !/^\.{1,2}$/.test(text));
  const key = mostly(fc.constantFrom(...keys), anyKey).map(String);

  const query = (operation.parameters ?? []).filter(({ in: place }) => place === "query");
  const body = operation.body && mostly(withKey(right(operation.body), key), fc.jsonValue());
  return fc
    .record({
      key,
      query: fc.record(
        Object.fromEntries(query.map(({ name, schema }) => [name, mostly(right(schema), fc.string())])),
        { requiredKeys: [], noNullPrototype: true },
      ),
      body: body ?? fc.constant(undefined),
      ifMatch: fc.constantFrom("*", "*", "*", '"1.1"', undefined, "nonsense"),
    })
    .map(({ key, query, body, ifMatch }) => {
      const search = new URLSearchParams(
        Object.entries(query).map(([name, value]): [string, string] => [name, String(value)]),
      );
      const path = operation.path.replace(/\{(key|name)\}/, encodeURIComponent(key));
      return { operation, path: `${path}?${search.toString()}`.replace(/\?$/, ""), body, ifMatch };
    });
}

/** A flag that is created has one of the few keys, a segment one of the same as its name. */
function withKey(body: fc.Arbitrary<unknown>, key: fc.Arbitrary<string>): fc.Arbitrary<unknown> {
  return fc.tuple(body, key).map(([content, name]) => {
    if (typeof content !== "object" || content === null) return content;
    if ("key" in content) return { ...content, key: name };
    return "name" in content ? { ...content, name } : content;
  });
}
