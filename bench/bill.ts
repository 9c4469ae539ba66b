// The monthly cost of Redis by the number of colos that have visitors, from the formula in docs/operations.md.
import { parseArgs } from "node:util";
import type { Head } from "../shared/snapshot/snapshot.ts";
import { toTable, type Row } from "./support/table.ts";

const { values: given } = parseArgs({
  options: {
    colos: { type: "string", default: "10,100,300" },
    isolates: { type: "string", default: "8" },
    "refresh-ms": { type: "string", default: "5000,1000" },
    publishes: { type: "string", default: "1000" },
    "snapshot-bytes": { type: "string", default: "100000" },
    publishers: { type: "string", default: "2" },
  },
});
const toNumbers = (text: string): number[] => text.split(",").map(Number);

const ISOLATES = Number(given.isolates);
const PUBLISHES = Number(given.publishes);
const SNAPSHOT_BYTES = Number(given["snapshot-bytes"]);
const PUBLISHERS = Number(given.publishers);

/** Upstash's price list (upstash.com/pricing/redis), copied on 2026-09-20 and checked on 2026-11-25, in US dollars. */
const PAY_AS_YOU_GO = { per100kCommands: 0.2, freeGb: 200, perGb: 0.03 } as const;
const FIXED: readonly { readonly plan: string; readonly gb: number; readonly dollars: number }[] = [
  { plan: "250 MB", gb: 50, dollars: 10 },
  { plan: "1 GB", gb: 100, dollars: 20 },
  { plan: "5 GB", gb: 500, dollars: 100 },
  { plan: "10 GB", gb: 1_000, dollars: 200 },
  { plan: "50 GB", gb: 5_000, dollars: 400 },
  { plan: "100 GB", gb: 10_000, dollars: 800 },
  { plan: "500 GB", gb: 20_000, dollars: 1_500 },
];

const MONTH_MS = 30 * 86_400_000;
const GB = 1e9;

/** An isolate refreshes its snapshot at an age between this share of REFRESH_MS and the whole. */
const EARLIEST = 0.8;

/** How often a publisher compares Redis with Postgres, and imports kills that Postgres lacks. */
const LOOK_MS = 10_000;

// EVAL counts as one command, and so does each command inside it: the more expensive reading of the price list.
const COMMANDS = { look: 3, findKills: 1, publish: 3 + 4 } as const;

/** HTTP headers of an answer. */
const HEADER_BYTES = 300;

const HEAD: Head & { readonly builder: number } = {
  schema: 1,
  epoch: 1,
  revision: 100_000,
  database_id: "00000000-0000-4000-8000-000000000000",
  digest: "0".repeat(64),
  bytes: SNAPSHOT_BYTES,
  published_at: "2026-11-25T00:00:00.000Z",
  builder: 1,
};
/** Five kills of the last day. */
const OFF = Object.fromEntries(
  Array.from({ length: 5 }, (_, n) => [`some_ai_feature_${n}`, [1, 100_000 + n]]),
);

const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));

/** The answer has texts as JSON strings, so each quote in them takes two bytes. */
const REFRESH_BYTES = bytesOf({ result: [JSON.stringify(HEAD), JSON.stringify(OFF)] }) + HEADER_BYTES;
const SNAPSHOT_ANSWER_BYTES = REFRESH_BYTES + SNAPSHOT_BYTES * 1.15;

/** The upper bound: every colo always has visitors. */
function monthOf(colos: number, refreshMs: number, isShared: boolean): Row {
  const askers = colos * (isShared ? 1 : ISOLATES);
  const refreshes = (askers * MONTH_MS) / (EARLIEST * refreshMs);
  const snapshots = askers * PUBLISHES;
  const looks = (PUBLISHERS * MONTH_MS) / LOOK_MS;
  const commands =
    refreshes + snapshots + looks * (COMMANDS.look + COMMANDS.findKills) + PUBLISHES * COMMANDS.publish;
  const bytes =
    refreshes * REFRESH_BYTES +
    snapshots * SNAPSHOT_ANSWER_BYTES +
    looks * 2 * REFRESH_BYTES +
    PUBLISHES * SNAPSHOT_BYTES * 1.15;
  const gb = bytes / GB;
  const dollars =
    (commands / 100_000) * PAY_AS_YOU_GO.per100kCommands +
    Math.max(0, gb - PAY_AS_YOU_GO.freeGb) * PAY_AS_YOU_GO.perGb;
  const fixed = FIXED.find((plan) => plan.gb >= gb);
  return {
    colos,
    REFRESH_MS: refreshMs,
    "who asks": isShared ? "one isolate a colo" : `each of ${ISOLATES} isolates`,
    "million commands": Math.round(commands / 100_000) / 10,
    "a second": Math.ceil(commands / (MONTH_MS / 1_000)),
    GB: Math.ceil(gb),
    "pay as you go": `$${Math.ceil(dollars)}`,
    "fixed plan": fixed === undefined ? "none" : `$${fixed.dollars} (${fixed.plan})`,
  };
}

const refreshTimes = toNumbers(given["refresh-ms"]);
const rows = [
  ...refreshTimes.flatMap((refreshMs) =>
    toNumbers(given.colos).map((colos) => monthOf(colos, refreshMs, true)),
  ),
  ...toNumbers(given.colos).map((colos) => monthOf(colos, refreshTimes[0] ?? 5_000, false)),
];
console.log(
  `A month of 30 days: ${PUBLISHES} publishes of ${SNAPSHOT_BYTES} bytes, ${PUBLISHERS} publishers,`,
);
console.log(`${REFRESH_BYTES} bytes a refresh, colos with visitors all the time.\n`);
console.log(toTable(rows));
