import { compile } from "../../shared/compile/compile.ts";
import { withTargetingKey } from "../../shared/flag/context.ts";
import { computeBuckets, decide, decisionOf } from "../../shared/evaluate/evaluate.ts";

/** Which state of the flag is published. Between the two, all users and about half of the anonymous visitors change sides. */
export type Turn = 0 | 1;

export const userIds: readonly string[] = Array.from({ length: 20 }, (_, n) => `user-${n}`);

/** The flag of a turn, as in a snapshot. */
export function flagsIn(turn: Turn): readonly object[] {
  return [
    {
      key: "ai_search",
      enabled: true,
      rollout_pct: 50,
      salt: `turn-${turn}`,
      targeting: {
        allowlist: userIds.filter((_, n) => n % 2 === turn),
        blocklist: userIds.filter((_, n) => n % 2 !== turn),
      },
    },
  ];
}

/** The right decision, by the evaluator itself. */
export async function isOn(
  turn: Turn,
  id: { readonly userId: string } | { readonly anonymousId: string },
): Promise<boolean> {
  const compiled = compile({ schema: 1, flags: flagsIn(turn) });
  const context = withTargetingKey(id);
  const decisions = decide(compiled, context, await computeBuckets(compiled, context));
  return decisionOf(compiled, decisions, "ai_search").value;
}
