import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { redisKey, startApiSystem, type Answer, type ApiSystem } from "../support/api-system.ts";

let system: ApiSystem;
let name: string;
let path: string;
let count = 0;

beforeAll(async () => {
  system = await startApiSystem();
});
afterAll(() => system.stop());

beforeEach(async () => {
  name = `segment-${++count}`;
  path = `/api/v1/segments/${name}`;
  await system.call("POST", "/api/v1/segments", { body: { name, ids: ["acme"], description: "one" } });
});

const patch = (body: unknown, ifMatch?: string): Promise<Answer> =>
  system.call("PATCH", path, { body, ifMatch });
const changeIds = (body: unknown, ifMatch?: string): Promise<Answer> =>
  system.call("POST", `${path}/ids`, { body, ifMatch });
const segmentOf = ({ body }: Answer) => body["segment"] as Readonly<Record<string, unknown>>;
const shown = async () => segmentOf(await system.call("GET", path));
const etagNow = async (): Promise<string> => (await system.call("GET", path)).etag;

/** A flag with a rule that refers to the segment. */
async function use(operator = "$inGroup"): Promise<string> {
  const key = `flag-${++count}`;
  const rule = { id: "r", if: { organization: { [operator]: name } }, rollout_pct: 100 };
  const answer = await system.call("POST", "/api/v1/flags", { body: { key, targeting: { rules: [rule] } } });
  expect(answer.status).toBe(201);
  return key;
}

async function published(): Promise<{
  readonly flags: readonly Readonly<Record<string, unknown>>[];
  readonly segments?: readonly Readonly<Record<string, unknown>>[];
}> {
  return JSON.parse(String(await system.redisCommand("GET", redisKey("snapshot")))) as never;
}
const publishedSegment = async () =>
  (await published()).segments?.find((segment) => segment["name"] === name);

