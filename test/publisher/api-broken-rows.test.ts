import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readGates } from "../../shared/gate/gate-table.ts";
import { redisKey, startApiSystem, type ApiSystem } from "../support/api-system.ts";

let system: ApiSystem;

beforeAll(async () => {
  system = await startApiSystem();
});
afterAll(() => system.stop());

/** As deep as Postgres can store, which is deeper than JSON.stringify can write. */
const DEEP = 6_000;

/** Rows that plain SQL can write. Members that the edge refuses make a row `invalid`. */
const ROWS: readonly (readonly [key: string, column: string, sql: string, invalid?: RegExp])[] = [
  ["unknown-member", "targeting", `'{"percentage": 5}'`, /unknown member "percentage"/],
  ["proto-member", "targeting", `'{"__proto__": {"allowlist": ["u"]}}'`, /unknown member "__proto__"/],
  ["number-as-id", "targeting", `'{"allowlist": [5, null]}'`, /allowlist/],
  ["id-on-both", "targeting", `'{"allowlist": ["u"], "blocklist": ["u"]}'`, /both/],
  ["huge-number", "targeting", `'{"allowlist": 1e400}'`, /allowlist/],
  [
    "deep-member",
    "targeting",
    `('{"x": ' || repeat('[', ${DEEP}) || repeat(']', ${DEEP}) || '}')::jsonb`,
    /unknown/,
  ],
  [
    "rule-of-nothing",
    "targeting",
    `'{"rules": [{"id": "r", "if": {}}]}'`,
    /rules\[0\]: must have exactly one/,
  ],
  ["rules-of-text", "targeting", `'{"rules": "all"}'`, /rules: must be an array/],
  [
    "unknown-operator",
    "targeting",
    `'{"rules": [{"id": "r", "if": {"a": {"$is": 1}}, "off": true}]}'`,
    /\$is/,
  ],
  [
    "pattern-without-end",
    "targeting",
    `'{"rules": [{"id": "r", "if": {"email": {"$regex": "(a*)*$"}}, "off": true}]}'`,
    /email\.\$regex/,
  ],
  [
    "deep-rule",
    "targeting",
    `('{"rules": [{"id": "r", "off": true, "if": {"a": ' || repeat('[', ${DEEP}) || repeat(']', ${DEEP}) || '}}]}')::jsonb`,
    /nested more than/,
  ],
  [
    "segment-of-nobody",
    "targeting",
    `'{"rules": [{"id": "r", "if": {"a": {"$inGroup": "nobody"}}, "off": true}]}'`,
    /no segment "nobody"/,
  ],
  [
    "variant-of-nobody",
    "targeting",
    `'{"rules": [{"id": "r", "if": {}, "variant": "nobody"}]}'`,
    /rules\[0\]\.variant/,
  ],
  ["variant-without-weight", "variants", `'[{"key": "a"}]'`, /variants\[0\]\.weight/],
  ["variants-of-no-weight", "variants", `'[{"key": "a", "weight": 0}]'`, /variants: at least one weight/],
  ["variants-of-text", "variants", `'["a"]'`, /variants\[0\]: must be an object/],
  [
    "deep-variant",
    "variants",
    `('[{"key": "a", "weight": 1, "value": ' || repeat('[', ${DEEP}) || repeat(']', ${DEEP}) || '}]')::jsonb`,
    /variants\[0\]\.value: must not be nested/,
  ],
  ["requires-of-text", "requires", `'["a"]'`, /requires\[0\]: must be an object/],
  ["requires-nobody", "requires", `'[{"flag": "nobody"}]'`, /no flag "nobody"/],
  ["requires-itself", "requires", `'[{"flag": "requires-itself"}]'`, /cannot require itself/],
  ["ranges-of-text", "variant_ranges", `'{"a": "x"}'`],
  ["deep-gates", "gates", `(repeat('[', ${DEEP}) || repeat(']', ${DEEP}))::jsonb`, /gates/],
  ["gate-of-text", "gates", `'["/ai/*"]'`, /gates\[0\]: must be a JSON object/],
  [
    "gate-that-explodes",
    "gates",
    `'[{"pattern": "/(a+)+b", "otherwise": {"status": 404}}]'`,
    /gates\[0\]\.pattern: must not contain/,
  ],
  [
    "gate-of-no-status",
    "gates",
    `'[{"pattern": "/a", "otherwise": {"status": 404}}, {"pattern": "/b", "otherwise": {"status": 451}}]'`,
    /gates\[1\]\.otherwise: must be/,
  ],
  [
    "many-ids",
    "targeting",
    `jsonb_build_object('allowlist', (select jsonb_agg('u' || n) from generate_series(1, 20000) n))`,
  ],
  ["odd-ids", "targeting", `'{"allowlist": ["anon-1", " ", "\\u202e", "a\\nb"]}'`],
  ["long-tags", "tags", `array[repeat('t', 5000), '', E'\\n']`],
  ["newlines", "description", `E'a\\r\\nb\\u0001'`],
  ["for-ever", "created_at", `'infinity'`],
  ["since-ever", "created_at", `'-infinity'`],
  ["long-ago", "created_at", `'4713-01-01 BC'`],
  ["far-away", "created_at", `'294276-12-31'`],
  ["archived-for-ever", "archived_at", `'infinity'`],
];

