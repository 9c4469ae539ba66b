import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { redisKey, startApiSystem, type ApiSystem } from "../support/api-system.ts";

let system: ApiSystem;
let key: string;
let flag: string;
let count = 0;

beforeAll(async () => {
  system = await startApiSystem();
  await system.call("POST", "/api/v1/segments", { body: { name: "beta", ids: ["acme"] } });
});
afterAll(() => system.stop());

beforeEach(async () => {
  key = `flag-${++count}`;
  flag = `/api/v1/flags/${key}`;
  await system.call("POST", "/api/v1/flags", { body: { key } });
});

const patch = (body: unknown) => system.call("PATCH", flag, { body, ifMatch: "*" });
const RULES = [
  { id: "staff", description: "Colleagues", if: { email: { $endsWith: "@example.com" } }, off: true },
  { id: "beta", if: { organization: { $inGroup: "beta" } }, rollout_pct: 33.33, bucket_by: "organization" },
];

async function publishedFlag(): Promise<unknown> {
  const text = String(await system.redisCommand("GET", redisKey("snapshot")));
  const { flags } = JSON.parse(text) as { flags: readonly { key: string }[] };
  return flags.find((one) => one.key === key);
}

describe("rules", () => {
  test("are kept as they were written, and published without what is for people", async () => {
    const { status, body } = await patch({ targeting: { rules: RULES, plans: ["pro"] } });
    expect([status, body.flag["targeting"], body.published]).toEqual([
      200,
      { rules: RULES, plans: ["pro"] },
      true,
    ]);
    const [{ description: _, ...first } = { description: "" }, second] = RULES;
    expect(await publishedFlag()).toEqual({
      key,
      enabled: false,
      rollout_pct: 0,
      targeting: { plans: ["pro"], rules: [first, second] },
    });
  });

  test("can come with the flag, are replaced as a whole, and null takes them away", async () => {
    const body = { key: `${key}-b`, targeting: { rules: RULES }, bucket_by: "organization", salt: "again" };
    const created = await system.call("POST", "/api/v1/flags", { body });
    expect([created.status, created.body.flag]).toEqual([201, expect.objectContaining(body)]);
    await patch({ targeting: { rules: RULES, plans: ["pro"] } });
    await patch({ targeting: { rules: RULES.slice(1) } });
    const one = await system.call("GET", flag);
    expect(one.body.flag["targeting"]).toEqual({ rules: RULES.slice(1), plans: ["pro"] });
    const none = await patch({ targeting: { rules: null }, bucket_by: null, salt: null });
    expect(none.body.flag).toMatchObject({
      targeting: { plans: ["pro"] },
      bucket_by: "targetingKey",
      salt: null,
    });
  });

  test("a description moves the revision, and no digest", async () => {
    await patch({ targeting: { rules: RULES } });
    const digest = async (): Promise<unknown> =>
      (JSON.parse(String(await system.redisCommand("GET", redisKey("head")))) as { digest: string }).digest;
    const before = await digest();
    const renamed = RULES.map((rule) => ({ ...rule, description: "something else" }));
    const answer = await patch({ targeting: { rules: renamed } });
    expect([answer.body.published, await digest()]).toEqual([true, before]);
  });

  test("as many as there may be", async () => {
    const rules = Array.from({ length: 100 }, (_, n) => ({ id: `r${n}`, if: { n }, rollout_pct: n }));
    expect((await patch({ targeting: { rules } })).status).toBe(200);
    const more = await patch({ targeting: { rules: [...rules, { id: "one-more", if: {}, off: true }] } });
    expect([more.status, more.body.errors?.[0]?.pointer]).toEqual([422, "/targeting/rules"]);
  });
});

const rule = (text: string): string => `{"targeting": {"rules": [{"id": "r", ${text}}]}}`;
const condition = (text: string): string => rule(`"if": ${text}, "off": true`);
const deep = (open: string, close: string, depth: number): string => open.repeat(depth) + close.repeat(depth);
const AT = "/targeting/rules/0";
const PAYLOAD = "zq9payload";