describe("a segment", () => {
  test("is created, shown, listed, published, changed and deleted", async () => {
    const fresh = `${name}-b`;
    const condition = { email: { $endsWith: "@example.com" } };
    const created = await system.call("POST", "/api/v1/segments", {
      body: { name: fresh, ids: ["a", "b"], condition, description: "Beta" },
    });
    expect(created.status).toBe(201);
    expect(created.headers.get("location")).toBe(`/api/v1/segments/${fresh}`);
    expect(segmentOf(created)).toEqual({
      id: expect.any(String) as string,
      name: fresh,
      description: "Beta",
      ids: ["a", "b"],
      condition,
      created_at: expect.any(String) as string,
      updated_at: expect.any(String) as string,
      used_by: [],
    });
    expect(created.body.published).toBe(true);
    expect((await published()).segments).toContainEqual({ name: fresh, ids: ["a", "b"], condition });

    const got = await system.call("GET", `/api/v1/segments/${fresh}`);
    expect([segmentOf(got), got.etag]).toEqual([segmentOf(created), created.etag]);
    const list = await system.call("GET", "/api/v1/segments");
    const names = (list.body["segments"] as { name: string }[]).map((segment) => segment.name);
    expect(names).toEqual(names.toSorted());
    expect(names).toContain(fresh);

    const gone = await system.call("DELETE", `/api/v1/segments/${fresh}`, { ifMatch: created.etag });
    expect(gone.body).toMatchObject({ name: fresh, published: true });
    expect((await system.call("GET", `/api/v1/segments/${fresh}`)).status).toBe(404);
  });

  test("accepts a merge patch, and its condition is replaced as a whole", async () => {
    await patch({ condition: { country: "DE", plan: null } }, "*");
    expect(await shown()).toMatchObject({ ids: ["acme"], condition: { country: "DE", plan: null } });
    await patch({ condition: { email: { $exists: true } }, description: null }, "*");
    expect(await shown()).toMatchObject({ description: "", condition: { email: { $exists: true } } });
    await patch({ condition: null, ids: null }, "*");
    expect(await shown()).toMatchObject({ ids: [], condition: null });
    expect(await publishedSegment()).toEqual({ name });
  });

  test("has the change of its ids told apart from the rest", async () => {
    const answer = await changeIds({ add: ["initech", "acme", "hooli"], remove: ["nobody"] });
    expect([answer.status, segmentOf(answer)["ids"]]).toEqual([200, ["acme", "initech", "hooli"]]);
    const less = await changeIds({ remove: ["acme", "hooli"] }, answer.etag);
    expect(segmentOf(less)["ids"]).toEqual(["initech"]);
    const nothing = await changeIds({});
    expect([nothing.etag, nothing.body.revision]).toEqual([less.etag, less.body.revision]);
  });

  test("has at most 10,000 ids, added in parts", async () => {
    const ids = Array.from({ length: 10_000 }, (_, n) => `organization-${n}`);
    await patch({ ids: ids.slice(0, 5_000) }, "*");
    const full = await changeIds({ add: ids.slice(5_000) });
    expect([full.status, (segmentOf(full)["ids"] as string[]).length]).toEqual([200, 10_000]);
    const more = await changeIds({ add: ["one-more"] });
    expect([more.status, more.body.errors?.[0]?.pointer]).toEqual([422, "/add"]);
  });

  test("is in the audit with its actor, and needs If-Match as flags do", async () => {
    const etag = await etagNow();
    expect((await patch({ ids: ["b"] })).status).toBe(428);
    expect((await system.call("DELETE", path)).status).toBe(428);
    expect((await patch({ ids: ["b"] }, etag)).status).toBe(200);
    const late = await patch({ description: "late" }, etag);
    expect(late.status).toBe(412);
    expect(late.body.changes).toEqual([expect.objectContaining({ actor: "admin", changed: ["ids"] })]);
    expect((await changeIds({ add: ["c"] }, etag)).status).toBe(412);
    expect((await system.call("DELETE", path, { ifMatch: etag })).status).toBe(412);
    const seen = await system.call("GET", path, { headers: { "if-none-match": await etagNow() } });
    expect(seen.status).toBe(304);
  });

  test("none of twenty concurrent changes of its ids is lost", async () => {
    await Promise.all(Array.from({ length: 20 }, (_, n) => changeIds({ add: [`id-${n}`] })));
    expect((await shown())["ids"]).toHaveLength(21);
  });

  test("that is there already is not created again", async () => {
    const again = await system.call("POST", "/api/v1/segments", { body: { name } });
    expect([again.status, again.body.detail]).toEqual([409, "a segment with this name exists already"]);
  });
});