describe("a row that plain SQL wrote", () => {
  test.for(ROWS)("%s", async ([key, column, sql, invalid]) => {
    await system.sql(
      `insert into feature_flags (key, enabled, rollout_pct, ${column}) values ($1, $2, 100, ${sql})`,
      [key, column !== "archived_at"],
    );
    const shown = await system.call("GET", `/api/v1/flags/${key}`);
    expect([shown.status, shown.body.flag["invalid"]]).toEqual([
      200,
      invalid === undefined ? undefined : expect.stringMatching(invalid),
    ]);

    for (const sort of ["key", "created_at", "-updated_at", "rollout_pct"]) {
      const list = await system.call("GET", `/api/v1/flags?limit=1&sort=${sort}`);
      expect(list.status).toBe(200);
      const cursor = list.body["next_cursor"];
      if (typeof cursor !== "string") continue;
      const next = await system.call("GET", `/api/v1/flags?limit=500&sort=${sort}&cursor=${cursor}`);
      expect(next.status).toBe(200);
    }

    const explained = await system.call("POST", `/api/v1/flags/${key}/explain`, {
      body: { context: { userId: "x" } },
    });
    expect(explained.status).toBe(200);
    if (invalid !== undefined)
      expect(explained.body).toMatchObject({ value: false, error_code: "PARSE_ERROR" });

    // The row blocks no other write, and can be archived or fixed through the API.
    if (column !== "archived_at") {
      for (const step of ["archive", "restore"]) {
        const answer = await system.call("POST", `/api/v1/flags/${key}/${step}`);
        expect([step, answer.status]).toEqual([step, 200]);
      }
      await system.sql("update feature_flags set enabled = true where key = $1", [key]);
    }
    const other = await system.call("POST", "/api/v1/flags", { body: { key: `after-${key}` } });
    expect(other.body).toMatchObject({ published: true });
    const fixed = await system.call("PATCH", `/api/v1/flags/${key}`, {
      body: { targeting: null, variants: null, requires: null, gates: null, tags: null, description: null },
      ifMatch: "*",
    });
    expect([fixed.status, fixed.body.flag["invalid"], fixed.body.published]).toEqual([200, undefined, true]);
    expect(
      (await system.call("PATCH", `/api/v1/flags/${key}/toggle`, { body: { enabled: false } })).status,
    ).toBe(200);
    const gone = await system.call("DELETE", `/api/v1/flags/${key}`, { ifMatch: "*" });
    expect(gone.status).toBe(200);
  });

  test("a patch with null removes a member that only SQL can have written", async () => {
    await system.sql(
      `insert into feature_flags (key, targeting) values ('named', '{"x": 1, "plans": ["pro"]}')`,
    );
    const answer = await system.call("PATCH", "/api/v1/flags/named", {
      body: { targeting: { x: null } },
      ifMatch: "*",
    });
    expect([answer.status, answer.body.flag["targeting"]]).toEqual([200, { plans: ["pro"] }]);
  });

  test("paging lists every flag once, with any value in the sort column", async () => {
    await system.sql(`insert into feature_flags (key, created_at)
      select 'walk-' || n, case n % 5 when 0 then 'infinity' when 1 then '-infinity' when 2 then '0044-03-15 BC'
        else '2026-01-01'::timestamptz + n * interval '1 microsecond' end
      from generate_series(1, 40) n`);
    const all = (await system.sql<{ key: string }>("select key from feature_flags where archived_at is null"))
      .length;
    for (const sort of ["key", "-key", "created_at", "-created_at", "updated_at", "-rollout_pct"]) {
      const keys: unknown[] = [];
      let cursor = "";
      do {
        const { body } = await system.call(
          "GET",
          `/api/v1/flags?limit=7&sort=${sort}${cursor && `&cursor=${cursor}`}`,
        );
        keys.push(...(body["flags"] as { key: string }[]).map((flag) => flag.key));
        cursor = (body["next_cursor"] as string | null) ?? "";
      } while (cursor !== "");
      expect(keys).toHaveLength(all);
      expect(new Set(keys).size).toBe(all);
    }
  });

  test("keeps its gates closed at the edge", async () => {
    const sound = { pattern: "/ai/*", otherwise: { status: 404 } };
    await insertGates("gated", [sound], '{"percentage": 5}');
    expect(await published("gated")).toEqual({
      key: "gated",
      invalid: expect.stringContaining("percentage") as string,
      gates: [sound],
    });
  });

  test("closes the pages of broken gates too, where a worker can read the pattern", async () => {
    await insertGates("gates", [
      { pattern: "/status", otherwise: { status: 451 } },
      { pattern: "/leads-away", otherwise: { rewrite: "//evil.example" } },
      { pattern: "/extra", otherwise: { rewrite: "/classic" }, comment: "x".repeat(9_000) },
      { pattern: "/deep", otherwise: [[[[]]]] },
      { pattern: `/${"x".repeat(300)}`, otherwise: { status: 410 } },
      { pattern: "/bare" },
      { pattern: "/(a+)+b", otherwise: { status: 404 } },
      { otherwise: { status: 404 } },
      "/text",
    ]);
    const flag = await published("gates");
    expect(flag).toEqual({
      key: "gates",
      invalid: expect.stringMatching(/^gates\[0\]\.otherwise: must be /) as string,
      gates: [
        { pattern: "/status" },
        { pattern: "/leads-away" },
        { pattern: "/extra", otherwise: { rewrite: "/classic" } },
        { pattern: "/deep" },
        { pattern: `/${"x".repeat(300)}`, otherwise: { status: 410 } },
        { pattern: "/bare" },
        null,
      ],
    });
    const { table, unreadable } = readGates([flag]);
    const isClosed = (path: string) =>
      table.some(({ spellings }) => spellings.some((pattern) => pattern.test({ pathname: path })));
    for (const path of ["/status", "/leads-away", "/extra", "/deep", "/bare"]) {
      expect([path, isClosed(path)]).toEqual([path, true]);
    }
    expect(isClosed("/text")).toBe(false);
    expect([...unreadable]).toEqual(["gates"]);
  });

  async function insertGates(key: string, gates: unknown, targeting = "{}"): Promise<void> {
    await system.sql("insert into feature_flags (key, targeting, gates) values ($1, $2, $3)", [
      key,
      targeting,
      JSON.stringify(gates),
    ]);
  }

  /** A flag in the snapshot. */
  async function published(key: string): Promise<unknown> {
    // The answer of a later write says that Redis has this revision too.
    const later = await system.call("POST", "/api/v1/flags", { body: { key: `later-${key}` } });
    expect(later.body.published).toBe(true);
    const snapshot = String(await system.redisCommand("GET", redisKey("snapshot")));
    const { flags } = JSON.parse(snapshot) as { flags: readonly { key: string }[] };
    return flags.find((flag) => flag.key === key);
  }
});
