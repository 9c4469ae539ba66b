import pg from "pg";
import { compile, type Compiled } from "../../shared/compile/compile.ts";
import { withTargetingKey } from "../../shared/flag/context.ts";
import { explain } from "../../shared/evaluate/explain.ts";
import { OVERRIDE_PATH, type Overrides } from "../../shared/flag/override.ts";
import type { SigningKey } from "../../shared/x-flags/signing-keys.ts";
import { readEdge } from "../explain/explain.ts";
import { onlyThese, withNeeded } from "../explain/flag-closure.ts";
import { guardPostgres } from "../postgres/postgres-problem.ts";
import type { Queryable } from "../postgres/postgres.ts";
import { readSnapshotSource } from "../postgres/store.ts";
import { Problem, toJsonPointer, type ProblemDetail } from "../problem/problem.ts";
import type { Log } from "../process/log.ts";
import { assembleSnapshot } from "../publish/snapshot-builder.ts";
import type { PublisherRedis } from "../redis/redis.ts";
import type { OverrideAnswer } from "../schema/override-schema.ts";
import { effectOf } from "./override-effect.ts";
import { signOverride, type OverrideToken } from "./sign-override.ts";

export type OverrideService = ReturnType<typeof createOverrideService>;

const INSUFFICIENT_PRIVILEGE = "42501";

/** A visitor with an anonymous id, and without any other attribute. */
const ANYBODY = withTargetingKey({ anonymousId: "anon-AAAAAAAAAAAAAAAAAAAAAA" });

/** Signs test overrides. */
export function createOverrideService(options: {
  readonly pool: pg.Pool;
  readonly redis: PublisherRedis;
  readonly log: Log;
  readonly environment: string;
  /** The first key signs. Absent: overrides are refused. */
  readonly overrideKeys?: readonly [SigningKey, ...SigningKey[]];
}) {
  const { pool, redis, log, environment, overrideKeys } = options;

  return {
    /**
     * @param seconds the lifetime of the override
     * @throws Problem for flags and variants that do not exist, and without a key
     */
    async sign(
      actor: string,
      flags: Readonly<Record<string, string>>,
      seconds: number,
    ): Promise<OverrideAnswer> {
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
      const effects: OverrideAnswer["flags"] = [];
      for (const key of overrides.keys()) {
        const explanation = await explain(compiled, key, ANYBODY, { killed, overrides });
        effects.push(effectOf(explanation, overrides, invalid.get(key)));
      }
      const signer = { key: overrideKeys[0], environment };
      const signed = await signOverride(signer, overrides, seconds, new Date());
      await recordOverride(pool, actor, overrides, signed);
      const { id, token } = signed;
      const ends_at = signed.endsAt.toISOString();
      log("override.signed", { id, actor, flags, ends_at });
      const path = `${OVERRIDE_PATH}?token=${token}`;
      return { id, token, path, ends_at, edge_fault: fault, flags: effects };
    },
  };
}

/** Records who had which override signed. Called before the token is returned, so that every override is in the audit. */
async function recordOverride(
  db: Queryable,
  actor: string,
  overrides: Overrides,
  { id, endsAt }: OverrideToken,
): Promise<void> {
  await guardPostgres("write", async () => {
    try {
      await db.query("INSERT INTO override_audit (id, actor, flags, ends_at) VALUES ($1, $2, $3, $4)", [
        id,
        actor,
        JSON.stringify(Object.fromEntries(overrides)),
        endsAt,
      ]);
    } catch (error) {
      if (!(error instanceof pg.DatabaseError) || error.code !== INSUFFICIENT_PRIVILEGE) throw error;
      throw new Problem(
        "unavailable",
        "the publisher's role may not write to override_audit: grant it the rights in docs/operations.md",
      );
    }
  });
}

/** A broken flag accepts any variant, because its variants are unknown. It is off until its row is fixed. */
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
