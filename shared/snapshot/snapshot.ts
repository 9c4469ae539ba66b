import type { Parsed } from "../flag/fault.ts";
import { isKey } from "../flag/flag.ts";
import { isObject } from "../flag/members.ts";
import { compareVersions, type Version } from "./revision.ts";

/** The schema of `head` and `snapshot` that this code reads. Additions never raise it. A higher schema is rejected. */
export const SCHEMA = 1;

/** The value of `snapshot` in Redis. It contains no revision, so that its digest only changes with its content. */
export interface Snapshot {
  readonly schema: typeof SCHEMA;
  /** Unchecked: `compile` checks every flag by itself. */
  readonly flags: readonly unknown[];
  /** Absent: none. Unchecked: an invalid segment only affects the flags that refer to it. */
  readonly segments?: readonly unknown[];
}

/** The value of `head` in Redis: the current snapshot's version and digest. */
export interface Head extends Version {
  readonly schema: typeof SCHEMA;
  /** The database that the snapshot was published from. */
  readonly database_id: string;
  /** SHA-256 of the snapshot's UTF-8, in lower-case hex. */
  readonly digest: string;
  /** Bytes of the snapshot in UTF-8. */
  readonly bytes: number;
  /** RFC 3339, UTC. */
  readonly published_at: string;
  /** The id of this version in the history of the database. Absent in heads of older publishers. */
  readonly lineage_id?: string;
}

/** The value of `off` in Redis: killed flags, by key. The version is the one that recorded the kill; null: not recorded yet. */
export type Off = ReadonlyMap<string, Version | null>;

/** The names of Sluice's Redis keys. Every environment has its own. */
export function redisKeys(environment: string): {
  readonly head: string;
  readonly snapshot: string;
  readonly off: string;
} {
  const prefix = `sluice:${environment}:`;
  return { head: `${prefix}head`, snapshot: `${prefix}snapshot`, off: `${prefix}off` };
}

/** The form of environment names, which are part of Redis keys and log lines. */
export const ENVIRONMENT_PATTERN = /^[a-z][a-z0-9_-]{0,31}$/;

const encoder = new TextEncoder();

/** The digest in `head`: SHA-256 of the snapshot's UTF-8, in lower-case hex. */
export async function digestOf(snapshotText: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", encoder.encode(snapshotText)));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Parses the value of `snapshot` in Redis. */
export function parseSnapshot(text: string): Parsed<Snapshot> {
  const json = parseObject("snapshot", text);
  if ("problem" in json) return json;
  const { schema, flags, segments } = json.value;
  if (schema !== SCHEMA) return schemaProblem("snapshot", schema);
  if (!Array.isArray(flags)) return { problem: "snapshot: flags must be an array" };
  if (segments === undefined) return { value: { schema, flags } };
  // Without segments, flags could not exclude the users that they must exclude.
  if (!Array.isArray(segments)) return { problem: "snapshot: segments must be an array" };
  return { value: { schema, flags, segments } };
}

/** Parses the value of `head` in Redis. */
export function parseHead(text: string): Parsed<Head> {
  const json = parseObject("head", text);
  if ("problem" in json) return json;
  const { schema, epoch, revision, database_id, digest, bytes, published_at, lineage_id } = json.value;
  if (schema !== SCHEMA) return schemaProblem("head", schema);
  if (!isCount(epoch) || !isCount(revision) || !isCount(bytes)) {
    return { problem: "head: epoch, revision and bytes must be integers from 0, of at most 15 digits" };
  }
  if (typeof database_id !== "string" || database_id === "" || database_id.length > 64) {
    return { problem: "head: database_id must be a string" };
  }
  if (typeof digest !== "string" || !/^[0-9a-f]{64}$/.test(digest)) {
    return { problem: "head: digest must be 64 lower-case hex digits" };
  }
  if (typeof published_at !== "string") return { problem: "head: published_at must be a string" };
  const head: Head = { schema, epoch, revision, database_id, digest, bytes, published_at };
  return { value: typeof lineage_id === "string" ? { ...head, lineage_id } : head };
}

/** Parses the value of `off` in Redis. Null, a missing key, means that no flag is killed. */
export function parseOff(text: string | null): Parsed<Off> {
  if (text === null) return { value: new Map() };
  const json = parseObject("off", text);
  if ("problem" in json) return json;
  const off = new Map<string, Version | null>();
  for (const [key, entry] of Object.entries(json.value)) {
    if (!isKey(key)) continue; // no flag can have it
    // An invalid entry counts as a kill: it was meant to be one.
    const version = Array.isArray(entry) && isCount(entry[0]) && isCount(entry[1]);
    off.set(key, version ? { epoch: Number(entry[0]), revision: Number(entry[1]) } : null);
  }
  return { value: off };
}

/**
 * The flags that `off` kills for a reader: kills that no revision has recorded yet, and kills that are newer than the
 * reader's snapshot.
 *
 * @param current the version of the reader's snapshot
 */
export function killedKeys(off: Off, current: Version): ReadonlySet<string> {
  const killed = new Set<string>();
  for (const [key, version] of off) {
    if (version === null || compareVersions(version, current) > 0) killed.add(key);
  }
  return killed;
}

function parseObject(name: string, text: string): Parsed<Readonly<Record<string, unknown>>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { problem: `${name}: not JSON` };
  }
  return isObject(value) ? { value } : { problem: `${name}: must be a JSON object` };
}

function schemaProblem(name: string, schema: unknown): { readonly problem: string } {
  return typeof schema === "number" && schema > SCHEMA
    ? {
        problem: `${name}: schema ${schema} is newer than ${SCHEMA}, which this version reads: deploy the worker first`,
      }
    : { problem: `${name}: schema must be ${SCHEMA}` };
}

/** An integer from 0 with at most 15 digits. Headers carry it, and structured fields allow no more (RFC 9651, section 3.3.1). */
function isCount(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 999_999_999_999_999;
}
