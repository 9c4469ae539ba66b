import type pg from "pg";
import type { z } from "@hono/zod-openapi";
import type { Version } from "../shared/revision.ts";
import { toFlagRecord, type FlagRecord, type FlagRow } from "./flag-record.ts";
import type { flagCreate, flagPatch } from "./flag-schema.ts";
import { flagEditable } from "./flag-schema.ts";
import { confirmKill, importKillOf, killAtEdge } from "./kill.ts";
import type { Log } from "./log.ts";
import { mergePatch } from "./merge-patch.ts";
import { inTransaction, type Queryable } from "./postgres.ts";
import { isPostgresDown, postgresProblem } from "./postgres-problem.ts";
import { checkPrecondition, type Precondition } from "./precondition.ts";
import { Problem, briefly } from "./problem.ts";
import type { Publisher } from "./publisher.ts";
import type { PublisherRedis } from "./redis.ts";
import { toSnapshotFlag } from "./snapshot-builder.ts";
import {
  deleteFlag,
  insertFlag,
  listFlags,
  raiseRevision,
  readFlag,
  readFlagVersion,
  readPublicationState,
  readSizes,
  setActor,
  updateFlag,
  type FlagColumns,
  type FlagQuery,
  type ListedFlag,
} from "./store.ts";
import { validationProblem } from "./validation-problem.ts";

/** How long an admin write waits for Redis before it answers `published: false`. */
const PUBLISH_TIMEOUT_MS = 3_000;

/** The worst-case `x-flags` that a write may lead to, in bytes. */
const MAX_HEADER_BYTES = 8_192;

/** A flag as people see it. */
interface Shown {
  /** `invalid`: why the edge holds it off, when plain SQL put in what is not valid. */
  readonly flag: FlagRecord & { readonly invalid?: string };
}

/** A flag with the version that changed it last. */
export interface VersionedFlag extends Shown {
  readonly version: Version;
}

/** What a read or a write tells beside the flag. */
export interface Standing {
  /** Where Postgres stands. */
  readonly state: Version;
  /** Whether Redis is known to hold that. */
  readonly published: boolean;
}

/** A kill that reached the edge while Postgres could not be reached. */
export interface UnrecordedKill {
  readonly key: string;
  readonly recorded: false;
}

export type FlagService = ReturnType<typeof createFlagService>;

