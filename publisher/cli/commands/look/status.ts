import type { Command } from "commander";
import { redisState, type RedisState, type Status } from "../../api/answers.ts";
import { ApiProblem } from "../../api/api-problem.ts";
import { EXIT } from "../../cli-error.ts";
import type { Cli } from "../../cli.ts";
import { askEdge } from "../../edge/ask-edge.ts";
import { EDGE_HEADINGS, type EdgeLook, isWell, lookAt, toJson, toRow } from "../../edge/edge-rows.ts";
import { collectEdges, EDGE_OPTION, findEdges } from "../../edge/edge-urls.ts";
import { formatPairs, formatTable } from "../../terminal/table.ts";
import { visible } from "../../terminal/visible.ts";
import { durationInWords } from "../../words/amounts.ts";

type Pair = readonly [string, string];

export function addStatus(program: Command, cli: Cli): void {
  program
    .command("status")
    .description("Show the state of Postgres, Redis and the edge.")
    .option(...EDGE_OPTION, collectEdges)
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
Exit codes: 0 when Redis is up to date and there is no fault; 7 when Redis is behind, publishing fails or a kill is not
recorded yet; 8 when Redis contradicts Postgres. With --edge or SLUICE_EDGE_URLS (separated by commas), also 7 when one of
these workers is behind, does not answer or reports a fault. The workers are shown even when the publisher or Postgres
does not answer (6).

A worker is many isolates; one of them answers. On a quiet site, ask twice: the first answer after a pause may come from
an old snapshot in memory.

Example:
  sluice status
  sluice status --edge https://www.example.com`,
    )
    .action(async (options: { readonly edge?: readonly string[]; readonly json?: boolean }) => {
      const api = cli.api();
      const edges = findEdges(cli, options.edge);
      const heard = await Promise.all(edges.map(async (edge) => ({ edge, heard: await askEdge(edge) })));
      const sentAt = performance.now();
      const answer = await api.status().then(
        (status) => ({ status, error: undefined }),
        (error: unknown) => ({ status: undefined, error }),
      );
      const asked = { sentAt, heardAt: performance.now() };
      const looks = heard.map(({ edge, heard }) => lookAt(edge, heard, answer.status, asked));

      if (answer.status === undefined) {
        reportWithoutPostgres(cli, answer.error, looks, options.json === true);
        throw answer.error;
      }
      const { status } = answer;
      if (options.json === true) {
        cli.terminal.printJson(edges.length === 0 ? status : { ...status, edges: looks.map(toJson) });
      } else {
        printStatus(cli, pairsOf(api.connection.shownUrl, status), looks);
      }
      if (status.diverged || looks.some(({ heard }) => heard?.status.diverged === true)) {
        cli.endWith(EXIT.diverged);
      } else if (!isQuiet(status) || !looks.every(isWell)) {
        cli.endWith(EXIT.notYetEverywhere);
      }
    });
}

function isQuiet({ published, fault, pending_kills: pending }: Status): boolean {
  return published && fault === null && (pending ?? []).length === 0;
}

function printStatus({ terminal }: Cli, pairs: readonly Pair[], looks: readonly EdgeLook[]): void {
  const { paint, columns } = terminal;
  if (pairs.length > 0) terminal.print(formatPairs(pairs, paint));
  if (looks.length === 0) return;
  const gap = pairs.length > 0 ? "\n" : "";
  terminal.print(`${gap}${formatTable(EDGE_HEADINGS, looks.map(toRow), { paint, columns })}`);
}

/** Prints Redis and the workers. The caller reports the error itself. */
function reportWithoutPostgres(cli: Cli, error: unknown, looks: readonly EdgeLook[], isJson: boolean): void {
  const redis = error instanceof ApiProblem ? redisState.safeParse(error.problem).data : undefined;
  if (!isJson) return printStatus(cli, redis === undefined ? [] : redisPairs(redis), looks);
  if (redis === undefined && looks.length === 0) return;
  const { redis: version = null, redis_fault = null, pending_kills = null } = redis ?? {};
  cli.terminal.printJson({ redis: version, redis_fault, pending_kills, edges: looks.map(toJson) });
}

function pairsOf(shownUrl: string, status: Status): readonly Pair[] {
  const { epoch, revision, published, changed_ms_ago: changed } = status;
  const ago = changed === undefined ? "" : `, since ${durationInWords(changed)}`;
  return [
    ["publisher", shownUrl],
    ["Postgres", `revision ${revision} (epoch ${epoch})${ago}`],
    redisPair(status),
    ["published", published ? "yes" : "NOT yet"],
    ...pendingPairs(status),
    ...pollingPairs(status),
    ...troubleOf(status),
  ];
}

function redisPairs(state: RedisState): readonly Pair[] {
  const { redis_fault: fault } = state;
  return [
    redisPair(state),
    ...pendingPairs(state),
    ...(fault === null ? [] : [["fault", visible(fault, 400)] as const]),
  ];
}

const redisPair = ({ redis }: Pick<Status, "redis">): Pair => [
  "Redis",
  redis === null ? "unknown" : `revision ${redis.revision} (epoch ${redis.epoch})`,
];

function pollingPairs({ listen }: Status): readonly Pair[] {
  if (listen?.mode !== "polling") return [];
  const every = durationInWords(listen.every_ms ?? 0);
  return [["changes by SQL", `read every ${every}, not announced: ${visible(listen.why ?? "", 400)}`]];
}

function pendingPairs({ pending_kills: pending }: Pick<Status, "pending_kills">): readonly Pair[] {
  if (!pending || pending.length === 0) return [];
  const keys = pending.map((key) => visible(key, 64)).join(", ");
  return [["pending kills", `${keys}: off at the edge, NOT yet recorded in Postgres`]];
}

function troubleOf({ fault, divergence }: Status): readonly Pair[] {
  if (!divergence) return fault === null ? [] : [["fault", visible(fault, 400)]];
  const { why, since, redis } = divergence;
  return [
    [
      "DIVERGED",
      `${visible(why, 200)} (Redis: epoch ${redis.epoch}, revision ${redis.revision}; since ${visible(since, 40)})`,
    ],
    ["effect", "nothing is published; kills still reach the edge"],
    ["fix", "find out which one is right; if it is this database, run `sluice publish --force`"],
  ];
}
