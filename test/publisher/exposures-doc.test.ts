import { readFile } from "node:fs/promises";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { encodeFlagsContext } from "../../shared/x-flags/flags-header.ts";
import { readFlags, type Exposure } from "../../shared/x-flags/read-flags.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

const doc = await readFile(new URL("../../docs/exposures.md", import.meta.url), "utf8");
/** The SQL statements of the page: tables, insert, rates, shares. */
const [TABLES = "", INSERT = "", RATES = "", SHARES = ""] = [
  ...doc.matchAll(/^```sql postgres\n([^`]+)```$/gm),
].map(([, sql]) => sql ?? "");

/** The example line of the worker's log in the page, and the statements for it: table, insert. */
const LINE: unknown = JSON.parse(/^```json\n([^`]+)```$/m.exec(doc)?.[1] ?? "");
const [EDGE_TABLE = "", EDGE_INSERT = ""] = [...doc.matchAll(/^```sql postgres edge\n([^`]+)```$/gm)].map(
  ([, sql]) => sql ?? "",
);

let database: TestDatabase;
let client: pg.Client;

beforeAll(async () => {
  database = await createTestDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
  await client.query(TABLES);
});
afterAll(async () => {
  await client.end();
  await database.drop();
});

/** The exposures that a site logs when somebody opens its search page on that day of November. */
async function visit(
  targetingKey: string,
  isOn: boolean,
  day: number,
  more: object = {},
): Promise<Exposure[]> {
  const told: Exposure[] = [];
  const context = encodeFlagsContext({
    version: { epoch: 1, revision: 7 },
    at: Date.UTC(2026, 10, day),
    targetingKey,
    method: "GET",
    host: "www.example.com",
    path: "/",
    source: "memory",
    ...more,
  });
  const headers = { "x-flags-context": context, ...(isOn && { "x-flags": "ai_search" }) };
  const flags = await readFlags(headers, { onExposure: (exposure) => told.push(exposure) });
  flags.isEnabled("ai_search");
  return told;
}

test("a site's exposures become rows, and the queries of the page count them", async () => {
  const exposures = (
    await Promise.all([
      visit("in-buys", true, 2),
      visit("in-buys", true, 3),
      visit("in-buys-late", true, 2),
      visit("in-bought-before", true, 5),
      visit("out-buys", false, 2),
      visit("out-1", false, 2),
      visit("out-2", false, 2),
      visit("moved", false, 2),
      visit("moved", true, 3),
      visit("tries", true, 2, { override: ["ai_search"] }),
      visit("waits", true, 2, { stale: true }),
      visit("another-month", true, 28),
    ])
  ).flat();
  await client.query(INSERT, [JSON.stringify(exposures)]);
  await client.query(
    `insert into outcomes (targeting_key, name, happened_at, value) values
     ('in-buys', 'purchase', '2026-11-04Z', 20), ('in-buys', 'purchase', '2026-11-05Z', 5),
     ('in-buys', 'visit', '2026-11-04Z', 1), ('in-buys-late', 'purchase', '2026-11-10Z', 99),
     ('in-bought-before', 'purchase', '2026-11-04Z', 99), ('out-buys', 'purchase', '2026-11-02Z', 7),
     ('moved', 'purchase', '2026-11-04Z', 99), ('tries', 'purchase', '2026-11-04Z', 99)`,
  );
  expect((await client.query(RATES)).rows).toEqual([
    { variant: "off", people: "3", buyers: "1", rate: "0.3333", value: "7" },
    { variant: "on", people: "3", buyers: "1", rate: "0.3333", value: "25" },
  ]);
  expect((await client.query(SHARES)).rows).toEqual([
    { variant: "off", people: "4", share: "44.44" },
    { variant: "on", people: "5", share: "55.56" },
  ]);
});

test("lines of the worker's log become the same rows", async () => {
  await client.query(EDGE_TABLE);
  const hashed = {
    ...(LINE as object),
    targeting_key: undefined,
    targeting_key_hmac: "ab12",
    flags: [["copilot", "off"]],
  };
  await client.query(EDGE_INSERT, [JSON.stringify([LINE, hashed])]);
  const common = { epoch: "1", revision: "412", decided_at: new Date("2026-11-26T06:40:00Z") };
  const drawn = { ...common, stale: false, override: false };
  expect((await client.query("select * from edge_exposures order by targeting_key, flag_key")).rows).toEqual([
    { flag_key: "copilot", variant: "off", targeting_key: "ab12", ...drawn },
    { flag_key: "ai_search", variant: "off", targeting_key: "user-1", ...drawn },
    { flag_key: "copilot", variant: "large", targeting_key: "user-1", ...drawn },
  ]);
});
