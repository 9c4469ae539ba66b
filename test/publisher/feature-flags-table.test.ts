import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import pg from "pg";
import { createTestDatabase } from "../support/database.ts";
import type { TestDatabase } from "../support/database.ts";

let database: TestDatabase;
let client: pg.Client;

beforeAll(async () => {
  database = await createTestDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
});
afterEach(() => client.query("truncate feature_flags"));
afterAll(async () => {
  await client.end();
  await database.drop();
});

/** The name of the constraint that refused the statement, or else the error code. */
async function refusal(sql: string, values: unknown[] = []): Promise<string> {
  const outcome = await client.query(sql, values).catch((error: unknown) => error);
  if (outcome instanceof pg.DatabaseError) return outcome.constraint ?? outcome.code ?? outcome.message;
  return "accepted";
}

const manyTags = (count: number): string => `array_fill('t'::text, array[${count}])`;

describe("what the database refuses", () => {
  test.for([
    // column, SQL of a value, violated constraint
    ["key", "''", "feature_flags_key_form"],
    ["key", "'Upper'", "feature_flags_key_form"],
    ["key", "'1st'", "feature_flags_key_form"],
    ["key", "'a b'", "feature_flags_key_form"],
    ["key", "'a:b'", "feature_flags_key_form"],
    ["key", "E'a\\n'", "feature_flags_key_form"],
    ["key", "'ä'", "feature_flags_key_form"],
    ["key", "repeat('k', 65)", "feature_flags_key_form"],
    ["description", "repeat('d', 1001)", "feature_flags_description_length"],
    ["rollout_pct", "-0.01", "feature_flags_rollout_pct_range"],
    ["rollout_pct", "100.01", "feature_flags_rollout_pct_range"],
    ["rollout_pct", "'NaN'", "feature_flags_rollout_pct_range"],
    ["rollout_pct", "'Infinity'", "22003"],
    ["targeting", "'[]'", "feature_flags_targeting_object"],
    ["targeting", "'null'", "feature_flags_targeting_object"],
    ["bucket_by", "''", "feature_flags_bucket_by_form"],
    ["bucket_by", "'a b'", "feature_flags_bucket_by_form"],
    ["bucket_by", "'a..b'", "feature_flags_bucket_by_form"],
    ["bucket_by", "repeat('a', 129)", "feature_flags_bucket_by_form"],
    ["salt", "''", "feature_flags_salt_form"],
    ["salt", "'A'", "feature_flags_salt_form"],
    ["salt", "'a:b'", "feature_flags_salt_form"],
    ["variants", "'{}'", "feature_flags_variants_array"],
    ["variant_ranges", "'[]'", "feature_flags_variant_ranges_object"],
    ["requires", "'{}'", "feature_flags_requires_array"],
    ["gates", "'{}'", "feature_flags_gates_array"],
    ["fail_mode", "'on'", "feature_flags_fail_mode_known"],
    ["owner", "repeat('o', 201)", "feature_flags_owner_length"],
    ["tags", "'{a,NULL}'", "feature_flags_tags_form"],
    ["tags", "'{{a},{b}}'", "feature_flags_tags_form"],
    ["tags", manyTags(21), "feature_flags_tags_form"],
  ] as const)("%s = %s", async ([column, value, constraint]) => {
    const columns = column === "key" ? "key" : `key, ${column}`;
    const values = column === "key" ? value : `'a', ${value}`;
    expect(await refusal(`insert into feature_flags (${columns}) values (${values})`)).toBe(constraint);
  });

  test.for([
    "enabled",
    "rollout_pct",
    "targeting",
    "bucket_by",
    "variants",
    "variant_ranges",
    "requires",
    "gates",
    "fail_mode",
    "in_header",
    "client_visible",
    "description",
    "owner",
    "tags",
    "created_at",
    "updated_at",
  ])("%s cannot be null", async (column) => {
    expect(await refusal(`insert into feature_flags (key, ${column}) values ('a', null)`)).toBe("23502");
  });

  test("a second flag with the same key", async () => {
    await client.query("insert into feature_flags (key) values ('a')");
    expect(await refusal("insert into feature_flags (key) values ('a')")).toBe("feature_flags_key_unique");
  });

  test("an archived flag that is enabled, in either order", async () => {
    await client.query("insert into feature_flags (key, archived_at) values ('old', now())");
    await client.query("insert into feature_flags (key, enabled) values ('live', true)");
    expect(await refusal("update feature_flags set enabled = true where key = 'old'")).toBe(
      "feature_flags_archived_is_off",
    );
    expect(await refusal("update feature_flags set archived_at = now() where key = 'live'")).toBe(
      "feature_flags_archived_is_off",
    );
  });

  test.for([
    ["key = 'b'", "feature_flags_key_fixed"],
    ["id = gen_random_uuid()", "feature_flags_id_fixed"],
    ["created_at = now() + interval '1 day'", "feature_flags_created_at_fixed"],
  ] as const)("update set %s", async ([assignment, constraint]) => {
    await client.query("insert into feature_flags (key) values ('a')");
    expect(await refusal(`update feature_flags set ${assignment}`)).toBe(constraint);
  });

  test("deleting a flag with gates, until they are removed", async () => {
    await client.query(`insert into feature_flags (key, gates) values ('a', '[{"pattern": "/ai/*"}]')`);
    expect(await refusal("delete from feature_flags")).toBe("feature_flags_gated_stays");
    await expect(client.query("delete from feature_flags")).rejects.toMatchObject({
      code: "23001",
      message: 'flag "a" has gates and cannot be deleted: its gates would open',
      hint: expect.stringContaining("Archive it") as unknown,
    });
    await client.query("update feature_flags set gates = '[]'");
    expect(await refusal("delete from feature_flags")).toBe("accepted");
  });

  test.for([
    ["delete from publication", "publication_stays"],
    ["truncate publication", "publication_stays"],
    ["insert into publication default values", "publication_id"],
    ["insert into publication (only_row) values (false)", "publication_one_row"],
    ["update publication set epoch = 0", "publication_forward_only"],
    ["update publication set revision = -1", "publication_forward_only"],
    ["update publication set revision = 9007199254740992", "publication_revision_range"],
    ["update publication set epoch = 9007199254740992", "publication_epoch_range"],
  ] as const)("%s", async ([sql, constraint]) => {
    expect(await refusal(sql)).toBe(constraint);
  });
});

