// Measures 10,000 writes at full speed, and checks that all of them arrive: see bench/README.md.
import { parseArgs } from "node:util";
import pg from "pg";
import { buildSnapshot } from "../publisher/publish/snapshot-builder.ts";
import { readSnapshotSource } from "../publisher/postgres/store.ts";
import { readPublished } from "./support/published.ts";
import { percentile, shownMs } from "./support/percentile.ts";
import { runBench, type Bench } from "./support/run-bench.ts";
import { startSystem, type System } from "./support/system.ts";
import type { Row } from "./support/table.ts";

const { values: given } = parseArgs({
  options: {
    writes: { type: "string", default: "10000" },
    clients: { type: "string", default: "16" },
  },
});
const WRITES = Number(given.writes);
const CLIENTS = Number(given.clients);
/** Each client writes its own flags, so its last acknowledged value must be in Postgres. */
const FLAGS_PER_CLIENT = 4;

await runBench(`${WRITES} writes at full speed by ${CLIENTS} clients`, async (bench) => {
  const system = await startSystem(bench);
  const { pool } = system;
  await pool.query("INSERT INTO feature_flags (key, enabled) SELECT unnest($1::text[]), true", [allKeys()]);
  // For comparison: the same row and client, without Sluice's work on a change.
  await pool.query("CREATE TABLE plain_flags AS SELECT * FROM feature_flags");
  await pool.query("ALTER TABLE plain_flags ADD PRIMARY KEY (key)");
  await system.settled();

  const direct = new pg.Pool({ connectionString: system.databaseUrl, max: CLIENTS });
  bench.defer(() => direct.end());
  const updating = (table: string) => (key: string, percent: number) =>
    direct.query(`UPDATE ${table} SET rollout_pct = $2 WHERE key = $1`, [key, percent]);

  const rows = [
    await storm(bench, system, "bare UPDATE, a table without triggers", updating("plain_flags")),
    await storm(bench, system, "bare UPDATE, feature_flags", updating("feature_flags")),
    await storm(bench, system, "admin API, answered when published", async (key, percent) => {
      const { published } = await system.call("PATCH", `/flags/${key}/rollout`, { rollout_pct: percent });
      bench.check(published, `a write of ${key} was not published in time`);
    }),
  ];
  bench.table(rows);
  const { faults } = await system.publisher.counts();
  bench.check(faults.length === 0, `the publisher reported ${faults.join("; ")}`);
});

/** Lets every client write as fast as it gets answers, then compares the acknowledged values, Postgres and Redis. */
async function storm(
  bench: Bench,
  system: System,
  way: string,
  write: (key: string, percent: number) => Promise<unknown>,
): Promise<Row> {
  bench.progress(way);
  const before = await countsOf(system);
  const tookMs: number[] = [];
  const acknowledged = new Map<string, number>();
  let left = WRITES;
  const begun = performance.now();
  await Promise.all(
    Array.from({ length: CLIENTS }, async (_, client) => {
      for (let turn = 0; left > 0; turn++) {
        left -= 1;
        const key = keyOf(client, turn % FLAGS_PER_CLIENT);
        // A new value at every write: a write that changes nothing raises no revision.
        const percent = ((turn % 9_999) + 1) / 100;
        const sentAt = performance.now();
        await write(key, percent);
        tookMs.push(performance.now() - sentAt);
        acknowledged.set(key, percent);
      }
    }),
  );
  const seconds = (performance.now() - begun) / 1_000;
  await system.settled();
  const after = await countsOf(system);

  const onFlags = !way.includes("without triggers");
  if (onFlags) await compare(bench, system, acknowledged);
  const revisions = after.revision - before.revision;
  bench.check(revisions === (onFlags ? WRITES : 0), `${way}: ${revisions} revisions for ${WRITES} writes`);
  return {
    way,
    "writes/s": Math.round(WRITES / seconds),
    "p50 ms": shownMs(percentile(tookMs, 0.5)),
    "p99 ms": shownMs(percentile(tookMs, 0.99)),
    revisions,
    publishes: after.publishes - before.publishes,
    "Redis commands": after.commands - before.commands,
  };
}

async function countsOf(system: System) {
  const [{ publishes }, { commands }, { revision }] = await Promise.all([
    system.publisher.counts(),
    system.redis.counts(),
    system.call("GET", "/status"),
  ]);
  return { publishes, commands, revision };
}

/** Checks that Postgres has every acknowledged write, and that Redis equals Postgres byte for byte. */
async function compare(
  bench: Bench,
  system: System,
  acknowledged: ReadonlyMap<string, number>,
): Promise<void> {
  const source = await readSnapshotSource(system.pool);
  const { text, digest } = await buildSnapshot(source);
  const { head, snapshot } = await readPublished(system);
  const saved = new Map(source.rows.map((row) => [row.key, Number(row.rollout_pct)]));
  const lost = [...acknowledged].filter(([key, percent]) => saved.get(key) !== percent);
  bench.check(lost.length === 0, `acknowledged, but not in Postgres: ${lost.map(([key]) => key).join(", ")}`);
  bench.check(
    head.revision === source.revision,
    `Redis is at ${head.revision}, Postgres at ${source.revision}`,
  );
  bench.check(head.digest === digest && snapshot === text, "the snapshot in Redis differs from Postgres");
}

function keyOf(client: number, flag: number): string {
  return `flag_${client}_${flag}`;
}

function allKeys(): string[] {
  return Array.from({ length: CLIENTS * FLAGS_PER_CLIENT }, (_, index) =>
    keyOf(Math.floor(index / FLAGS_PER_CLIENT), index % FLAGS_PER_CLIENT),
  );
}
