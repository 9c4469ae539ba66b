import type { Command } from "commander";
import { redisStanding, type RedisStanding, type Status } from "../../api/answers.ts";
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
    .description("Show where Postgres, Redis and the edge stand.")
    .option(...EDGE_OPTION, collectEdges)
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
Ends with 0 when Redis has everything and nothing is at fault, 7 when it has not, when publishing fails or a kill is not
recorded yet, 8 when Redis contradicts Postgres. With --edge, or SLUICE_EDGE_URLS (separated by commas), also with 7 when
one of these workers has not everything, does not answer or says a fault. They are shown also when the publisher or
Postgres does not answer (6).

A worker is many isolates; one of them answers. On a quiet site this is the first request after a pause, and it answers
with what it held before that: ask twice.

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
        tellWithoutPostgres(cli, answer.error, looks, options.json === true);
        throw answer.error;
      }
      const { status } = answer;
      if (options.json === true) {
        cli.terminal.printJson(edges.length === 0 ? status : { ...status, edges: looks.map(toJson) });
      } else {
        tell(cli, pairsOf(api.connection.shownUrl, status), looks);
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

function tell({ terminal }: Cli, pairs: readonly Pair[], looks: readonly EdgeLook[]): void {
  const { paint, columns } = terminal;
  if (pairs.length > 0) terminal.print(formatPairs(pairs, paint));
  if (looks.length === 0) return;
  const gap = pairs.length > 0 ? "\n" : "";
  terminal.print(`${gap}${formatTable(EDGE_HEADINGS, looks.map(toRow), { paint, columns })}`);
}

/** What is known all the same; the fault itself is told as that of any command. */
function tellWithoutPostgres(cli: Cli, error: unknown, looks: readonly EdgeLook[], isJson: boolean): void {
  const redis = error instanceof ApiProblem ? redisStanding.safeParse(error.problem).data : undefined;
  if (!isJson) return tell(cli, redis === undefined ? [] : redisPairs(redis), looks);
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
    ...troubleOf(status),
  ];
}

function redisPairs(standing: RedisStanding): readonly Pair[] {
  const { redis_fault: fault } = standing;
  return [
    redisPair(standing),
    ...pendingPairs(standing),
    ...(fault === null ? [] : [["fault", visible(fault, 400)] as const]),
  ];
}

const redisPair = ({ redis }: Pick<Status, "redis">): Pair => [
  "Redis",
  redis === null ? "not known" : `revision ${redis.revision} (epoch ${redis.epoch})`,
];

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
    ["so far", "nothing is published; kills reach the edge all the same"],
    ["way out", "find out which is right; if this database is: `sluice publish --force`"],
  ];
}
