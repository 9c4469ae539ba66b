import type pg from "pg";
import type { z } from "@hono/zod-openapi";
import type { EvaluationContext } from "../shared/context.ts";
import type { Version } from "../shared/revision.ts";
import { explain, type Explanation } from "./explain.ts";
import type { FlagRow } from "./flag-record.ts";
import { switchOff, type SwitchedOff } from "./flag-off.ts";
import { flagEditable, type flagCreate, type flagPatch } from "./flag-schema.ts";
import { toFlagView, type FlagView } from "./flag-view.ts";
import { createFlagWriter, flagNotFound, type VersionedFlag } from "./flag-writer.ts";
import { importKillOf, type KillImport } from "./import-kills.ts";
import { listFlags, type FlagQuery, type ListedFlag } from "./list-flags.ts";
import type { Log } from "./log.ts";
import { mergePatch } from "./merge-patch.ts";
import { inTransaction } from "./postgres.ts";
import { guardPostgres } from "./postgres-problem.ts";
import type { Precondition } from "./precondition.ts";
import { Problem } from "./problem.ts";
import type { Publisher } from "./publisher.ts";
import { RedisFault, type PublisherRedis } from "./redis.ts";
import { readStatus, type PostgresStatus } from "./read-status.ts";
import { readFlagState, readPublicationState } from "./store.ts";
import { validationProblem } from "./validation-problem.ts";

/** What a read or a write tells beside the flag. */
export interface Standing {
  /** Where Postgres stands. */
  readonly state: Version;
  /** Whether Redis is known to hold that. */
  readonly published: boolean;
}

export type FlagService = ReturnType<typeof createFlagService>;

const WIDENS = "this widens who sees the feature";

/** Everything that people do with flags. Whoever writes a flag says what it was when they looked (`precondition`). */
export function createFlagService(options: {
  readonly pool: pg.Pool;
  readonly redis: PublisherRedis;
  readonly publisher: Publisher;
  readonly log: Log;
  readonly maxSnapshotBytes: number;
  /** Brings kills into Postgres that it has not heard of, soon. */
  readonly onUnrecordedKill: () => void;
}) {
  const { pool, redis, publisher } = options;
  const writer = createFlagWriter(options);

  function standing(state: Version): Standing {
    const { published } = publisher.status();
    return {
      state,
      published: published?.epoch === state.epoch && published.revision >= state.revision,
    };
  }

  const readState = (key: string) =>
    guardPostgres("read", async () => (await readFlagState(pool, key)) ?? flagNotFound(key));

  async function enable(actor: string, key: string, precondition: Precondition) {
    await importPendingKill(options, key);
    const plan = (row: FlagRow) => {
      if (row.archived_at !== null) {
        throw new Problem("conflict", `flag ${key} is archived: restore it first`);
      }
      return { set: { enabled: true }, required: row.enabled ? undefined : WIDENS };
    };
    return writer.publish(await writer.change({ actor, key, precondition, plan }));
  }

  function kill(actor: string, key: string, precondition: Precondition): Promise<SwitchedOff> {
    return switchOff({ ...options, writer }, { actor, key, precondition, alsoSet: () => ({}) });
  }

  return {
    enable,
    kill,

    async status(): Promise<PostgresStatus & Standing> {
      const status = await guardPostgres("read", () => readStatus(pool));
      const { published } = standing(status.state);
      return { ...status, published: published && status.divergence === undefined };
    },

    async list(
      query: FlagQuery,
    ): Promise<{ flags: readonly (ListedFlag & { flag: FlagView })[] } & Standing> {
      const readAll = () =>
        inTransaction(
          pool,
          async (client) => [await readPublicationState(client), await listFlags(client, query)] as const,
          "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        );
      const [state, flags] = await guardPostgres("read", readAll);
      return {
        flags: flags.map((listed) => ({ ...listed, flag: toFlagView(listed.row) })),
        ...standing(state),
      };
    },

    async get(key: string): Promise<VersionedFlag & Standing> {
      const { row, version, state } = await readState(key);
      return { flag: toFlagView(row), version, ...standing(state) };
    },

    async explain(key: string, context: EvaluationContext): Promise<Explanation & Standing> {
      const found = await readState(key);
      return { ...(await explain(found, context, redis)), ...standing(found.state) };
    },

    /** A new flag is disabled and at 0 %. */
    async create(actor: string, { key, ...columns }: z.output<typeof flagCreate>) {
      return writer.publish(await writer.create(actor, key, columns));
    },

    /** Applies a merge patch to what people set of a flag as a whole. */
    async patch(actor: string, key: string, patch: z.output<typeof flagPatch>, precondition: Precondition) {
      const plan = (row: FlagRow) => {
        const input = mergePatch(editableOf(row), patch);
        const merged = flagEditable.safeParse(input);
        if (!merged.success) throw validationProblem(merged.error, "body", input);
        return { set: merged.data, required: "this may widen who sees the feature" };
      };
      return writer.publish(await writer.change({ actor, key, precondition, plan }));
    },

    async setRollout(actor: string, key: string, rolloutPct: number, precondition: Precondition) {
      const plan = (row: FlagRow) => ({
        set: { rollout_pct: rolloutPct },
        required: rolloutPct > Number(row.rollout_pct) ? WIDENS : undefined,
      });
      return writer.publish(await writer.change({ actor, key, precondition, plan }));
    },

    /** Turns the kill switch over, which only makes sense from a known state. */
    async toggle(actor: string, key: string, precondition: Precondition): Promise<SwitchedOff> {
      const { row } = await readState(key);
      if (precondition === "none") {
        throw new Problem(
          "precondition-required",
          'a toggle without a body needs If-Match; {"enabled": false} does not',
        );
      }
      return row.enabled ? kill(actor, key, precondition) : enable(actor, key, precondition);
    },

    /** Off for good, and out of the lists; it keeps its gates. */
    async archive(actor: string, key: string, precondition: Precondition) {
      const archived = await switchOff(
        { ...options, writer },
        { actor, key, precondition, alsoSet: (row) => ({ archived_at: row.archived_at ?? new Date() }) },
      );
      if (!("recorded" in archived)) return archived;
      throw new Problem(
        "unavailable",
        "the flag is off at the edge, but Postgres does not answer: it is not known to be archived, so send this again",
      );
    },

    /** Back into the lists, still disabled. */
    async restore(actor: string, key: string, precondition: Precondition) {
      const plan = () => ({ set: { archived_at: null }, required: undefined });
      return writer.publish(await writer.change({ actor, key, precondition, plan }));
    },

    async remove(actor: string, key: string, precondition: Precondition) {
      return writer.publish(await writer.remove(actor, key, precondition));
    },
  };
}

/** A kill that Postgres has not heard of yet comes first, or it would be taken for newer than what follows. */
async function importPendingKill(parts: KillImport, key: string): Promise<void> {
  let imported;
  try {
    imported = await guardPostgres("write", () => importKillOf(parts, key));
  } catch (error) {
    if (!(error instanceof RedisFault)) throw error;
    throw new Problem(
      "unavailable",
      `whether a kill is pending at the edge has to be known first: nothing was changed. ${error.message}`,
    );
  }
  if (imported) return;
  throw new Problem(
    "unavailable",
    "the flag was killed, and Redis does not take the snapshot that says so: it stays off until that is mended, see " +
      "`sluice status`",
  );
}

function editableOf(row: FlagRow) {
  const { description, owner, tags, targeting, gates, fail_mode, in_header, client_visible } = row;
  return { description, owner, tags, targeting, gates, fail_mode, in_header, client_visible };
}
