import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { BITS, NOTES, OPPOSITES, SWITCHES } from "../flags.ts";
import { now, type Outcome, type Write } from "../history.ts";
import { wordsOf, type ClientRound } from "./api-client.ts";

const PAUSE_MS = { least: 40, most: 250 } as const;

/** How long somebody with psql waits, in milliseconds. */
const LIMITS = {
  connectionTimeoutMillis: 5_000,
  lock_timeout: 2_000,
  statement_timeout: 5_000,
  query_timeout: 20_000,
} as const;

type Step = (client: pg.Client) => Promise<unknown>;

/** Sends plain SQL to Postgres, without a publisher. @param url called for each connection: the port changes */
export async function runSqlClient(url: () => string, round: ClientRound): Promise<void> {
  const { client: name, random, until, record } = round;
  let connection: pg.Client | undefined;
  let count = 0;
  const nextStamp = (): string => `${name}, round ${round.round}, write ${++count}`;

  async function connect(): Promise<pg.Client> {
    if (connection !== undefined) return connection;
    const opened = new pg.Client({ connectionString: url(), application_name: "faults client", ...LIMITS });
    // A connection lost between two statements fails the next one. Without a listener it would end the process.
    opened.on("error", () => undefined);
    await opened.connect();
    connection = opened;
    return opened;
  }

  async function close(): Promise<void> {
    const closing = connection;
    connection = undefined;
    // A connection that hangs never ends.
    await Promise.race([closing?.end().catch(() => undefined), sleep(1_000)]);
  }

  /** Runs one transaction. Only the answer to COMMIT decides its outcome. */
  async function transact(steps: Step, commits: boolean): Promise<Outcome> {
    let isSent = false;
    try {
      const client = await connect();
      await client.query("begin");
      await steps(client);
      isSent = commits;
      const { command } = await client.query(commits ? "commit" : "rollback");
      if (!commits) return { result: "refused", why: "rolled back by its sender" };
      // Postgres answers the COMMIT of a failed transaction with ROLLBACK.
      return command === "COMMIT"
        ? { result: "acknowledged" }
        : { result: "refused", why: `COMMIT was answered by ${command}` };
    } catch (error) {
      await close();
      return { result: isSent ? "unknown" : "refused", why: wordsOf(error) };
    }
  }

  async function write(
    what: Write["what"],
    keys: readonly string[],
    steps: Step,
    { stamp, commits = true }: { readonly stamp?: string; readonly commits?: boolean } = {},
  ): Promise<void> {
    const startedAt = now();
    const outcome = await transact(steps, commits);
    record({
      client: name,
      what,
      keys,
      ...(stamp !== undefined && { stamp }),
      startedAt,
      endedAt: now(),
      outcome,
    });
  }

  const actions: readonly (() => Promise<void>)[] = [
    async () => {
      const key = random.pick(NOTES);
      const stamp = nextStamp();
      const pct = random.between(0, 10_000) / 100;
      await write(
        "describe",
        [key],
        (client) =>
          client.query("update feature_flags set description = $2, rollout_pct = $3 where key = $1", [
            key,
            stamp,
            pct,
          ]),
        { stamp },
      );
    },
    // A transaction that stays open for a while, and is rolled back half of the time.
    async () => {
      const keys = [random.pick(NOTES), random.pick(NOTES)];
      const stamp = nextStamp();
      const openMs = random.between(50, 500);
      await write(
        "describe",
        keys.slice(0, 1),
        async (client) => {
          await client.query("update feature_flags set rollout_pct = 50 where key = $1", [keys[1]]);
          await sleep(openMs);
          await client.query("update feature_flags set description = $2 where key = $1", [keys[0], stamp]);
        },
        { stamp, commits: random.chance(0.5) },
      );
    },
    async () => {
      const key = random.pick(SWITCHES);
      const enabled = random.chance(0.7);
      // Turning a flag off by SQL is no kill: the edge gets it only with the snapshot.
      await write(enabled ? "enable" : "mark", [key], (client) =>
        client.query("update feature_flags set enabled = $2 where key = $1", [key, enabled]),
      );
    },
    () => writeNumber(),
    () => writeNumber(),
    async () => {
      const stamp = nextStamp();
      const key = `made_by_${name}_${round.round}_${count}`;
      await write(
        "create",
        [key],
        (client) =>
          client.query("insert into feature_flags (key, description) values ($1, $2)", [key, stamp]),
        { stamp },
      );
      await write("delete", [key], (client) =>
        client.query("delete from feature_flags where key = $1", [key]),
      );
    },
  ];

  /** Writes every bit and its opposite in one transaction, in two statements, so that a reader could see half of it. */
  async function writeNumber(): Promise<void> {
    const number = random.between(0, 2 ** BITS.length - 1);
    const ones = BITS.flatMap((_, bit) => ((number >> bit) & 1 ? [bit] : []));
    const betweenMs = random.between(0, 30);
    await write("mark", [...BITS, ...OPPOSITES], async (client) => {
      // Locks in the same order: otherwise two of these transactions would deadlock.
      await client.query("select from feature_flags where key = any ($1) order by key for update", [
        [...BITS, ...OPPOSITES],
      ]);
      await client.query("update feature_flags set enabled = key = any ($2) where key = any ($1)", [
        BITS,
        ones.map((bit) => BITS[bit]),
      ]);
      await sleep(betweenMs);
      await client.query("update feature_flags set enabled = not key = any ($2) where key = any ($1)", [
        OPPOSITES,
        ones.map((bit) => OPPOSITES[bit]),
      ]);
    });
  }

  while (now() < until) {
    await random.pick(actions)();
    await sleep(random.between(PAUSE_MS.least, PAUSE_MS.most));
  }
  await close();
}
