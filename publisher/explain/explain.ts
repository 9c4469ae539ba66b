import { compile, type Compiled } from "../../shared/compile/compile.ts";
import type { EvaluationContext } from "../../shared/flag/context.ts";
import type { Circumstances } from "../../shared/evaluate/evaluate.ts";
import { explain, explainAll, type Explanation as Explained } from "../../shared/evaluate/explain.ts";
import { killedKeys } from "../../shared/snapshot/snapshot.ts";
import type { Version } from "../../shared/snapshot/revision.ts";
import { toExplanation, type Explanation } from "./explanation.ts";
import { onlyThese, withNeeded } from "./flag-closure.ts";
import { briefly } from "../problem/problem.ts";
import type { PublisherRedis } from "../redis/redis.ts";
import { assembleSnapshot, type SnapshotRows } from "../publish/snapshot-builder.ts";

/** Flags as they stand in Postgres, or with a draft among them. */
export interface ExplainedState extends SnapshotRows {
  /** Where Postgres stood. */
  readonly state: Version;
}

/** Decides one flag just as the edge decides it once it has this state, and says every step of the way. */
export async function explainFlag(
  source: ExplainedState,
  key: string,
  context: EvaluationContext,
  redis: PublisherRedis,
): Promise<Explanation | undefined> {
  const needed = onlyThese(source, withNeeded(source.rows, [key]));
  const [explanation] = await explainIn(
    { ...needed, state: source.state },
    redis,
    async (compiled, circumstances) => [await explain(compiled, key, context, circumstances)],
  );
  return explanation;
}

/** The same for every flag, by key. */
export function explainFlags(
  source: ExplainedState,
  context: EvaluationContext,
  redis: PublisherRedis,
): Promise<readonly Explanation[]> {
  return explainIn(source, redis, (compiled, circumstances) => explainAll(compiled, context, circumstances));
}

async function explainIn(
  source: ExplainedState,
  redis: PublisherRedis,
  work: (compiled: Compiled, circumstances: Circumstances) => Promise<readonly Explained[]>,
): Promise<readonly Explanation[]> {
  const { snapshot, invalid } = assembleSnapshot(source);
  const edge = await readEdge(redis, source.state);
  const { killed } = edge;
  const explained = await work(compile(snapshot), killed === undefined ? {} : { killed });
  const rows = new Map(source.rows.map((row) => [row.key, row]));
  return explained.flatMap((one) => {
    const row = rows.get(one.key);
    return row === undefined ? [] : [toExplanation(one, { row, invalid: invalid.get(one.key), edge })];
  });
}

/** What `off` in Redis says for somebody who holds this state. */
export async function readEdge(
  redis: PublisherRedis,
  { epoch, revision }: Version,
): Promise<{ readonly killed?: ReadonlySet<string>; readonly fault?: string }> {
  try {
    const entries = [...(await redis.readKills())].flatMap(([key, { off }]) =>
      off === undefined ? [] : [[key, off] as const],
    );
    return { killed: killedKeys(new Map(entries), { epoch, revision }) };
  } catch (error) {
    return { fault: briefly(error) };
  }
}
