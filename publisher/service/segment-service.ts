import type pg from "pg";
import type { z } from "@hono/zod-openapi";
import { judgeSegment } from "../../shared/compile/compile-segments.ts";
import { MAX_SEGMENT_IDS } from "../../shared/flag/flag.ts";
import type { Version } from "../../shared/snapshot/revision.ts";
import { readVersion, type Subject } from "../postgres/change-history.ts";
import { checkNotUsed } from "../write/check-references.ts";
import { showInvalid } from "../write/flag-view.ts";
import { Problem, faultProblem } from "../problem/problem.ts";
import { checkSegmentSize, readSegmentSize } from "../write/flag-sizes.ts";
import { CONSISTENT_READ, inTransaction, type Queryable } from "../postgres/postgres.ts";
import { guardPostgres } from "../postgres/postgres-problem.ts";
import { checkPrecondition, type Precondition } from "../write/precondition.ts";
import type { Publisher } from "../publish/publisher.ts";
import {
  deleteSegment,
  insertSegment,
  lockSegment,
  readSegmentUses,
  readSegments,
  readSegmentsNamed,
  toSegmentRecord,
  updateSegment,
  type SegmentColumns,
  type SegmentRecord,
  type SegmentRow,
} from "../postgres/segment-store.ts";
import type { segmentCreate, segmentIds, segmentPatch } from "../schema/segment-schema.ts";
import { toSnapshotSegment } from "../publish/snapshot-segment.ts";
import { publishStateOf, type PublishState } from "../publish/publish-state.ts";
import { readPublicationState } from "../postgres/publication.ts";
import { unfitConditions } from "../schema/unfit-json.ts";
import { write } from "../write/write-transaction.ts";

/** A segment as people see it. */
export type SegmentView = SegmentRecord & {
  /** Flags whose rules refer to it. */
  readonly used_by: readonly string[];
  /** Why the edge keeps these flags off. Only set when plain SQL has broken the row. */
  readonly invalid?: string;
};

/** A segment with the version that changed it last. */
export interface VersionedSegment {
  readonly segment: SegmentView;
  readonly version: Version;
}

export type SegmentService = ReturnType<typeof createSegmentService>;

/** Every operation on segments. */
export function createSegmentService(options: {
  readonly pool: pg.Pool;
  readonly publisher: Publisher;
  readonly maxSnapshotBytes: number;
}) {
  const { pool, publisher, maxSnapshotBytes } = options;

  const read = <T>(work: (client: Queryable) => Promise<T>): Promise<T> =>
    guardPostgres("read", () => inTransaction(pool, work, CONSISTENT_READ), "segment");

  /** Changes an existing segment. @param plan returns the columns to set, validated */
  function change(
    actor: string,
    name: string,
    precondition: Precondition,
    required: string | undefined,
    plan: (row: SegmentRow) => SegmentColumns,
  ) {
    return write(options, actor, segmentNamed(name), async (client) => {
      const row = (await lockSegment(client, name)) ?? segmentNotFound(name);
      const set = plan(row);
      await checkPrecondition(client, segmentNamed(name), precondition, required);
      const size = await readSegmentSize(client, name);
      return checked(client, await updateSegment(client, row, set), size);
    });
  }

  /** Runs under the lock of all writers. @param size the segment's bytes in the snapshot before this change */
  const checked = (client: Queryable, row: SegmentRow, size: number) => async () => {
    await checkSegmentSize(client, row.name, size, maxSnapshotBytes);
    const uses = await readSegmentUses(client, row.name);
    return { segment: toView(row, uses.get(row.name)) };
  };

  return {
    list: (): Promise<{ readonly segments: readonly SegmentView[] } & PublishState> =>
      read(async (client) => {
        const state = await readPublicationState(client);
        const uses = await readSegmentUses(client);
        const segments = (await readSegments(client)).map((row) => toView(row, uses.get(row.name)));
        return { segments, ...publishStateOf(state, publisher.status()) };
      }),

    get: (name: string): Promise<VersionedSegment & PublishState> =>
      read(async (client) => {
        const [row = segmentNotFound(name)] = await readSegmentsNamed(client, new Set([name]));
        const uses = await readSegmentUses(client, name);
        const { version, state } = await readVersion(client, segmentNamed(name));
        return {
          segment: toView(row, uses.get(name)),
          version,
          ...publishStateOf(state, publisher.status()),
        };
      }),

    create: (actor: string, { name, ...columns }: z.output<typeof segmentCreate>) =>
      write(options, actor, segmentNamed(name), async (client) =>
        checked(client, await insertSegment(client, name, sound(name, columns)), 0),
      ),

    /** Applies a merge patch. */
    patch: (actor: string, name: string, patch: z.output<typeof segmentPatch>, precondition: Precondition) =>
      change(actor, name, precondition, "this may show features to more users", (row) => {
        const { description = row.description, ids = row.ids, condition = row.condition } = patch;
        return sound(name, { description: description ?? "", ids: ids ?? [], condition });
      }),

    /** Adds ids at the end, and removes others. */
    changeIds: (
      actor: string,
      name: string,
      { add = [], remove = [] }: z.output<typeof segmentIds>,
      precondition: Precondition,
    ) =>
      change(actor, name, precondition, undefined, (row) => {
        const removed = new Set(remove);
        const ids = [...new Set([...row.ids, ...add])].filter((id) => !removed.has(id));
        if (ids.length <= MAX_SEGMENT_IDS) return { ids };
        throw faultProblem({
          path: ["add"],
          detail: `makes ${ids.length} ids, more than ${MAX_SEGMENT_IDS}: use a condition, or another segment`,
        });
      }),

    remove: (actor: string, name: string, precondition: Precondition) =>
      write(options, actor, segmentNamed(name), async (client) => {
        if ((await lockSegment(client, name)) === undefined) segmentNotFound(name);
        await checkPrecondition(client, segmentNamed(name), precondition, "this removes the segment");
        await deleteSegment(client, name);
        return async () => {
          await checkNotUsed(client, name);
          return {};
        };
      }),
  };
}

/**
 * Validates the columns as the edge does.
 *
 * @throws Problem that points into the body
 */
function sound(name: string, columns: SegmentColumns): SegmentColumns {
  const { ids, condition = null } = columns;
  const found = judgeSegment({
    name,
    ...(ids !== undefined && { ids }),
    ...(condition !== null && { condition }),
  });
  const fault = found ?? unfitConditions({ condition });
  if (fault !== undefined) throw faultProblem(fault);
  return { ...columns, condition };
}

function toView(row: SegmentRow, usedBy: readonly string[] = []): SegmentView {
  const record = { ...toSegmentRecord(row), used_by: usedBy };
  return showInvalid(record, toSnapshotSegment(row).fault);
}

const segmentNamed = (name: string): Subject => ({ entity: "segment", name });

function segmentNotFound(name: string): never {
  throw new Problem("not-found", `there is no segment ${name}`);
}