describe("refused requests, with a pointer", () => {
  const deep = (depth: number) => `${'{"$not":'.repeat(depth)}{}${"}".repeat(depth)}`;
  test.for([
    ["unknown member", '{"rules": []}', "/rules"],
    ["__proto__", '{"__proto__": {}}', "/__proto__"],
    ["id of another type", '{"ids": ["a", 5]}', "/ids/1"],
    ["id twice", '{"ids": ["a", "a"]}', "/ids"],
    ["empty id", '{"ids": [""]}', "/ids/0"],
    ["condition that is a list", '{"condition": []}', "/condition"],
    ["unknown operator", '{"condition": {"country": {"$is": "DE"}}}', "/condition/country/$is"],
    ["segment of segments", '{"condition": {"userId": {"$inGroup": "other"}}}', "/condition/userId/$inGroup"],
    ["refused pattern", '{"condition": {"email": {"$regex": "(a*)*$"}}}', "/condition/email/$regex"],
    ["NUL", '{"condition": {"email": "a\\u0000"}}', "/condition/email"],
    ["lone surrogate", '{"condition": {"email": "\\ud800"}}', "/condition/email"],
    ["__proto__ in the condition", '{"condition": {"__proto__": 1}}', "/condition/__proto__"],
    ["a way through __proto__", '{"condition": {"a.__proto__.b": 1}}', "/condition/a.__proto__.b"],
    ["10,000 levels", `{"condition": ${deep(10_000)}}`, `/condition${"/$not".repeat(16)}`],
  ] as const)("%s", async ([, body, pointer]) => {
    for (const answer of [
      await patch(body, "*"),
      await system.call("POST", "/api/v1/segments", { body: `{"name": "fresh",${body.slice(1)}` }),
    ]) {
      expect([answer.status, answer.text]).toEqual([
        422,
        expect.stringContaining("urn:sluice:problem:invalid-request"),
      ]);
      expect(answer.body.errors?.[0]?.pointer).toContain(pointer);
      expect(answer.text.length).toBeLessThan(2_000);
    }
    expect(await shown()).toMatchObject({ ids: ["acme"], condition: null });
  });

  test.for([
    ["an id in both lists", { add: ["a"], remove: ["a"] }, "/add/0"],
    ["no list", { add: "a" }, "/add"],
    ["an unknown member", { set: [] }, "/set"],
  ] as const)("a change of ids: %s", async ([, body, pointer]) => {
    const answer = await changeIds(body);
    expect([answer.status, answer.body.errors?.[0]?.pointer]).toEqual([422, pointer]);
  });

  test.for(["PATCH", "POST"])("%s without a body", async (method) => {
    const answer = await system.call(method, method === "POST" ? `${path}/ids` : path, { ifMatch: "*" });
    expect(answer.status).toBe(400);
  });

  test("a name that is none, or nobody's", async () => {
    expect((await system.call("GET", "/api/v1/segments/Upper")).body.errors?.[0]?.pointer).toBe("name");
    expect((await system.call("GET", "/api/v1/segments/nobody")).status).toBe(404);
    expect((await system.call("PUT", path, { body: {} })).status).toBe(405);
  });
});

describe("a segment in use", () => {
  test.for(["$inGroup", "$notInGroup"])(
    "names who asks for it by %s, and stays while they do",
    async (operator) => {
      const key = await use(operator);
      expect((await shown())["used_by"]).toEqual([key]);
      const refused = await system.call("DELETE", path, { ifMatch: "*" });
      expect(refused.status).toBe(409);
      expect(refused.body.detail).toContain(key);
      expect(refused.body["used_by"]).toEqual([key]);
      await system.call("PATCH", `/api/v1/flags/${key}`, {
        body: { targeting: { rules: null } },
        ifMatch: "*",
      });
      expect((await system.call("DELETE", path, { ifMatch: "*" })).status).toBe(200);
    },
  );

  test("is part of an explanation, and changes it at once", async () => {
    const key = await use();
    await system.call("PATCH", `/api/v1/flags/${key}/toggle`, { body: { enabled: true }, ifMatch: "*" });
    const explain = async () =>
      (
        await system.call("POST", `/api/v1/flags/${key}/explain`, {
          body: { context: { organization: "initech" } },
        })
      ).body;
    expect(await explain()).toMatchObject({ value: false, rule: "rollout_pct" });
    await changeIds({ add: ["initech"] });
    expect(await explain()).toMatchObject({ value: true, rule: "rules", rule_id: "r" });
  });

  test("of a rule that refers to it and its deletion, only one succeeds", async () => {
    for (let round = 0; round < 8; round++) {
      const own = `race-${++count}`;
      await system.call("POST", "/api/v1/segments", { body: { name: own } });
      const rules = [{ id: "r", if: { userId: { $inGroup: own } }, off: true }];
      const [created, removed] = await Promise.all([
        system.call("POST", "/api/v1/flags", { body: { key: own, targeting: { rules } } }),
        system.call("DELETE", `/api/v1/segments/${own}`, { ifMatch: "*" }),
      ]);
      expect([
        [201, 409],
        [422, 200],
      ]).toContainEqual([created.status, removed.status]);
    }
  });
});

