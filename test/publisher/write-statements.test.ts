import pg from "pg";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Publisher } from "../../publisher/publish/publisher.ts";
import { flagPatch } from "../../publisher/schema/flag-schema.ts";
import { createFlagService } from "../../publisher/service/flag-service.ts";
import { createSegmentService } from "../../publisher/service/segment-service.ts";
import { createFlagWriter } from "../../publisher/write/flag-writer.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

const ACTOR = "test";

let database: TestDatabase;
let pool: pg.Pool;
/** The first two words of every statement since the last reset. */
let statements: string[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  pool = new pg.Pool({ connectionString: database.url, max: 1 });
  pool.on("connect", (client) => {
    const query = client.query.bind(client) as (...args: unknown[]) => unknown;
    client.query = ((...args: unknown[]) => {
      if (typeof args[0] === "string") statements.push(args[0].trim().split(/\s+/, 2).join(" "));
      return query(...args);
    }) as typeof client.query;
  });
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});
beforeEach(() => {
  statements = [];
});

const publisher: Publisher = {
  request: () => undefined,
  publishAtLeast: () => Promise.resolve(true),
  status: () => ({}),
  stop: () => Promise.resolve(),
};
const parts = () => ({ pool, publisher, maxSnapshotBytes: 1_048_576 });
const flags = () =>
  createFlagService({
    ...parts(),
    // No write of these tests asks Redis.
    redis: {} as Parameters<typeof createFlagService>[0]["redis"],
    log: () => undefined,
    onUnrecordedKill: () => undefined,
  });
const segments = () => createSegmentService(parts());

const begin = ["BEGIN ISOLATION", "SELECT set_config('sluice.actor',"];
/** Other writers wait from this statement until COMMIT. */
const raise = "SET CONSTRAINTS";
const end = ["SELECT epoch,", "COMMIT"];

test("a kill without If-Match reads nothing but its own row", async () => {
  await flags().create(ACTOR, { key: "burning" });
  statements = [];
  const plan = () => ({ set: { enabled: false }, required: undefined });
  await createFlagWriter(parts()).change({ actor: ACTOR, key: "burning", precondition: "none", plan });
  expect(statements).toEqual([...begin, "SELECT id,", "UPDATE feature_flags", raise, ...end]);
});

test("a rollout change with If-Match also reads the version that it compares", async () => {
  const { version } = await flags().create(ACTOR, { key: "rolling" });
  statements = [];
  const precondition = [{ weak: false, opaque: `"${version.epoch}.${version.revision}"` }];
  await flags().setRollout(ACTOR, "rolling", 10, precondition);
  expect(statements).toEqual([
    ...begin,
    "SELECT id,",
    "SELECT epoch,",
    "UPDATE feature_flags",
    raise,
    ...end,
  ]);
});

test("a patch raises the revision once, however many checks follow", async () => {
  await segments().create(ACTOR, { name: "team", description: "", ids: ["u_1"] });
  await flags().create(ACTOR, { key: "base" });
  await flags().create(ACTOR, { key: "patched" });
  statements = [];
  const patch = flagPatch.parse({
    targeting: { rules: [{ id: "team", if: { user: { $inGroup: "team" } }, rollout_pct: 100 }] },
    requires: [{ flag: "base" }],
    gates: [{ pattern: "/ai", otherwise: { rewrite: "/classic" } }],
  });
  await flags().patch(ACTOR, "patched", patch, "any");
  const raised = statements.indexOf(raise);
  expect(statements.slice(0, raised)).toHaveLength(6);
  expect(statements.slice(raised).filter((statement) => statement === raise)).toHaveLength(1);
  expect(statements.slice(raised)).toHaveLength(11);
});

test("other writers wait for six statements and the commit while an id is added to a segment", async () => {
  await segments().create(ACTOR, { name: "beta", description: "", ids: ["u_1"] });
  statements = [];
  await segments().changeIds(ACTOR, "beta", { add: ["u_2"] }, "none");
  const raised = statements.indexOf(raise);
  expect(statements.slice(0, raised)).toEqual([
    ...begin,
    "SELECT id,",
    "SELECT coalesce(sum(octet_length(name)",
    "UPDATE segments",
  ]);
  expect(statements.slice(raised).filter((statement) => statement === raise)).toHaveLength(1);
  expect(statements.slice(raised)).toHaveLength(7);
});
