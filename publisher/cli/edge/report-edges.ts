import type { KillAnswer } from "../api/answers.ts";
import { EXIT } from "../cli-error.ts";
import type { Cli } from "../cli.ts";
import { visible } from "../terminal/visible.ts";
import { durationInWords } from "../words/amounts.ts";
import type { Edge } from "./edge-urls.ts";
import { type EdgeOutcome, type Proof, waitForEdge } from "./wait-for-edge.ts";

/** When a kill was sent and when the API answered, by this machine's clock, in milliseconds. */
export interface KillTimes {
  readonly startedAt: number;
  readonly answeredAt: number;
}

/** One edge in the output of --json. */
interface EdgeReport {
  readonly url: string;
  readonly has_kill: boolean;
  /** Upper bound, since the command started. */
  readonly after_ms: number | null;
  readonly epoch: number | null;
  readonly revision: number | null;
  readonly age_ms: number | null;
  readonly problem: string | null;
}

/** What each edge must report; undefined when not even Redis has confirmed the kill. */
export function proofOf(answer: KillAnswer, { answeredAt }: KillTimes): Proof | undefined {
  if ("recorded" in answer) return { confirmedAfter: answeredAt };
  // Unpublished, the revision proves nothing: a Redis that contradicts Postgres may have a higher one without the kill.
  if (answer.published) return { version: answer };
  return answer.at_edge === true ? { confirmedAfter: answeredAt } : undefined;
}

/** Waits for all edges at once. */
export async function waitForEdges(
  cli: Cli,
  edges: readonly Edge[],
  proof: Proof | undefined,
  limitMs: number,
): Promise<readonly EdgeOutcome[]> {
  if (proof === undefined) {
    cli.endWith(EXIT.notYetEverywhere);
    return edges.map((edge) => ({ edge, problem: "Redis has not confirmed the kill" }));
  }
  cli.terminal.progress(`Waiting for ${edges.length === 1 ? "the edge" : `${edges.length} edges`}`);
  const deadline = performance.now() + limitMs;
  const outcomes = await Promise.all(edges.map((edge) => waitForEdge(edge, proof, deadline)));
  cli.terminal.progress("");
  if (outcomes.some(({ hadAt }) => hadAt === undefined)) cli.endWith(EXIT.notYetEverywhere);
  return outcomes;
}

export function toReports(outcomes: readonly EdgeOutcome[], { startedAt }: KillTimes): readonly EdgeReport[] {
  return outcomes.map(({ edge, hadAt, status, problem }) => ({
    url: edge.shownUrl,
    has_kill: hadAt !== undefined,
    after_ms: hadAt === undefined ? null : Math.max(0, Math.round(hadAt - startedAt)),
    epoch: status?.epoch ?? null,
    revision: status?.revision ?? null,
    age_ms: status?.age_ms ?? null,
    problem: problem ?? null,
  }));
}

const WHAT_IS_PROVED =
  "Confirmed by the isolate that answered, one of many. All others that handle requests follow within 3 x REFRESH_MS (15 s " +
  "by default) as long as they reach Redis.";

/** Prints one line per edge, and what the answers prove. */
export function reportEdges(
  { terminal }: Cli,
  outcomes: readonly EdgeOutcome[],
  { startedAt }: KillTimes,
  limitMs: number,
): void {
  for (const { edge, hadAt, status, problem } of outcomes) {
    if (hadAt !== undefined) {
      terminal.print(
        hadAt <= startedAt
          ? `${edge.shownUrl} already had the kill before the command started.`
          : `${edge.shownUrl} has the kill, at most ${durationInWords(hadAt - startedAt)} after the command started.`,
      );
      continue;
    }
    const why = problem === undefined ? stillAt(status, limitMs) : visible(problem, 200);
    terminal.print(terminal.paint("yellow", `${edge.shownUrl} has NOT confirmed the kill: ${why}.`));
  }
  if (outcomes.some(({ hadAt }) => hadAt !== undefined))
    terminal.print(terminal.paint("dim", WHAT_IS_PROVED));
}

function stillAt(status: EdgeOutcome["status"], limitMs: number): string {
  if (status === undefined || status.revision === null || status.age_ms === null) {
    const fault = status?.fault === undefined ? "" : ` (${visible(status.fault, 60)})`;
    return `it has no flags${fault}, so everything is off there`;
  }
  const { revision, age_ms: age, fault } = status;
  return (
    `after ${durationInWords(limitMs)} it is at revision ${revision}, confirmed by Redis ${durationInWords(age)} ago` +
    (fault === undefined ? "" : `; it reports ${visible(fault, 60)}`)
  );
}