/** Everything that people do with flags: one transaction in Postgres, then the way to Redis. */
export function createFlagService(options: {
  readonly pool: pg.Pool;
  readonly redis: PublisherRedis;
  readonly publisher: Publisher;
  readonly log: Log;
  readonly maxSnapshotBytes: number;
}) {
  const { pool, redis, publisher, log, maxSnapshotBytes } = options;

  /** Runs a write and waits until Redis has it. */
  async function write<T>(
    actor: string,
    work: (client: Queryable) => Promise<T>,
  ): Promise<T & { readonly state: Version }> {
    return guardPostgres(() =>
      inTransaction(pool, async (client) => {
        await setActor(client, actor);
        const result = await work(client);
        return { ...result, state: await raiseRevision(client) };
      }),
    );
  }

  async function publish<T extends { readonly state: Version }>(
    written: T,
  ): Promise<T & { published: boolean }> {
    return { ...written, published: await publisher.publishAtLeast(written.state, PUBLISH_TIMEOUT_MS) };
  }

  /** Changes one flag that is there. `change` gives the columns to set, undefined for none. */
  async function change(
    actor: string,
    key: string,
    precondition: Precondition,
    plan: (row: FlagRow) => { set: FlagColumns; required: string | undefined },
  ): Promise<VersionedFlag & { readonly state: Version }> {
    return write(actor, async (client) => {
      const row = await mustRead(client, key);
      const { set, required } = plan(row);
      await checkPrecondition(client, key, await versionOf(client, key), precondition, required);
      const changed = await updateFlag(client, key, set);
      if (!(set.enabled === false)) await checkSizes(client, changed);
      return versioned(client, changed);
    });
  }

  /** Refuses what would no longer fit; under the counter's lock, so that two writes cannot both just fit. */
  async function checkSizes(client: Queryable, row: FlagRow): Promise<void> {
    await raiseRevision(client);
    const sizes = await readSizes(client);
    if (sizes.snapshot > maxSnapshotBytes) {
      throw tooLarge(
        "/targeting",
        `the snapshot of all flags could reach ${sizes.snapshot} bytes, more than ${maxSnapshotBytes} (MAX_SNAPSHOT_BYTES)`,
      );
    }
    if (row.in_header && sizes.header > MAX_HEADER_BYTES) {
      throw tooLarge(
        "/in_header",
        `x-flags with every flag on would have ${sizes.header} bytes, more than ${MAX_HEADER_BYTES}: set in_header to false on flags that no origin reads, or archive some`,
      );
    }
  }

  return {
    standing: () => guardPostgres(standing),

    async list(query: FlagQuery): Promise<{ flags: readonly (ListedFlag & Shown)[] } & Standing> {
      return guardPostgres(async () => {
        const flags = await listFlags(pool, query);
        return {
          flags: flags.map((listed) => ({ ...listed, flag: show(listed.row) })),
          ...(await standing()),
        };
      });
    },

    async get(key: string): Promise<VersionedFlag & Standing> {
      return guardPostgres(async () => {
        const row = await mustRead(pool, key, { lock: false });
        return { ...(await versioned(pool, row)), ...(await standing()) };
      });
    },

    /** A new flag is disabled and at 0 %. */
    async create(actor: string, { key, ...columns }: z.output<typeof flagCreate>) {
      const written = await write(actor, async (client) => {
        const row = await insertFlag(client, key, columns);
        await checkSizes(client, row);
        return versioned(client, row);
      });
      return publish(written);
    },

    /** Applies a merge patch to what people set of a flag as a whole. */
    async patch(actor: string, key: string, patch: z.output<typeof flagPatch>, precondition: Precondition) {
      const written = await change(actor, key, precondition, (row) => {
        const merged = flagEditable.safeParse(mergePatch(editableOf(row), patch));
        if (!merged.success) throw validationProblem(merged.error, "body");
        return { set: merged.data, required: "this may widen who sees the feature" };
      });
      return publish(written);
    },

    async setRollout(actor: string, key: string, rolloutPct: number, precondition: Precondition) {
      const written = await change(actor, key, precondition, (row) => ({
        set: { rollout_pct: rolloutPct },
        required: rolloutPct > Number(row.rollout_pct) ? "this widens who sees the feature" : undefined,
      }));
      return publish(written);
    },

    async enable(actor: string, key: string, precondition: Precondition) {
      // A kill that Postgres has not heard of yet comes first, or it would be taken for newer than this.
      await guardPostgres(() => importKillOf(pool, redis, key));
      const written = await change(actor, key, precondition, (row) => {
        if (row.archived_at !== null) {
          throw new Problem("conflict", `flag ${key} is archived: restore it first`);
        }
        return {
          set: { enabled: true },
          required: row.enabled ? undefined : "this widens who sees the feature",
        };
      });
      return publish(written);
    },

    /** Switches a flag off: at the edge first, then in Postgres, then in the snapshot. */
    async kill(
      actor: string,
      key: string,
      precondition: Precondition = "none",
    ): Promise<(VersionedFlag & Standing) | UnrecordedKill> {
      let atEdge = true;
      await killAtEdge(redis, key).catch((error: unknown) => {
        atEdge = false;
        log("kill.edge_failed", { key, error: briefly(error) });
      });
      const confirm = async (version: Version) => {
        if (atEdge) await confirmKill(redis, key, version).catch(() => undefined); // else imported later
      };
      try {
        const written = await change(actor, key, precondition, () => ({
          set: { enabled: false },
          required: undefined,
        }));
        await confirm(written.state);
        return await publish(written);
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        if (error.kind === "unavailable" && atEdge) return { key, recorded: false };
        // Refused: there is no such flag, or it has changed. Nothing stays killed that nobody may kill.
        await readPublicationState(pool)
          .then(confirm)
          .catch(() => undefined);
        throw error;
      }
    },

    /** Turns the kill switch over, which only makes sense from a known state. */
    async toggle(actor: string, key: string, precondition: Precondition) {
      const row = await guardPostgres(() => mustRead(pool, key, { lock: false }));
      if (precondition === "none") {
        throw new Problem(
          "precondition-required",
          'a toggle without a body needs If-Match; {"enabled": false} does not',
        );
      }
      return row.enabled ? this.kill(actor, key, precondition) : this.enable(actor, key, precondition);
    },

    /** Off for good, and out of the lists; its gates stay closed. */
    async archive(actor: string, key: string) {
      const written = await change(actor, key, "none", (row) => ({
        set: { enabled: false, archived_at: row.archived_at ?? new Date() },
        required: undefined,
      }));
      return publish(written);
    },

    /** Back into the lists, still disabled. */
    async restore(actor: string, key: string) {
      const written = await change(actor, key, "none", () => ({
        set: { archived_at: null },
        required: undefined,
      }));
      return publish(written);
    },

    async remove(actor: string, key: string, precondition: Precondition) {
      const written = await write(actor, async (client) => {
        const row = await mustRead(client, key);
        if (Array.isArray(row.gates) && row.gates.length > 0) {
          throw new Problem(
            "conflict",
            `flag ${key} has gates, which would open without it: archive it, or remove its gates first`,
          );
        }
        await checkPrecondition(
          client,
          key,
          await versionOf(client, key),
          precondition,
          "this removes the flag",
        );
        await deleteFlag(client, key);
        return {};
      });
      return publish(written);
    },
  };

  async function standing(): Promise<Standing> {
    const state = await readPublicationState(pool);
    const { published } = publisher.status();
    return {
      state,
      published: published?.epoch === state.epoch && published.revision >= state.revision,
    };
  }
}

async function mustRead(client: Queryable, key: string, { lock = true } = {}): Promise<FlagRow> {
  const row = await readFlag(client, key, { lock });
  if (row === undefined) throw new Problem("not-found", `there is no flag ${key}`);
  return row;
}

async function versionOf(client: Queryable, key: string): Promise<Version> {
  // Rows that are older than the audit have no entry there.
  return (await readFlagVersion(client, key)) ?? { epoch: 0, revision: 0 };
}

async function versioned(client: Queryable, row: FlagRow): Promise<VersionedFlag> {
  await client.query("SET CONSTRAINTS ALL IMMEDIATE");
  return { flag: show(row), version: await versionOf(client, row.key) };
}

function show(row: FlagRow): Shown["flag"] {
  const { invalid } = toSnapshotFlag(row);
  return { ...toFlagRecord(row), ...(typeof invalid === "string" && { invalid }) };
}

function editableOf(row: FlagRow) {
  const { description, owner, tags, targeting, gates, fail_mode, in_header, client_visible } = row;
  return { description, owner, tags, targeting, gates, fail_mode, in_header, client_visible };
}

function tooLarge(pointer: string, detail: string): Problem {
  return new Problem("invalid-request", "this write would make the flags too large", {
    errors: [{ pointer, detail }],
  });
}

/** Turns what pg throws into a problem with an answer. */
async function guardPostgres<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw postgresProblem(error) ?? (isPostgresDown(error) ? unavailable() : error);
  }
}

function unavailable(): Problem {
  return new Problem(
    "unavailable",
    "Postgres does not answer: see whether the change is there before you send it again",
  );
}
