import { compileSegments } from "../../shared/compile/compile-segments.ts";
import { faultText } from "../../shared/flag/fault.ts";
import { isObject } from "../../shared/flag/members.ts";
import { orderFlags } from "../../shared/compile/order-flags.ts";
import { SCHEMA, digestOf, type Snapshot } from "../../shared/snapshot/snapshot.ts";
import { MAX_INVALID_BYTES, cutToBytes, toSnapshotSegment } from "./snapshot-segment.ts";
import type { SnapshotSource } from "../postgres/store.ts";
import { judgeFlag } from "./judge-flag.ts";

/** The rows that a snapshot is built from. */
export type SnapshotRows = Pick<SnapshotSource, "rows" | "segmentRows">;

/** The content of a snapshot. */
export interface AssembledSnapshot {
  readonly snapshot: Snapshot;
  /** What is wrong, by the key of each broken flag, or "segment <name>". The snapshot names them as `invalid`. */
  readonly invalid: ReadonlyMap<string, string>;
}

/** A snapshot ready to be published. */
export interface BuiltSnapshot {
  readonly text: string;
  /** The length in UTF-8. */
  readonly bytes: number;
  readonly digest: string;
  /** The flags that have gates. */
  readonly gatedKeys: readonly string[];
  /** See `AssembledSnapshot`. */
  readonly invalid: ReadonlyMap<string, string>;
}

/** The same rows always result in the same bytes, so that the digest changes only with the content. */
export async function buildSnapshot(source: SnapshotRows): Promise<BuiltSnapshot> {
  const { snapshot, invalid } = assembleSnapshot(source);
  const text = JSON.stringify(snapshot);
  const digest = await digestOf(text);
  return { text, bytes: Buffer.byteLength(text), digest, gatedKeys: gatedKeysOf(snapshot.flags), invalid };
}

/** Builds the snapshot that workers read. A broken row is `invalid`, and affects no other. */
export function assembleSnapshot({ rows, segmentRows }: SnapshotRows): AssembledSnapshot {
  const invalid = new Map<string, string>();
  const segments = segmentRows.map((row) => {
    const { segment, fault } = toSnapshotSegment(row);
    if (fault !== undefined) invalid.set(`segment ${row.name}`, faultText(fault));
    return segment;
  });
  const compiledSegments = compileSegments(segments);
  const judged = rows.map((row) => judgeFlag(row, compiledSegments));
  const { faults } = orderFlags(judged.map(({ definition }) => definition));
  const flags = judged.map(({ definition, flag, gates }) => {
    const { key } = definition;
    const fault = definition.fault ?? faults.get(key);
    if (fault === undefined) return flag;
    const reason = faultText(fault);
    invalid.set(key, reason);
    return { key, invalid: cutToBytes(reason, MAX_INVALID_BYTES), ...(gates.length > 0 && { gates }) };
  });
  return {
    snapshot: { schema: SCHEMA, flags, ...(segments.length > 0 && { segments }) },
    invalid,
  };
}

/** The keys of a snapshot's flags that have gates. */
export function gatedKeysOf(flags: readonly unknown[]): readonly string[] {
  return flags.flatMap((flag) => {
    if (!isObject(flag)) return [];
    const { key, gates } = flag;
    return typeof key === "string" && Array.isArray(gates) && gates.length > 0 ? [key] : [];
  });
}

/** A short digest of the gated flags, for the head. */
export async function digestOfGated(keys: readonly string[]): Promise<string> {
  return (await digestOf(JSON.stringify(keys.toSorted()))).slice(0, 16);
}