describe("what it accepts", () => {
  test("a bare key, with everything off", async () => {
    const { rows } = await client.query("insert into feature_flags (key) values ('a') returning *");
    expect(rows).toEqual([
      {
        id: expect.stringMatching(/^[0-9a-f-]{36}$/) as unknown,
        key: "a",
        description: "",
        enabled: false,
        rollout_pct: "0.00",
        targeting: {},
        bucket_by: "targetingKey",
        salt: null,
        variants: [],
        variant_ranges: {},
        requires: [],
        gates: [],
        fail_mode: "off",
        in_header: true,
        client_visible: false,
        owner: "",
        tags: [],
        archived_at: null,
        created_at: expect.any(Date) as unknown,
        updated_at: expect.any(Date) as unknown,
      },
    ]);
  });

  test("the value of every bound", async () => {
    const sql = `insert into feature_flags (key, description, rollout_pct, fail_mode, owner, tags)
      values ('k' || repeat('-', 63), repeat('d', 1000), 100, 'last-known', repeat('o', 200), ${manyTags(20)})`;
    expect(await refusal(sql)).toBe("accepted");
  });
});

describe("updated_at", () => {
  const past = "2001-02-03T04:05:06.000Z";
  const updatedAt = async (): Promise<string | undefined> => {
    const { rows } = await client.query<{ updated_at: Date }>("select updated_at from feature_flags");
    return rows[0]?.updated_at.toISOString();
  };

  test.for([
    ["enabled = enabled", true],
    ["rollout_pct = 0.001, targeting = '{ }'", true],
    ["updated_at = now()", true],
    ["description = 'new'", false],
    ["enabled = true, updated_at = '1999-01-01'", false],
  ] as const)("update set %s: stays %s", async ([assignment, stays]) => {
    await client.query("insert into feature_flags (key, updated_at) values ('a', $1)", [past]);
    await client.query(`update feature_flags set ${assignment}`);
    const after = await updatedAt();
    expect(after === past).toBe(stays);
    expect(after).not.toMatch(/^1999/);
  });
});
