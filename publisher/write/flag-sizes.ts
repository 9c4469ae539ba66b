import { encodeMember } from "../../shared/flag/flag-member.ts";
import { isObject } from "../../shared/flag/members.ts";
import { only, type Queryable } from "../postgres/postgres.ts";
import { Problem } from "../problem/problem.ts";

/** The largest worst-case `x-flags` that a write may cause, in bytes. */
const MAX_HEADER_BYTES = 8_192;

/** The members of a flag that grow with what people write, and the bytes that each adds to the snapshot. */
type Parts = Readonly<Record<"targeting" | "variants" | "requires" | "gates", number>>;

/** Upper bounds in bytes. */
interface Sizes {
  readonly snapshot: number;
  /** With every flag on for one user, each with its longest variant. */
  readonly header: number;
  readonly parts: Parts;
}

/** The sizes of a flag before it is created. */
export const NO_SIZES: Sizes = {
  snapshot: 0,
  header: 0,
  parts: { targeting: 0, variants: 0, requires: 0, gates: 0 },
};

/** Measures what one flag adds. */
export const readFlagSizes = (db: Queryable, key: string): Promise<Sizes> =>
  readSizes(db, "WHERE key = $1", [key]);

/** The upper bound of the whole snapshot in bytes. Never below the published size, however broken the rows are. */
export async function readSnapshotBound(db: Queryable): Promise<number> {
  const flags = await readSizes(db);
  return flags.snapshot + (await readSegmentBytes(db)) + SNAPSHOT_BYTES;
}

/**
 * Refuses a write that exceeds a limit, unless it makes nothing larger: after a limit was lowered, people must still be
 * able to narrow a flag. To be called under the lock of all writers: two writes that fit alone may not fit together.
 *
 * @param before the sizes of the flag before this transaction changed it
 */
export async function checkSizes(
  db: Queryable,
  key: string,
  before: Sizes,
  maxSnapshotBytes: number,
): Promise<void> {
  const after = await readFlagSizes(db, key);
  if (after.snapshot > before.snapshot) {
    await checkSnapshot(db, maxSnapshotBytes, `/${grownMost(before.parts, after.parts)}`);
  }
  if (after.header > before.header) {
    const { header } = await readSizes(db);
    if (header > MAX_HEADER_BYTES) {
      // A flag that was in the header keeps its key there. It grew by its variants, even if their JSON is shorter.
      const byVariants = before.header > 0 || after.parts.variants > before.parts.variants;
      throw tooLarge(
        byVariants ? "/variants" : "/in_header",
        `x-flags with every flag on would have ${header} bytes, more than ${MAX_HEADER_BYTES}: set in_header to false on flags that no origin reads, or archive some`,
      );
    }
  }
}

/** The bytes that one segment adds to the snapshot; 0 if there is no such segment. */
export const readSegmentSize = (db: Queryable, name: string): Promise<number> =>
  readSegmentBytes(db, "WHERE name = $1", [name]);

/** Like `checkSizes`, for a segment. @param before its size before this transaction changed it */
export async function checkSegmentSize(
  db: Queryable,
  name: string,
  before: number,
  maxSnapshotBytes: number,
): Promise<void> {
  if ((await readSegmentSize(db, name)) > before) await checkSnapshot(db, maxSnapshotBytes, "/ids");
}

async function checkSnapshot(db: Queryable, maxSnapshotBytes: number, pointer: string): Promise<void> {
  const bound = await readSnapshotBound(db);
  if (bound <= maxSnapshotBytes) return;
  throw tooLarge(
    pointer,
    `the snapshot of all flags could reach ${bound} bytes, more than ${maxSnapshotBytes} (MAX_SNAPSHOT_BYTES)`,
  );
}

/** `{"schema":1,"flags":[],"segments":[]}` */
const SNAPSHOT_BYTES = 40;

/**
 * Measures in SQL, and reads only the variants of flags that are in the header. A jsonb's text is never shorter than
 * JSON.stringify's. 200 covers the other members and the punctuation of a flag, or the reason of a broken one
 * (`MAX_INVALID_BYTES`, and a `null` among its gates). New weights add at most two ranges of 13 bytes for each variant.
 */
async function readSizes(db: Queryable, where = "", values: readonly string[] = []): Promise<Sizes> {
  const { rows } = await db.query<
    Parts & {
      readonly others: number;
      readonly keys: number;
      readonly varied: readonly { readonly key: string; readonly variants: unknown }[];
    }
  >(
    `SELECT coalesce(sum(octet_length(targeting::text)), 0)::float8 AS targeting,
            coalesce(sum(octet_length(variants::text) + octet_length(variant_ranges::text)
              + jsonb_array_length(variants) * 40) FILTER (WHERE variants <> '[]'), 0)::float8 AS variants,
            coalesce(sum(octet_length(requires::text)) FILTER (WHERE requires <> '[]'), 0)::float8 AS requires,
            coalesce(sum(octet_length(gates::text)), 0)::float8 AS gates,
            coalesce(sum(octet_length(key) + octet_length(bucket_by) + coalesce(octet_length(salt), 0) + 200), 0)::float8
              AS others,
            coalesce(sum(octet_length(key) + 2) FILTER (WHERE in_header AND archived_at IS NULL AND variants = '[]'), 0)::float8
              AS keys,
            coalesce(json_agg(json_build_object('key', key, 'variants', variants))
              FILTER (WHERE in_header AND archived_at IS NULL AND variants <> '[]'), '[]') AS varied
     FROM feature_flags ${where}`,
    [...values],
  );
  const { others, keys, varied, ...parts } = only(rows);
  return {
    snapshot: others + Object.values(parts).reduce((sum, bytes) => sum + bytes, 0),
    header: varied.reduce((sum, flag) => sum + longestMember(flag.key, flag.variants) + 2, keys),
    parts,
  };
}

async function readSegmentBytes(db: Queryable, where = "", values: readonly string[] = []): Promise<number> {
  const { rows } = await db.query<{ bytes: number }>(
    `SELECT coalesce(sum(octet_length(name) + octet_length(to_jsonb(ids)::text)
              + coalesce(octet_length(condition::text), 0) + 200), 0)::float8 AS bytes
     FROM segments ${where}`,
    [...values],
  );
  return only(rows).bytes;
}

/** The longest member that a flag adds to `x-flags`, over all its variants. */
function longestMember(key: string, variants: unknown): number {
  const lengths = Array.isArray(variants)
    ? variants.map((variant: unknown) => memberLength(key, variant))
    : [];
  return Math.max(encodeMember(key).length, ...lengths);
}

/** 0 for a variant that plain SQL broke: its flag is off. */
function memberLength(flagKey: string, variant: unknown): number {
  if (!isObject(variant) || typeof variant["key"] !== "string") return 0;
  try {
    return encodeMember(flagKey, { key: variant["key"], value: variant["value"] }).length;
  } catch {
    // Nested too deep for JSON.stringify.
    return 0;
  }
}

function grownMost(before: Parts, after: Parts): keyof Parts {
  const names: readonly (keyof Parts)[] = ["targeting", "variants", "requires", "gates"];
  return names.reduce((most, name) =>
    after[name] - before[name] > after[most] - before[most] ? name : most,
  );
}

function tooLarge(pointer: string, detail: string): Problem {
  return new Problem("invalid-request", "this write would make the flags too large", {
    errors: [{ pointer, detail }],
  });
}
