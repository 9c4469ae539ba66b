import type pg from "pg";
import type { EvaluationContext } from "../../shared/flag/context.ts";
import type { Version } from "../../shared/snapshot/revision.ts";
import { explainFlag, explainFlags } from "../explain/explain.ts";
import { preview } from "../explain/preview.ts";
import { testGates } from "../explain/test-gates.ts";
import { importKillOf, type KillImport } from "../kills/import-kills.ts";
import { switchOff, type SwitchedOff } from "../kills/switch-off.ts";
import type { FlagRow } from "../postgres/flag-record.ts";
import { listFlags, type FlagQuery, type ListedFlag } from "../postgres/list-flags.ts";
import { guardPostgres } from "../postgres/postgres-problem.ts";
import { CONSISTENT_READ, inTransaction, type Queryable } from "../postgres/postgres.ts";
import { divergenceText, readPublicationState, readStatus } from "../postgres/publication.ts";
import { readFlagState, readSnapshotSource } from "../postgres/store.ts";
import { Problem } from "../problem/problem.ts";
import type { Log } from "../process/log.ts";
import {
  compareRedis,
  publishStateMembers,
  publishStateOf,
  readRedisState,
  type PublishState,
  type RedisState,
} from "../publish/publish-state.ts";
import type { Publisher } from "../publish/publisher.ts";
import { RedisFault, type PublisherRedis } from "../redis/redis.ts";
import type { StatusAnswer } from "../schema/answer-schema.ts";
import type { FlagCreate, FlagDraft, FlagPatch } from "../schema/flag-schema.ts";
import { createdColumns, draftedRow, patchedColumns } from "../write/flag-draft.ts";
import { readFlagView, readFlagViews, type FlagView } from "../write/flag-view.ts";
import { createFlagWriter, flagNotFound, type VersionedFlag } from "../write/flag-writer.ts";
import type { Precondition } from "../write/precondition.ts";

export type FlagService = ReturnType<typeof createFlagService>;

const WIDENS = "this shows the feature to more users";

