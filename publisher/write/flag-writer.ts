import type pg from "pg";
import type { Version } from "../../shared/snapshot/revision.ts";
import { checkGates } from "./check-gates.ts";
import { checkNotRequired, checkReferences } from "./check-references.ts";
import type { Subject } from "../postgres/change-history.ts";
import type { FlagRow } from "../postgres/flag-record.ts";
import { NO_SIZES, checkSizes, readFlagSizes } from "./flag-sizes.ts";
import { readFlagView, type FlagView } from "./flag-view.ts";
import type { Queryable } from "../postgres/postgres.ts";
import { checkPrecondition, type Precondition } from "./precondition.ts";
import { Problem } from "../problem/problem.ts";
import type { Publisher } from "../publish/publisher.ts";
import { deleteFlag, insertFlag, readFlag, updateFlag, type FlagColumns } from "../postgres/store.ts";
import { write, type Written } from "./write-transaction.ts";

/** A flag with the version of its last change. */
export interface VersionedFlag {
  readonly flag: FlagView;
  readonly version: Version;
}

export type WrittenFlag = VersionedFlag & Written;

/** The columns to set, and why If-Match is required (undefined: it is not). */
export interface FlagPlan {
  readonly set: FlagColumns;
  readonly required: string | undefined;
}

/** One change of an existing flag. */
export interface FlagChangeRequest {
  readonly actor: string;
  readonly key: string;
  readonly precondition: Precondition;
  readonly plan: (row: FlagRow, client: Queryable) => FlagPlan | Promise<FlagPlan>;
}

export type FlagWriter = ReturnType<typeof createFlagWriter>;

/** Writes flags, each in one transaction, and waits until Redis has them. */
export function createFlagWriter(options: {
  readonly pool: pg.Pool;
  readonly publisher: Publisher;
  readonly maxSnapshotBytes: number;
}) {
  const { maxSnapshotBytes } = options;

  return {
    /** @param plan checks and returns the columns before anything is written */
    create: (actor: string, key: string, plan: (client: Queryable) => Promise<FlagColumns>) =>
      write(options, actor, flagNamed(key), async (client) => {
        const row = await insertFlag(client, key, await plan(client));
        return async () => {
          await checkReferences(client, undefined, row);
          await checkGates(client, undefined, row);
          await checkSizes(client, key, NO_SIZES, maxSnapshotBytes);
          return { flag: await readFlagView(client, row) };
        };
      }),

    change: ({ actor, key, precondition, plan }: FlagChangeRequest): Promise<WrittenFlag> =>
      write(options, actor, flagNamed(key), async (client) => {
        const row = await lockFlag(client, key);
        const { set, required } = await plan(row, client);
        await checkPrecondition(client, flagNamed(key), precondition, required);
        const isNarrow = Object.keys(set).every((name) => NARROW.has(name));
        const sizes = isNarrow ? undefined : await readFlagSizes(client, key);
        const changed = await updateFlag(client, key, set);
        return async () => {
          if (RELATING.some((name) => set[name] !== undefined)) await checkReferences(client, row, changed);
          if (set.gates !== undefined) await checkGates(client, row, changed);
          if (sizes !== undefined) await checkSizes(client, key, sizes, maxSnapshotBytes);
          return { flag: await readFlagView(client, changed) };
        };
      }),

    remove: (actor: string, key: string, precondition: Precondition) =>
      write(options, actor, flagNamed(key), async (client) => {
        const { gates } = await lockFlag(client, key);
        if (!Array.isArray(gates) || gates.length > 0) {
          throw new Problem(
            "conflict",
            `flag ${key} has gates, and their pages would open without it: archive it, or remove its gates first`,
          );
        }
        await checkPrecondition(client, flagNamed(key), precondition, "this removes the flag");
        await deleteFlag(client, key);
        return async () => {
          await checkNotRequired(client, key);
          return {};
        };
      }),
  };
}

/** The flag as a subject of the audit. */
export const flagNamed = (key: string): Subject => ({ entity: "flag", name: key });

/** Columns with references to or from other flags and segments. Other changes work even if plain SQL broke these. */
const RELATING = ["targeting", "variants", "requires"] as const;

/** Columns without effect on sizes and references: a kill reads only its own row. */
const NARROW: ReadonlySet<string> = new Set(["enabled", "rollout_pct"]);

/** Reads a flag and locks its row. */
async function lockFlag(client: Queryable, key: string): Promise<FlagRow> {
  return (await readFlag(client, key, { lock: true })) ?? flagNotFound(key);
}

export function flagNotFound(key: string): never {
  throw new Problem("not-found", `there is no flag ${key}`);
}