describe("plain SQL", () => {
  test("is published, audited and announced like all else", async () => {
    const before = await system.call("GET", "/api/v1/status");
    await system.sql("update segments set ids = '{x}' where name = $1", [name]);
    await system.sql("insert into segments (name) values ($1)", [`${name}-sql`]);
    await expect.poll(async () => (await publishedSegment())?.["ids"]).toEqual(["x"]);
    const rows = await system.sql<{ action: string; actor: string; entity: string; segment_name: string }>(
      "select action, actor, entity, segment_name from flag_audit order by id desc limit 2",
    );
    expect(rows).toEqual([
      {
        action: "create",
        actor: expect.stringMatching(/^sql:/) as string,
        entity: "segment",
        segment_name: `${name}-sql`,
      },
      {
        action: "update",
        actor: expect.stringMatching(/^sql:/) as string,
        entity: "segment",
        segment_name: name,
      },
    ]);
    const after = await system.call("GET", "/api/v1/status");
    expect(after.body.revision).toBe(before.body.revision + 2);
  });

  test.for([
    ["a rename", "update segments set name = 'other' where name = $1", "segments_name_fixed"],
    ["another id", "update segments set id = gen_random_uuid() where name = $1", "segments_id_fixed"],
    ["a name that is none", "insert into segments (name) values (upper($1))", "segments_name_form"],
    ["a null id", "update segments set ids = '{a,NULL}' where name = $1", "segments_ids_form"],
    ["ids in two dimensions", "update segments set ids = '{{a},{b}}' where name = $1", "segments_ids_form"],
    [
      "too many ids",
      "update segments set ids = array_fill('a'::text, array[10001]) where name = $1",
      "segments_ids_form",
    ],
    [
      "a condition that is a list",
      "update segments set condition = '[]' where name = $1",
      "segments_condition_object",
    ],
  ] as const)("%s is refused", async ([, sql, constraint]) => {
    await expect(system.sql(sql, [name])).rejects.toMatchObject({ constraint });
  });

  test("a broken segment turns its flags off with a reason, and blocks no other write", async () => {
    const key = await use();
    const other = await system.call("POST", "/api/v1/flags", { body: { key: `${key}-other` } });
    await system.call("PATCH", `/api/v1/flags/${key}/toggle`, { body: { enabled: true }, ifMatch: "*" });
    await system.sql(`update segments set condition = '{"email": {"$regex": "(a*)*$"}}' where name = $1`, [
      name,
    ]);

    expect((await shown())["invalid"]).toContain("condition.email.$regex");
    expect((await system.call("GET", `/api/v1/flags/${key}`)).body.flag["invalid"]).toContain(name);
    const list = await system.call("GET", "/api/v1/flags?limit=500");
    const flags = list.body["flags"] as readonly Readonly<Record<string, unknown>>[];
    expect(flags.find((flag) => flag["key"] === key)?.["invalid"]).toContain("not valid");
    const explained = await system.call("POST", `/api/v1/flags/${key}/explain`, { body: { context: {} } });
    expect(explained.body).toMatchObject({ value: false, reason: "ERROR", error_code: "PARSE_ERROR" });

    const later = await system.call("POST", "/api/v1/flags", { body: { key: `${key}-later` } });
    expect(later.body.published).toBe(true);
    expect(await publishedSegment()).toEqual({ name, invalid: expect.stringContaining("$regex") as string });
    const published_ = await published();
    expect(published_.flags).toContainEqual({ key, invalid: expect.stringContaining("rules[0]") as string });
    expect(published_.flags).toContainEqual({ key: other.body.flag["key"], enabled: false, rollout_pct: 0 });

    expect((await patch({ condition: null }, "*")).status).toBe(200);
    expect((await system.call("GET", `/api/v1/flags/${key}`)).body.flag["invalid"]).toBeUndefined();
  });

  test("TRUNCATE is kept in the audit, row by row", async () => {
    await system.sql("truncate segments");
    const [row] = await system.sql<{ action: string; entity: string; before: readonly { name: string }[] }>(
      "select action, entity, before from flag_audit order by id desc limit 1",
    );
    expect(row).toMatchObject({ action: "truncate", entity: "segment" });
    expect(row?.before.map((segment) => segment.name)).toContain(name);
    await expect.poll(async () => (await published()).segments?.length).toBeUndefined();
  });
});
