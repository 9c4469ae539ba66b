import { judgeSegment } from "../../shared/compile/compile-segments.ts";
import { faultText, type Fault } from "../../shared/flag/fault.ts";
import type { SegmentRow } from "../postgres/segment-store.ts";

/**
 * The longest reason why something is `invalid` that travels to the edge, in bytes of JSON: `flag-sizes.ts` counts on it.
 * People are shown all of it.
 */
export const MAX_INVALID_BYTES = 160;

/** The largest snapshot that a worker takes, in bytes: its own limit, whatever MAX_SNAPSHOT_BYTES says. */
export const MAX_PUBLISHED_BYTES = 8_388_608;

/** One segment as the snapshot carries it; one that came in broken says why. */
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

/** A text of at most `maximum` bytes in JSON's UTF-8, without its quotes; one that is cut ends with "…". */
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
