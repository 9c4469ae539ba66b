import { runApiClient } from "./clients/api-client.ts";
import { runSqlClient } from "./clients/sql-client.ts";
import { VISITOR, startVisitors } from "./clients/visitors.ts";
import { checkAcknowledged } from "./checks/acknowledged.ts";
import { checkContent } from "./checks/content.ts";
import { checkKills } from "./checks/kills.ts";
import { checkOrder } from "./checks/order.ts";
import { checkPublished } from "./checks/published.ts";
import { checkSite } from "./checks/site.ts";
import { untilConverged } from "./converge.ts";
import { now, type History, type Sighting, type Violation, type Write } from "./history.ts";
import { inflict } from "./inflict.ts";
import { planRound, type Plan } from "./plan.ts";
import { createRandom } from "./random.ts";
import type { Settings } from "./settings.ts";
import type { System } from "./system.ts";
import { createTruth, readChanges } from "./truth.ts";
import { withClient } from "../support/database.ts";

/** Concurrent clients. */
const CLIENTS = { api: 14, sql: 6 } as const;

/** The result of one round. */
export interface Round extends History {
  readonly number: number;
  readonly plan: Plan;
  /** From the end of the last fault until every isolate showed the flags of Postgres. */
  readonly convergedMs: number;
  /** The last difference until then. */
  readonly waitedFor: string;
  readonly violations: readonly Violation[];
}

/** Plays one round after the other, until one breaks a rule. */
export async function* runRounds(system: System, settings: Settings): AsyncGenerator<Round> {
  const { seed, firstRound, lastRound } = settings;
  const truth = createTruth();
  const earlier: Write[] = [];
  const latest = new Map<string, Sighting>();
  const visitors = startVisitors(system, latest);
  try {
    for (let number = firstRound; number <= lastRound; number++) {
      const plan = planRound(createRandom(`${seed}/${number}`), system.faults);
      const { history, converged } = await play(number, plan);
      truth.add(
        await withClient(system.databaseUrl(), (client) =>
          readChanges(client, truth.changes.at(-1)?.id ?? 0),
        ),
      );
      const { writes, sightings, faults } = history;
      // A write whose answer was lost in an earlier round may still happen.
      const mayStillKill = earlier.filter(({ outcome }) => outcome.result === "unknown");
      const round: Round = {
        number,
        plan,
        ...history,
        convergedMs: converged.ms,
        waitedFor: converged.waitedFor,
        violations: [
          ...converged.violations,
          ...checkSite(sightings),
          ...checkOrder(sightings),
          ...checkContent(sightings, [...mayStillKill, ...writes], truth, VISITOR),
          ...checkKills(sightings, writes, faults, truth),
          ...checkPublished(writes, faults),
          ...checkAcknowledged(writes, earlier, truth, converged.database.flags),
          ...system.ownEnds().map((how) => ({ rule: "no publisher ends by itself", what: how, about: [] })),
        ],
      };
      earlier.push(...writes);
      yield round;
      if (round.violations.length > 0) return;
    }
  } finally {
    await visitors.stop();
  }

  async function play(number: number, plan: Plan) {
    const writes: Write[] = [];
    const until = now() + plan.writeMs;
    const roundOf = (client: string) => ({
      client,
      round: number,
      random: createRandom(`${seed}/${number}/${client}`),
      until,
      record: (write: Write) => void writes.push(write),
    });
    const infliction = inflict(plan.faults, system.faults);
    const writing = Promise.all([
      ...names("api", CLIENTS.api).map((name) => runApiClient(system, roundOf(name))),
      ...names("sql", CLIENTS.sql).map((name) => runSqlClient(system.sqlUrl, roundOf(name))),
    ]);
    // If a client fails, the faults are ended first.
    writing.catch(() => undefined);
    await untilTime(until);
    const faults = await infliction.heal();
    const healedAt = now();
    await writing;
    const converged = await untilConverged(system, healedAt, (isolate) => latest.get(isolate));
    const history: History = { writes, sightings: visitors.takeSightings(), faults };
    return { history, converged };
  }
}

const names = (kind: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `${kind}${index + 1}`);

async function untilTime(time: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, time - now())));
}
