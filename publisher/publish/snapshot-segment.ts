import { judgeSegment } from "../../shared/compile/compile-segments.ts";
import { faultText, type Fault } from "../../shared/flag/fault.ts";
import type { SegmentRow } from "../postgres/segment-store.ts";

/**
 * The longest reason of `invalid` in a snapshot, in bytes of JSON; longer ones are cut. `flag-sizes.ts` relies on it.
 * People see the full reason.
 */
export const MAX_INVALID_BYTES = 160;

/** The largest snapshot that a worker accepts, in bytes. A fixed limit of the worker, unlike MAX_SNAPSHOT_BYTES. */
export const MAX_PUBLISHED_BYTES = 8_388_608;

/** A segment as it is in the snapshot. A broken one has the reason instead of its content. */
export function toSnapshotSegment({ name, ids, condition }: SegmentRow): {
  readonly segment: Readonly<Record<string, unknown>>;
  readonly fault?: Fault;
} {
  const segment = { name, ...(ids.length > 0 && { ids }), ...(condition !== null && { condition }) };
  const fault = judgeSegment(segment);
  if (fault === undefined) return { segment };
  return { segment: { name, invalid: cutToBytes(faultText(fault), MAX_INVALID_BYTES) }, fault };
}

const ELLIPSIS = "…";

/** Cuts a text to at most `maximum` bytes in JSON, without its quotes. A cut text ends with "…". */
export function cutToBytes(text: string, maximum: number): string {
  if (bytesOf(text) <= maximum) return text;
  let kept = "";
  let left = maximum - bytesOf(ELLIPSIS);
  for (const character of text) {
    left -= bytesOf(character);
    if (left < 0) break;
    kept += character;
  }
  return kept + ELLIPSIS;
}

const bytesOf = (text: string): number => Buffer.byteLength(JSON.stringify(text)) - 2;
