import { compileFlag } from "../shared/compile-flag.ts";
import { NO_SEGMENTS } from "../shared/compile-segments.ts";
import { faultText } from "../shared/fault.ts";
import { SCHEMA, digestOf } from "../shared/snapshot.ts";
import type { FlagRow } from "./flag-record.ts";
import { gate } from "./gate-schema.ts";

/** A snapshot ready to be published. */
export interface BuiltSnapshot {
  readonly text: string;
  /** Of its UTF-8. */
  readonly bytes: number;
  readonly digest: string;
  /** Keys of rows that came in broken, with what is wrong; they travel as `invalid`. */
  readonly invalid: ReadonlyMap<string, string>;
}

/**
 * Builds what the edge reads out of the rows of `feature_flags`. The same rows give the same bytes, so the digest
 * moves only with the content.
 *
 * @param rows ordered by key
 */
export async function buildSnapshot(rows: readonly FlagRow[]): Promise<BuiltSnapshot> {
  const invalid = new Map<string, string>();
  const flags = rows.map((row) => {
    const flag = toSnapshotFlag(row);
    if (typeof flag["invalid"] === "string") invalid.set(row.key, flag["invalid"]);
    return flag;
  });
  const text = JSON.stringify({ schema: SCHEMA, flags });
  return { text, bytes: Buffer.byteLength(text), digest: await digestOf(text), invalid };
}

/** One row as the snapshot carries it: members that hold their default are left out, a broken row says why. */
export function toSnapshotFlag(row: FlagRow): Record<string, unknown> {
  const flag: Record<string, unknown> = {
    key: row.key,
    enabled: row.enabled && row.archived_at === null,
    rollout_pct: Number(row.rollout_pct),
    ...(!isEmpty(row.targeting) && { targeting: row.targeting }),
    ...(!isEmpty(row.gates) && { gates: row.gates }),
    ...(row.fail_mode !== "off" && { fail_mode: row.fail_mode }),
    ...(!row.in_header && { in_header: false }),
    ...(row.client_visible && { client_visible: true }),
  };
  const gates = soundGatesOf(row.gates);
  // The edge's own judgement, so that what is published as sound is sound there.
  const judged = compileFlag(flag, NO_SEGMENTS)?.fault;
  const fault = judged ? faultText(judged) : gates === row.gates ? undefined : "gates: not valid";
  if (fault === undefined) return flag;
  // Off, but its pages stay closed: without its gates they would open.
  return { key: row.key, invalid: fault, ...(gates.length > 0 && { gates }) };
}

/** The gates themselves when all of them are sound, else a list of those that are. */
function soundGatesOf(gates: unknown): readonly unknown[] {
  if (!Array.isArray(gates)) return [];
  const sound: readonly unknown[] = gates.filter((item) => gate.safeParse(item).success);
  return sound.length === gates.length ? gates : sound;
}

function isEmpty(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}
