import type { EvaluationContext } from "../../shared/flag/context.ts";
import { explainFlags, type ExplainedState } from "./explain.ts";
import type { Explanation } from "./explanation.ts";
import { followGates, type GateTest } from "./follow-gates.ts";
import type { PublisherRedis } from "../redis/redis.ts";
import { assembleSnapshot } from "../publish/snapshot-builder.ts";

/** What gates do to a request, and why the flags of those that it met are on or off. */
export interface ExplainedGateTest extends GateTest {
  readonly flags: readonly Explanation[];
}

/**
 * What would become of a request, for one visitor, with flags as Postgres has them and kills as the edge has them.
 *
 * @param visitor undefined: as a worker answers that holds no flags, whoever asks
 */
export async function testGates(
  source: ExplainedState,
  visitor: EvaluationContext | undefined,
  url: URL,
  redis: PublisherRedis,
): Promise<ExplainedGateTest> {
  const { flags } = assembleSnapshot(source).snapshot;
  const explained = visitor === undefined ? [] : await explainFlags(source, visitor, redis);
  const on = new Set(explained.flatMap(({ flag_key: key, value }) => (value ? [key] : [])));
  const test = followGates(flags, (key) => on.has(key), url);
  const met = new Set(test.steps.flatMap(({ gates }) => gates.map(({ flag_key: key }) => key)));
  return { ...test, flags: explained.filter(({ flag_key: key }) => met.has(key)) };
}