describe("what is refused, with where it is", () => {
  test.for([
    ["rules that are no list", '{"targeting": {"rules": {}}}', "/targeting/rules"],
    ["a rule that is none", '{"targeting": {"rules": ["r"]}}', AT],
    ["no id", '{"targeting": {"rules": [{"if": {}, "off": true}]}}', `${AT}/id`],
    ["no condition", rule('"off": true'), `${AT}/if`],
    ["no outcome", rule('"if": {}'), AT],
    ["two outcomes", rule('"if": {}, "off": true, "rollout_pct": 5'), AT],
    ["off that is not true", rule('"if": {}, "off": false'), `${AT}/off`],
    ["a percentage of three decimals", rule('"if": {}, "rollout_pct": 5.005'), `${AT}/rollout_pct`],
    ["a percentage as text", rule('"if": {}, "rollout_pct": "5"'), `${AT}/rollout_pct`],
    ["a variant of a flag that has none", rule('"if": {}, "variant": "large"'), `${AT}/variant`],
    [
      "bucket_by that names no attribute",
      rule('"if": {}, "rollout_pct": 5, "bucket_by": "a b"'),
      `${AT}/bucket_by`,
    ],
    ["an unknown member", rule('"if": {}, "off": true, "unless": {}'), `${AT}/unless`],
    ["__proto__", rule('"if": {}, "off": true, "__proto__": {}'), `${AT}/__proto__`],
    ["constructor", rule('"if": {}, "off": true, "constructor": {}'), `${AT}/constructor`],
    [
      "an id twice",
      '{"targeting": {"rules": [{"id": "r", "if": {}, "off": true}, {"id": "r", "if": {}, "off": true}]}}',
      "/targeting/rules/1/id",
    ],
    [
      "a description of two lines",
      rule(`"if": {}, "off": true, "description": "${"d".repeat(201)}"`),
      `${AT}/description`,
    ],
    ["an unknown operator", condition('{"country": {"$is": "DE"}}'), `${AT}/if/country/$is`],
    ["an unknown operator between attributes", condition('{"$xor": []}'), `${AT}/if/$xor`],
    ["an operand of another type", condition('{"n": {"$gt": []}}'), `${AT}/if/n/$gt`],
    ["an argument that is not a list", condition('{"country": {"$in": "DE"}}'), `${AT}/if/country/$in`],
    ["a type that is none", condition('{"n": {"$type": "integer"}}'), `${AT}/if/n/$type`],
    ["a name with a slash and a tilde", rule('"if": {}, "off": true, "a/~b": 1'), `${AT}/a~1~0b`],
    [
      "a segment that is not there",
      condition('{"organization": {"$inGroup": "nobody"}}'),
      `${AT}/if/organization/$inGroup`,
    ],
    [
      "a repetition of what may be empty",
      condition('{"email": {"$regex": "(a*)*$"}}'),
      `${AT}/if/email/$regex`,
    ],
    [
      "the same with $regexi",
      condition('{"email": {"$regexi": "^(\\\\w*\\\\s?)*$"}}'),
      `${AT}/if/email/$regexi`,
    ],
    ["a pattern that is none", condition('{"email": {"$regex": "("}}'), `${AT}/if/email/$regex`],
    ["an infinite number", condition('{"n": 1e400}'), `${AT}/if/n`],
    ["a NUL", condition(`{"email": "${PAYLOAD}\\u0000"}`), `${AT}/if/email`],
    ["a lone surrogate", condition(`{"email": "${PAYLOAD}\\ud800"}`), `${AT}/if/email`],
    ["__proto__ as an attribute", condition('{"__proto__": {"isEmployee": true}}'), `${AT}/if/__proto__`],
    ["a way through __proto__", condition('{"a.__proto__.b": 1}'), `${AT}/if/a.__proto__.b`],
    [
      "a way through __proto__, further in",
      condition('{"$or": [{"list": {"$elemMatch": {"a.__proto__": 1}}}]}'),
      `${AT}/if/$or/0/list/$elemMatch/a.__proto__`,
    ],
    ["bucket_by __proto__", '{"bucket_by": "__proto__"}', "/bucket_by"],
    ["bucket_by through __proto__", '{"bucket_by": "a.__proto__.b"}', "/bucket_by"],
    ["bucket_by true or false", '{"bucket_by": "isEmployee"}', "/bucket_by"],
    ["bucket_by within a text", '{"bucket_by": "plan.id"}', "/bucket_by"],
    [
      "a rule's bucket_by true or false",
      rule('"if": {}, "rollout_pct": 5, "bucket_by": "isEmployee"'),
      `${AT}/bucket_by`,
    ],
    ["a salt that is none", '{"salt": "a:b"}', "/salt"],
    ["bucket_by of two dots", '{"bucket_by": "a..b"}', "/bucket_by"],
    ["bucket_by too long", `{"bucket_by": "${"a".repeat(129)}"}`, "/bucket_by"],
  ] as const)("%s", async ([, body, pointer]) => {
    const before = await system.call("GET", flag);
    for (const answer of [
      await patch(body),
      await system.call("POST", "/api/v1/flags", { body: `{"key": "fresh",${body.slice(1)}` }),
    ]) {
      expect([answer.status, answer.body.errors?.[0]?.pointer]).toEqual([422, pointer]);
      expect(answer.text).not.toContain(PAYLOAD);
    }
    expect((await system.call("GET", flag)).text).toBe(before.text);
  });
});

