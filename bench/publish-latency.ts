// Measures how long an admin write takes until Redis has it, by the number of flags: see bench/README.md.
import { parseArgs } from "node:util";
import { digestOf } from "../shared/snapshot/snapshot.ts";
import { percentile, shownMs } from "./support/percentile.ts";
import { readPublished } from "./support/published.ts";
import { runBench, type Bench } from "./support/run-bench.ts";
import { startSystem, type System } from "./support/system.ts";
import type { Row } from "./support/table.ts";

const { values: given } = parseArgs({
  options: {
    flags: { type: "string", default: "10,1000,5000" },
    writes: { type: "string", default: "200" },
  },
});
const WRITES = Number(given.writes);

/** Not measured: connections and Node's compiler warm up. */
const WARM_UP = 20;

/** 5,000 flags with targeting exceed the publisher's default limit of 1 MiB. */
const MAX_SNAPSHOT_BYTES = 4_194_304;

await runBench(`Admin write to Redis: ${WRITES} writes, one after the other`, async (bench) => {
  const system = await startSystem(bench, { maxSnapshotBytes: MAX_SNAPSHOT_BYTES });
  const rows: Row[] = [];
  for (const flags of given.flags
    .split(",")
    .map(Number)
    .sort((a, b) => a - b)) {
    bench.progress(`${flags} flags`);
    rows.push(await measure(bench, system, flags));
  }
  bench.table(rows);
  const { faults } = await system.publisher.counts();
  bench.check(faults.length === 0, `the publisher reported ${faults.join("; ")}`);
});

async function measure(bench: Bench, system: System, flags: number): Promise<Row> {
  await addFlags(system, flags);
  await system.settled();
  const before = await system.redis.counts();
  const tookMs: number[] = [];
  for (let turn = 0; turn < WARM_UP + WRITES; turn++) {
    const begun = performance.now();
    const { revision, published } = await system.call("PATCH", `/flags/flag_${turn % flags}/rollout`, {
      // A value that no size had before: a write that changes nothing is not published.
      rollout_pct: ((turn + flags) % 10_000) / 100,
    });
    if (turn >= WARM_UP) tookMs.push(performance.now() - begun);

    // Not measured: the check that the answer was true.
    const { head } = await readPublished(system);
    bench.check(published, `at ${flags} flags, revision ${revision} was not published in time`);
    bench.check(head.revision >= revision, `Redis is at ${head.revision} after an answer for ${revision}`);
  }
  const { head, snapshot } = await readPublished(system);
  bench.check((await digestOf(snapshot)) === head.digest, `at ${flags} flags, digest and snapshot differ`);
  const looks = WARM_UP + WRITES + 1;
  const { commands } = await system.redis.counts();
  return {
    flags,
    bytes: head.bytes,
    "p50 ms": shownMs(percentile(tookMs, 0.5)),
    "p99 ms": shownMs(percentile(tookMs, 0.99)),
    "max ms": shownMs(Math.max(...tookMs)),
    "Redis commands a write":
      Math.round(((commands - before.commands - looks) / (WARM_UP + WRITES)) * 10) / 10,
  };
}

/** Inserts flags by plain SQL up to this number; every fifth has an allowlist, a plan and a blocklist. */
async function addFlags({ pool }: System, flags: number): Promise<void> {
  const targeting = JSON.stringify({
    allowlist: ["user-1001", "user-1002", "user-1003"],
    blocklist: ["user-2001"],
    plans: ["pro", "enterprise"],
  });
  await pool.query(
    `INSERT INTO feature_flags (key, enabled, rollout_pct, targeting, in_header)
     SELECT 'flag_' || n, true, 25, CASE WHEN n % 5 = 0 THEN $2::jsonb ELSE '{}' END, n < 100
     FROM generate_series(0, $1 - 1) n
     ON CONFLICT (key) DO NOTHING`,
    [flags, targeting],
  );
}
