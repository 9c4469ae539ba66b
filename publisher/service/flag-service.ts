import type pg from "pg";
import type { z } from "@hono/zod-openapi";
import type { EvaluationContext } from "../../shared/flag/context.ts";
import type { Version } from "../../shared/snapshot/revision.ts";
import { explainFlag, explainFlags, type ExplainedState } from "../explain/explain.ts";
import type { Explanation } from "../explain/explanation.ts";
import { testGates, type ExplainedGateTest } from "../explain/test-gates.ts";
import type { FlagRow } from "../postgres/flag-record.ts";
import { createdColumns, draftedRow, patchedColumns } from "../write/flag-draft.ts";
import { switchOff, type SwitchedOff } from "../kills/switch-off.ts";
import type { flagCreate, flagDraft, flagPatch } from "../schema/flag-schema.ts";
import { readFlagView, readFlagViews, type FlagView } from "../write/flag-view.ts";
import { createFlagWriter, flagNotFound, type VersionedFlag } from "../write/flag-writer.ts";
import { importKillOf, type KillImport } from "../kills/import-kills.ts";
import { listFlags, type FlagQuery, type ListedFlag } from "../postgres/list-flags.ts";
import type { Log } from "../process/log.ts";
import { inTransaction, type Queryable } from "../postgres/postgres.ts";
import { guardPostgres } from "../postgres/postgres-problem.ts";
import type { Precondition } from "../write/precondition.ts";
import { preview, type Preview } from "../explain/preview.ts";
import { Problem } from "../problem/problem.ts";
import type { Publisher } from "../publish/publisher.ts";
import { RedisFault, type PublisherRedis } from "../redis/redis.ts";
import { readPublicationState, readStatus, type PostgresStatus } from "../postgres/publication.ts";
import {
  compareRedis,
  publishStateOf,
  readRedisState,
  type ComparedRedis,
  type PublishState,
  type RedisState,
} from "../publish/publish-state.ts";
import { readFlagState, readSnapshotSource, type SnapshotSource } from "../postgres/store.ts";

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

  const publishState = (state: Version): PublishState => publishStateOf(state, publisher.status());

  const readState = (key: string) =>
    guardPostgres("read", async () => (await readFlagState(pool, key)) ?? flagNotFound(key));

  /** Everything as one consistent read gives it, and the same with a draft of one flag in its place. */
  async function readSource(key: string, draft: z.output<typeof flagDraft> | undefined) {
    return guardPostgres("read", async () => {
      const before = toExplainedState(await readSnapshotSource(pool));
      const row = before.rows.find((one) => one.key === key) ?? flagNotFound(key);
      if (draft === undefined) return { before, source: before };
      const drafted = await draftedRow(pool, row, draft);
      const rows = before.rows.map((one) => (one === row ? drafted : one));
      return { before, source: { ...before, rows } };
    });
  }

  async function enable(actor: string, key: string, precondition: Precondition) {
    await importPendingKill(options, key);
    const plan = (row: FlagRow) => {
      if (row.archived_at !== null) {
        throw new Problem("conflict", `flag ${key} is archived: restore it first`);
      }
      return { set: { enabled: true }, required: row.enabled ? undefined : WIDENS };
    };
    return writer.change({ actor, key, precondition, plan });
  }

  function kill(actor: string, key: string, precondition: Precondition): Promise<SwitchedOff> {
    return switchOff({ ...options, writer }, { actor, key, precondition, alsoSet: () => ({}) });
  }

  return {
    enable,
    kill,

    /** Asks Redis itself, and Postgres after that: what this publisher knows of Redis may be past. */
    async status(): Promise<PostgresStatus & ComparedRedis & { readonly redis: RedisState }> {
      const seen = await readRedisState(redis);
      const status = await guardPostgres("read", () => readStatus(pool)).catch((error: unknown) => {
        throw error instanceof Problem ? withRedis(error, seen) : error;
      });
      const compared = compareRedis(seen, status.state);
      const published = compared.published && status.divergence === undefined;
      return { ...status, ...compared, published, redis: seen };
    },

    async list(
      query: FlagQuery,
    ): Promise<{ flags: readonly (ListedFlag & { flag: FlagView })[] } & PublishState> {
      const readAll = () =>
        inTransaction(
          pool,
          async (client) => {
            const state = await readPublicationState(client);
            const listed = await listFlags(client, query);
            const views = await readFlagViews(
              client,
              listed.map(({ row }) => row),
            );
            return [state, listed, views] as const;
          },
          "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        );
      const [state, flags, views] = await guardPostgres("read", readAll);
      return {
        flags: flags.flatMap((listed, index) => {
          const flag = views[index];
          return flag === undefined ? [] : [{ ...listed, flag }];
        }),
        ...publishState(state),
      };
    },

    async get(key: string): Promise<VersionedFlag & PublishState> {
      const { row, version, state } = await readState(key);
      const flag = await guardPostgres("read", () => readFlagView(pool, row));
      return { flag, version, ...publishState(state) };
    },

    /** @param draft explained as if it were saved */
    async explain(
      key: string,
      context: EvaluationContext,
      draft?: z.output<typeof flagDraft>,
    ): Promise<Explanation & PublishState> {
      const { source } = await readSource(key, draft);
      const explanation = (await explainFlag(source, key, context, redis)) ?? flagNotFound(key);
      return { ...explanation, ...publishState(source.state) };
    },

    async explainAll(context: EvaluationContext): Promise<{ flags: readonly Explanation[] } & PublishState> {
      const source = toExplainedState(await guardPostgres("read", () => readSnapshotSource(pool)));
      return { flags: await explainFlags(source, context, redis), ...publishState(source.state) };
    },

    /** @param visitor undefined: as a worker answers that holds no flags */
    async testGates(
      url: URL,
      visitor: EvaluationContext | undefined,
    ): Promise<ExplainedGateTest & PublishState> {
      const source = toExplainedState(await guardPostgres("read", () => readSnapshotSource(pool)));
      return { ...(await testGates(source, visitor, url, redis)), ...publishState(source.state) };
    },

    /** Who would gain and who would lose a flag by a draft; nothing is saved. */
    async preview(
      key: string,
      draft: z.output<typeof flagDraft>,
      contexts: readonly EvaluationContext[],
    ): Promise<Preview & { readonly state: Version }> {
      const { before, source } = await readSource(key, draft);
      return { ...(await preview(before, source, key, contexts)), state: source.state };
    },

    /** A new flag is disabled and at 0 %. */
    async create(actor: string, { key, ...columns }: z.output<typeof flagCreate>) {
      const plan = (client: Queryable) => createdColumns(client, columns);
      return writer.create(actor, key, plan);
    },

    /** Applies a merge patch to what people set of a flag as a whole. */
    async patch(actor: string, key: string, patch: z.output<typeof flagPatch>, precondition: Precondition) {
      const plan = async (row: FlagRow, client: Queryable) => ({
        set: await patchedColumns(client, row, patch),
        required: "this may widen who sees the feature",
      });
      return writer.change({ actor, key, precondition, plan });
    },

    async setRollout(actor: string, key: string, rolloutPct: number, precondition: Precondition) {
      const plan = (row: FlagRow) => ({
        set: { rollout_pct: rolloutPct },
        required: rolloutPct > Number(row.rollout_pct) ? WIDENS : undefined,
      });
      return writer.change({ actor, key, precondition, plan });
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
        `the flag is off at the edge, but ${archived.cause}: it is not known to be archived, so send this again`,
      );
    },

    /** Back into the lists, still disabled. */
    async restore(actor: string, key: string, precondition: Precondition) {
      const plan = () => ({ set: { archived_at: null }, required: undefined });
      return writer.change({ actor, key, precondition, plan });
    },

    async remove(actor: string, key: string, precondition: Precondition) {
      return writer.remove(actor, key, precondition);
    },
  };
}

function toExplainedState({ rows, segmentRows, epoch, revision }: SnapshotSource): ExplainedState {
  return { rows, segmentRows, state: { epoch, revision } };
}

/** Postgres does not say where it stands; Redis may all the same, and kills are then pending there. */
function withRedis({ kind, message }: Problem, { head, pendingKills, fault }: RedisState): Problem {
  return new Problem(kind, message, {
    extensions: {
      redis: head === undefined ? null : { epoch: head.epoch, revision: head.revision },
      redis_fault: fault ?? null,
      pending_kills: pendingKills ?? null,
    },
  });
}

/** A kill that Postgres has not heard of yet comes first, or it would be taken for newer than what follows. */
async function importPendingKill(
  parts: KillImport & { readonly publisher: Publisher },
  key: string,
): Promise<void> {
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
  if (parts.publisher.status().diverged !== undefined) {
    throw new Problem(
      "unavailable",
      "Redis contradicts Postgres, and the flag was killed: it stays off until somebody says which is right",
      { extensions: { diverged: true } },
    );
  }
  throw new Problem(
    "unavailable",
    "the flag was killed, and Redis does not take the snapshot that says so: it stays off until that is mended, see " +
      "`sluice status`",
  );
}
