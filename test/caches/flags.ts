import { compile } from "../../shared/compile/compile.ts";
import { withTargetingKey } from "../../shared/flag/context.ts";
import { computeBuckets, decide, decisionOf } from "../../shared/evaluate/evaluate.ts";

/** How the flag stands. Between the two every user changes sides, and about half of all anonymous visitors. */
export type Turn = 0 | 1;

export const userIds: readonly string[] = Array.from({ length: 20 }, (_, n) => `user-${n}`);

/** The flag in a turn, as a snapshot holds it. */
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

/** What is right, by the evaluator itself. */
export async function isOn(
  turn: Turn,
  id: { readonly userId: string } | { readonly anonymousId: string },
): Promise<boolean> {
  const compiled = compile({ schema: 1, flags: flagsIn(turn) });
  const context = withTargetingKey(id);
  const decisions = decide(compiled, context, await computeBuckets(compiled, context));
  return decisionOf(compiled, decisions, "ai_search").value;
}
