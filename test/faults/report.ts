import type { Round } from "./run.ts";
import type { Settings } from "./settings.ts";

/** How many items of a list are shown. */
const SHOWN = 12;

/** How many of the slowest rounds are listed. */
const SLOWEST = 5;

/** Reports the broken rules of a round, and the command that repeats it. */
export function reportFailure(round: Round, { seed }: Settings, logLines: readonly string[]): string {
  const { number, plan, faults, violations } = round;
  const shown = violations.slice(0, SHOWN);
  return [
    `Round ${number} of seed ${seed} broke rules ${violations.length} times. To repeat it:`,
    `  SLUICE_TEST_SEED=${seed} SLUICE_TEST_ROUNDS=${number}-${number} npm run test:faults`,
    `Planned: ${JSON.stringify(plan)}`,
    ...faults.map((fault) => `Inflicted: ${JSON.stringify(fault)}`),
    ...shown.flatMap(({ rule, what, about }) => [
      `- ${rule}: ${what}`,
      ...about.slice(0, SHOWN).map((item) => `    ${JSON.stringify(item)}`),
      ...relevantWrites(round, about).map((line) => `    ${line}`),
    ]),
    ...logLines.slice(-40),
  ].join("\n");
}

/** All writes to the flags that a violation is about. */
function relevantWrites({ writes }: Round, about: readonly unknown[]): readonly string[] {
  const keys = about.flatMap((item) =>
    typeof item === "object" && item !== null && "keys" in item && Array.isArray(item.keys)
      ? (item.keys as string[])
      : [],
  );
  return writes
    .filter((write) => write.keys.some((key) => keys.includes(key)))
    .toSorted((a, b) => a.startedAt - b.startedAt)
    .slice(-SHOWN)
    .map((write) => `among: ${JSON.stringify(write)}`);
}

/** Reports the figures of a whole run. */
export function reportRun(rounds: readonly Round[], { seed }: Settings): string {
  const writes = rounds.flatMap((round) => round.writes);
  const faults = rounds.flatMap((round) => round.faults);
  const converged = rounds.map(({ convergedMs }) => convergedMs).sort((a, b) => a - b);
  const at = (share: number): string =>
    `${Math.round(converged[Math.max(0, Math.ceil(share * converged.length) - 1)] ?? 0)} ms`;
  const slowest = rounds.toSorted((a, b) => b.convergedMs - a.convergedMs).slice(0, SLOWEST);
  return [
    `${rounds.length} rounds of seed ${seed}`,
    `  writes     ${writes.length}: ${count(writes.map(({ outcome }) => outcome.result))}`,
    `  of them    ${count(writes.map(({ what, client }) => `${what} (${client.replace(/\d+$/, "")})`))}`,
    `  visits     ${rounds.reduce((sum, { sightings }) => sum + sightings.length, 0)}`,
    `  faults     ${faults.length}: ${count(faults.map(({ target, kind }) => `${target.startsWith("link ") ? "link" : target.replace(/ \d+$/, "")} ${kind}`))}`,
    `  converged  p50 ${at(0.5)}, p95 ${at(0.95)}, at most ${at(1)} after the last fault`,
    ...slowest.map(
      ({ number, convergedMs, waitedFor, faults }) =>
        `  slow       round ${number}, ${Math.round(convergedMs)} ms: ${waitedFor}; ${count(faults.map(({ target, kind }) => `${target} ${kind}`))}`,
    ),
  ].join("\n");
}

function count(words: readonly string[]): string {
  const groups = [...Map.groupBy(words, (word) => word)].sort(([a], [b]) => (a < b ? -1 : 1));
  return groups.map(([word, list]) => `${list.length} ${word}`).join(", ");
}
