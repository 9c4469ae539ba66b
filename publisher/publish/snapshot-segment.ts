import { judgeSegment } from "../../shared/compile/compile-segments.ts";
import { faultText, type Fault } from "../../shared/flag/fault.ts";
import { cutToBytes } from "./cut-to-bytes.ts";
import type { SegmentRow } from "../postgres/segment-record.ts";
import { MAX_INVALID_BYTES } from "./snapshot-limits.ts";

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
