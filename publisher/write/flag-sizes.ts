import { encodeMember } from "../../shared/flag/flag-member.ts";
import { isObject } from "../../shared/flag/members.ts";
import { only, type Queryable } from "../postgres/postgres.ts";
import { Problem } from "../problem/problem.ts";

/** The worst-case `x-flags` that a write may lead to, in bytes. */
const MAX_HEADER_BYTES = 8_192;

/** What grows with what people write, in bytes, by the member that it comes from. */
interface Parts {
  readonly targeting: number;
  readonly variants: number;
  readonly requires: number;
  readonly gates: number;
}

/** Upper bounds of what flags lead to, in bytes. */
interface Sizes {
  readonly snapshot: number;
  /** With every flag on for one user, with the variant that says most. */
  readonly header: number;
  readonly parts: Parts;
}

/** Of a flag that was not there. */
export const NO_SIZES: Sizes = {
  snapshot: 0,
  header: 0,
  parts: { targeting: 0, variants: 0, requires: 0, gates: 0 },
};

/** How much one flag adds. */
export const readFlagSizes = (db: Queryable, key: string): Promise<Sizes> =>
  readSizes(db, "WHERE key = $1", [key]);

/** The bound of the whole snapshot, in bytes: never below what is published, whatever stands in flags and segments. */
export async function readSnapshotBound(db: Queryable): Promise<number> {
  const flags = await readSizes(db, "", []);
  return flags.snapshot + (await readSegmentBytes(db)) + SNAPSHOT_BYTES;
}

/**
 * Refuses a write that leads to what would no longer fit. What makes nothing larger is never refused: a limit that was
 * lowered must not keep anybody from narrowing a flag.
 *
 * @param before what the flag added before this transaction changed it
 */
export async function checkSizes(
  db: Queryable,
  key: string,
  before: Sizes,
  maxSnapshotBytes: number,
): Promise<void> {
  const after = await readFlagSizes(db, key);
  if (after.snapshot <= before.snapshot && after.header <= before.header) return;
  if (after.snapshot > before.snapshot) {
    await checkSnapshot(db, maxSnapshotBytes, `/${grownMost(before.parts, after.parts)}`);
  }
  if (after.header > before.header) {
    const { header } = await readSizes(db, "", []);
    if (header > MAX_HEADER_BYTES) {
      // What was in the header already has the same key there: it is longer by its variants, even where their JSON is shorter.
      const byVariants = before.header > 0 || after.parts.variants > before.parts.variants;
      throw tooLarge(
        byVariants ? "/variants" : "/in_header",
        `x-flags with every flag on would have ${header} bytes, more than ${MAX_HEADER_BYTES}: set in_header to false on flags that no origin reads, or archive some`,
      );
    }
  }
}

/** How much one segment adds to the snapshot; 0 when it is not there. */
export const readSegmentSize = (db: Queryable, name: string): Promise<number> =>
  readSegmentBytes(db, "WHERE name = $1", [name]);

/** The same for a segment. @param before what it added before this transaction changed it */
export async function checkSegmentSize(
  db: Queryable,
  name: string,
  before: number,
  maxSnapshotBytes: number,
): Promise<void> {
  if ((await readSegmentSize(db, name)) <= before) return;
  await checkSnapshot(db, maxSnapshotBytes, "/ids");
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
 * Measures in SQL, without reading more of a flag than its variants. A jsonb's text is never shorter than what
 * JSON.stringify makes of it. 200 covers the other members and the punctuation of a flag, or what a broken one has
 * instead (`MAX_INVALID_BYTES`, and a `null` among its gates). New weights add at most two ranges for a variant to those that are saved, 13 bytes each.
 */
async function readSizes(db: Queryable, where: string, values: readonly string[]): Promise<Sizes> {
  const { rows } = await db.query<Record<keyof Parts | "others" | "keys", string>>(
    `SELECT coalesce(sum(octet_length(targeting::text)), 0) AS targeting,
            coalesce(sum(octet_length(variants::text) + octet_length(variant_ranges::text)
              + jsonb_array_length(variants) * 40) FILTER (WHERE variants <> '[]'), 0) AS variants,
            coalesce(sum(octet_length(requires::text)) FILTER (WHERE requires <> '[]'), 0) AS requires,
            coalesce(sum(octet_length(gates::text)), 0) AS gates,
            coalesce(sum(octet_length(key) + octet_length(bucket_by) + coalesce(octet_length(salt), 0) + 200), 0)
              AS others,
            coalesce(sum(octet_length(key) + 2) FILTER (WHERE in_header AND archived_at IS NULL AND variants = '[]'), 0)
              AS keys
     FROM feature_flags ${where}`,
    [...values],
  );
  const { others, keys, targeting, variants, requires, gates } = only(rows);
  const parts = {
    targeting: Number(targeting),
    variants: Number(variants),
    requires: Number(requires),
    gates: Number(gates),
  };
  const varied = parts.variants === 0 ? [] : await readVaried(db, where, values);
  return {
    snapshot: Number(others) + Object.values(parts).reduce((sum, bytes) => sum + bytes, 0),
    header: varied.reduce((sum, flag) => sum + longestMember(flag.key, flag.variants) + 2, Number(keys)),
    parts,
  };
}

/** The variants of those flags that are in the header. */
async function readVaried(
  db: Queryable,
  where: string,
  values: readonly string[],
): Promise<readonly { readonly key: string; readonly variants: unknown }[]> {
  const { rows } = await db.query<{ key: string; variants: unknown }>(
    `SELECT key, variants FROM feature_flags
     ${where === "" ? "WHERE" : `${where} AND`} in_header AND archived_at IS NULL AND variants <> '[]'`,
    [...values],
  );
  return rows;
}

async function readSegmentBytes(db: Queryable, where = "", values: readonly string[] = []): Promise<number> {
  const { rows } = await db.query<{ bytes: string }>(
    `SELECT coalesce(sum(octet_length(name) + octet_length(to_jsonb(ids)::text)
              + coalesce(octet_length(condition::text), 0) + 200), 0) AS bytes
     FROM segments ${where}`,
    [...values],
  );
  return Number(only(rows).bytes);
}

/** What a flag adds to `x-flags` at most: with whichever variant. */
function longestMember(key: string, variants: unknown): number {
  const lengths = Array.isArray(variants)
    ? variants.map((variant: unknown) => memberLength(key, variant))
    : [];
  return Math.max(encodeMember(key).length, ...lengths);
}

/** What plain SQL broke is off: it names nothing. */
function memberLength(flagKey: string, variant: unknown): number {
  if (!isObject(variant) || typeof variant["key"] !== "string") return 0;
  try {
    return encodeMember(flagKey, { key: variant["key"], value: variant["value"] }).length;
  } catch {
    // Nested so deep that it cannot be written.
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