/** Every operation on flags. A write takes the state that its caller saw (`precondition`). */
export function createFlagService(options: {
  readonly pool: pg.Pool;
  readonly redis: PublisherRedis;
  readonly publisher: Publisher;
  readonly log: Log;
  readonly maxSnapshotBytes: number;
  /** Called for a kill that only Redis has: Postgres must record it soon. */
  readonly onUnrecordedKill: () => void;
}) {
  const { pool, redis, publisher } = options;
  const writer = createFlagWriter(options);

  const publishState = (state: Version): PublishState => publishStateOf(state, publisher.status());
  const publishedAt = (state: Version) => publishStateMembers(publishState(state));

  const readState = (key: string) =>
    guardPostgres("read", async () => (await readFlagState(pool, key)) ?? flagNotFound(key));

  /** All flags and segments from one consistent read; `source` has the draft instead of the flag. */
  async function readSource(key: string, draft: FlagDraft | undefined) {
    return guardPostgres("read", async () => {
      const before = await readSnapshotSource(pool);
      const row = before.rows.find((one) => one.key === key) ?? flagNotFound(key);
      if (draft === undefined) return { before, source: before };
      const drafted = await draftedRow(pool, row, draft);
      const rows = before.rows.map((one) => (one === row ? drafted : one));
      return { before, source: { ...before, rows } };
    });
  }

  async function enable(actor: string, key: string, precondition: Precondition): Promise<SwitchedOff> {
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

    /** Reads Redis, and Postgres after that: the publisher's own view of Redis may be out of date. */
    async status(): Promise<StatusAnswer> {
      const seen = await readRedisState(redis);
      const { state, divergence, changedAt, changedMsAgo } = await guardPostgres("read", () =>
        readStatus(pool),
      ).catch((error: unknown) => {
        throw error instanceof Problem ? new Problem(error.kind, error.message, redisMembers(seen)) : error;
      });
      const { published, fault = null } = compareRedis(seen, state);
      return {
        ...publishStateMembers({ state, published: published && divergence === undefined }),
        changed_at: changedAt.toISOString(),
        changed_ms_ago: changedMsAgo,
        redis: headOf(seen),
        // The publisher knows why it failed; Redis itself only shows that something is missing.
        fault: divergence === undefined ? (publisher.status().fault ?? fault) : divergenceText(divergence),
        pending_kills: pendingKillsOf(seen),
        diverged: divergence !== undefined,
        divergence:
          divergence === undefined
            ? null
            : { why: divergence.why, since: divergence.since.toISOString(), redis: divergence.redis },
      };
    },

    /** One page of flags. `last`: the last row, from which the next page begins. */
    async list(
      query: FlagQuery,
    ): Promise<
      { readonly flags: readonly FlagView[]; readonly last: ListedFlag | undefined } & PublishState
    > {
      const readAll = () =>
        inTransaction(
          pool,
          async (client) => {
            const state = await readPublicationState(client);
            const listed = await listFlags(client, query);
            const rows = listed.map(({ row }) => row);
            const flags = await readFlagViews(client, rows);
            return { flags, last: listed.at(-1), ...publishState(state) };
          },
          CONSISTENT_READ,
        );
      return guardPostgres("read", readAll);
    },

    async get(key: string): Promise<VersionedFlag & PublishState> {
      const { row, version, state } = await readState(key);
      const flag = await guardPostgres("read", () => readFlagView(pool, row));
      return { flag, version, ...publishState(state) };
    },

    /** @param draft the flag is explained as if this were saved */
    async explain(key: string, context: EvaluationContext, draft?: FlagDraft) {
      const { source } = await readSource(key, draft);
      const explanation = (await explainFlag(source, key, context, redis)) ?? flagNotFound(key);
      return { ...explanation, ...publishedAt(source) };
    },

    async explainAll(context: EvaluationContext) {
      const source = await guardPostgres("read", () => readSnapshotSource(pool));
      return { flags: await explainFlags(source, context, redis), ...publishedAt(source) };
    },

    /** @param visitor undefined: a worker without a snapshot */
    async testGates(url: URL, visitor: EvaluationContext | undefined) {
      const source = await guardPostgres("read", () => readSnapshotSource(pool));
      return { ...(await testGates(source, visitor, url, redis)), ...publishedAt(source) };
    },

    /** Shows which users would gain and lose a flag by a draft. Nothing is saved. */
    async preview(key: string, draft: FlagDraft, contexts: readonly EvaluationContext[]) {
      const { before, source } = await readSource(key, draft);
      const { epoch, revision } = source;
      return { ...(await preview(before, source, key, contexts)), epoch, revision };
    },

    /** A new flag is disabled and at 0 %. */
    async create(actor: string, { key, ...columns }: FlagCreate) {
      const plan = (client: Queryable) => createdColumns(client, columns);
      return writer.create(actor, key, plan);
    },

    /** Applies a merge patch. The percentage and the kill switch have methods of their own. */
    async patch(actor: string, key: string, patch: FlagPatch, precondition: Precondition) {
      const plan = async (row: FlagRow, client: Queryable) => ({
        set: await patchedColumns(client, row, patch),
        required: "this may show the feature to more users",
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

    /** Sets the kill switch to its other state. This needs If-Match, because the caller must know the state. */
    async toggle(actor: string, key: string, precondition: Precondition): Promise<SwitchedOff> {
      const { row } = await readState(key);
      if (precondition === "none") {
        throw new Problem(
          "precondition-required",
          'a toggle without a body needs If-Match: send the ETag of the flag, or {"enabled": false} to kill it',
        );
      }
      return row.enabled ? kill(actor, key, precondition) : enable(actor, key, precondition);
    },

    /** Disables a flag and hides it from the lists. Its gates stay closed. */
    async archive(actor: string, key: string, precondition: Precondition) {
      const archived = await switchOff(
        { ...options, writer },
        { actor, key, precondition, alsoSet: (row) => ({ archived_at: row.archived_at ?? new Date() }) },
      );
      if (!("recorded" in archived)) return archived;
      throw new Problem(
        "unavailable",
        `the flag is off at the edge, but it may not be archived, because ${archived.cause}: send this request again`,
      );
    },

    /** Shows an archived flag in the lists again, disabled. */
    async restore(actor: string, key: string, precondition: Precondition) {
      const plan = () => ({ set: { archived_at: null }, required: undefined });
      return writer.change({ actor, key, precondition, plan });
    },

    async remove(actor: string, key: string, precondition: Precondition) {
      return writer.remove(actor, key, precondition);
    },
  };
}

const headOf = ({ head }: RedisState): Version | null =>
  head === undefined ? null : { epoch: head.epoch, revision: head.revision };

const pendingKillsOf = ({ pendingKills }: RedisState): string[] | null =>
  pendingKills === undefined ? null : [...pendingKills];

/** For a problem with Postgres: Redis may answer all the same, and may have kills that Postgres has not recorded. */
const redisMembers = (seen: RedisState) => ({
  extensions: {
    redis: headOf(seen),
    redis_fault: seen.fault ?? null,
    pending_kills: pendingKillsOf(seen),
  },
});

/** Records a pending kill before the flag is enabled. Imported later, the kill would look newer, and undo this write. */
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
      `cannot tell whether a kill is pending at the edge, so nothing was changed: ${error.message}`,
    );
  }
  if (imported) return;
  if (parts.publisher.status().diverged !== undefined) {
    throw new Problem(
      "unavailable",
      "Redis contradicts Postgres, so the killed flag stays off: decide first which is right, see `sluice status`",
      { extensions: { diverged: true } },
    );
  }
  throw new Problem(
    "unavailable",
    "the flag was killed and stays off, because Redis does not accept the snapshot with the kill: see `sluice status`",
  );
}
