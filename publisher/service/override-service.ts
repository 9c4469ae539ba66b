import type pg from "pg";
import { compile, type Compiled } from "../../shared/compile/compile.ts";
import { withTargetingKey } from "../../shared/flag/context.ts";
import { explain } from "../../shared/evaluate/explain.ts";
import type { Overrides } from "../../shared/flag/override.ts";
import type { SigningKey } from "../../shared/x-flags/signing-keys.ts";
import { readEdge } from "../explain/explain.ts";
import { Problem, toJsonPointer, type ProblemDetail } from "../problem/problem.ts";
import { onlyThese, withNeeded } from "../explain/flag-closure.ts";
import type { Log } from "../process/log.ts";
import { recordOverride } from "./override-audit.ts";
import { effectOf, type OverrideEffect } from "./override-effect.ts";
import { guardPostgres } from "../postgres/postgres-problem.ts";
import type { PublisherRedis } from "../redis/redis.ts";
import { signOverride, type SignedOverride } from "./sign-override.ts";
import { assembleSnapshot } from "../publish/snapshot-builder.ts";
import { readSnapshotSource } from "../postgres/store.ts";

export type OverrideService = ReturnType<typeof createOverrideService>;

/** Somebody of whom nothing is known but that they have a place. */
const ANYBODY = withTargetingKey({ anonymousId: "anon-AAAAAAAAAAAAAAAAAAAAAA" });

/** An override, and what it does as things stand. */
interface Signed extends SignedOverride {
  readonly effects: readonly OverrideEffect[];
  /** Why Redis does not answer: kills are not known then. */
  readonly edgeFault?: string;
}

/** Signs test overrides. */
export function createOverrideService(options: {
  readonly pool: pg.Pool;
  readonly redis: PublisherRedis;
  readonly log: Log;
  readonly environment: string;
  /** The first one signs; absent: none is signed. */
  readonly overrideKeys?: readonly [SigningKey, ...SigningKey[]];
}) {
  const { pool, redis, log, environment, overrideKeys } = options;

  return {
    /**
     * @param seconds how long it holds
     * @throws Problem for flags and variants that are not there, and where nothing signs
     */
    async sign(actor: string, flags: Readonly<Record<string, string>>, seconds: number): Promise<Signed> {
      if (overrideKeys === undefined) {
        throw new Problem(
          "conflict",
          "this publisher signs no overrides: set OVERRIDE_KEYS here and on the workers, to the same value",
        );
      }
      const overrides: Overrides = new Map(Object.entries(flags));
      const source = await guardPostgres("read", () => readSnapshotSource(pool));
      const needed = onlyThese(source, withNeeded(source.rows, overrides.keys()));
      const { snapshot, invalid } = assembleSnapshot(needed);
      const compiled = compile(snapshot);
      refuseUnknown(compiled, overrides);

      const { killed = new Set<string>(), fault } = await readEdge(redis, source);
      const effects: OverrideEffect[] = [];
      for (const key of overrides.keys()) {
        const explanation = await explain(compiled, key, ANYBODY, { killed, overrides });
        effects.push(effectOf(explanation, overrides, invalid.get(key)));
      }
      const signed = await signOverride(
        { key: overrideKeys[0], environment },
        overrides,
        seconds,
        new Date(),
      );
      await recordOverride(pool, actor, overrides, signed);
      const { id, endsAt } = signed;
      log("override.signed", { id, actor, flags, ends_at: endsAt.toISOString() });
      return { ...signed, effects, ...(fault !== undefined && { edgeFault: fault }) };
    },
  };
}

/** What is broken may have any variant: its flag is off until it is mended. */
function refuseUnknown({ flags, positions }: Compiled, overrides: Overrides): void {
  const errors: ProblemDetail[] = [];
  for (const [key, forced] of overrides) {
    const pointer = toJsonPointer(["flags", key]);
    const flag = flags[positions.get(key) ?? -1];
    if (flag === undefined) errors.push({ pointer, detail: "there is no such flag" });
    else if (!isKnown(forced, flag.variants) && flag.fault === undefined) {
      const known = ["on", "off", ...flag.variants.map((variant) => variant.key)];
      errors.push({ pointer, detail: `must be one of ${known.join(", ")}` });
    }
  }
  const [first] = errors;
  if (first === undefined) return;
  throw new Problem("invalid-request", `${first.pointer}: ${first.detail}`, { errors });
}

function isKnown(forced: string, variants: readonly { readonly key: string }[]): boolean {
  return forced === "on" || forced === "off" || variants.some(({ key }) => key === forced);
}