describe("hostile bodies get a clear answer, without what was sent", () => {
  const HOSTILE: readonly (readonly [string, string])[] = [
    ["10,000 levels of logic", condition(deep('{"$not":', "}", 10_000).replace("}", "{}}"))],
    ["10,000 lists", condition(`{"a": ${deep("[", "]", 10_000)}}`)],
    ["150,000 levels of attributes", condition(`${'{"a":'.repeat(150_000)}1${"}".repeat(150_000)}`)],
    ["400,000 lists instead of rules", `{"targeting": {"rules": ${deep("[", "]", 400_000)}}}`],
    ["400,000 lists instead of variants", `{"variants": ${deep("[", "]", 400_000)}}`],
    [
      "a value of 400,000 lists",
      `{"variants": [{"key": "a", "weight": 1, "value": ${deep("[", "]", 400_000)}}]}`,
    ],
    ["400,000 lists instead of prerequisites", `{"requires": ${deep("[", "]", 400_000)}}`],
    ["1 MB of one text", condition(`{"a": "${PAYLOAD.padEnd(1_000_000, "x")}"}`)],
    ["1 MB of one name", condition(`{"${PAYLOAD.padEnd(1_000_000, "x")}": 1}`)],
    ["1 MB of one operator", condition(`{"a": {"$${"x".repeat(1_000_000)}": 1}}`)],
    ["1 MB of a pattern", condition(`{"a": {"$regex": "${"(a|b)*".repeat(160_000)}"}}`)],
    ["1 MB of members", condition(`{${Array.from({ length: 90_000 }, (_, n) => `"a${n}":1`).join()}}`)],
    [
      "1 MB of segments",
      condition(
        `{"$or": [${Array.from({ length: 25_000 }, (_, n) => `{"a":{"$inGroup":"s${n}"}}`).join()}]}`,
      ),
    ],
    [
      "many patterns that are large together",
      condition(
        `{"$and": [${Array.from({ length: 200 }, () => '{"a":{"$regex":"(a|b|c){1,30}[a-z]{1,40}x"}}').join()}]}`,
      ),
    ],
    [
      "rules that are large together",
      `{"targeting": {"rules": [${Array.from({ length: 50 }, (_, n) => `{"id":"r${n}","off":true,"if":{"$or":[${Array.from({ length: 60 }, (_, m) => `{"a":${m}}`).join()}]}}`).join()}]}}`,
    ],
  ];

  test.for(HOSTILE)("%s", async ([, body]) => {
    const answer = await patch(body);
    expect([answer.status, answer.body.errors?.length]).toEqual([422, 1]);
    expect(answer.body.errors?.[0]?.pointer).toMatch(/^\/(targeting|variants|requires)/);
    expect(answer.text.length).toBeLessThan(4_000);
    expect(answer.text).not.toContain(PAYLOAD.padEnd(80, "x"));
    // It does not delay other writes, and leaves nothing behind.
    const next = await patch({ owner: "still here" });
    expect([next.status, next.body.flag["targeting"]]).toEqual([200, {}]);
  });
});
