import type { Parsed } from "../flag/fault.ts";
import { KEY_PATTERN } from "../flag/flag.ts";
import { compareVersions, type Version } from "./revision.ts";

/** The schema of `head` and `snapshot` that this code reads. Additions never raise it; a raised one is refused. */
export const SCHEMA = 1;

/** What Redis holds under `snapshot`: everything the edge needs, and no revision, so that its digest moves only with its content. */
export interface Snapshot {
  readonly schema: typeof SCHEMA;
  /** Unchecked: `compile` judges every flag by itself. */
  readonly flags: readonly unknown[];
  /** Absent: none. Unchecked, too: a broken one spoils the flags that ask for it. */
  readonly segments?: readonly unknown[];
}

/** What Redis holds under `head`: which snapshot is current. */
export interface Head extends Version {
  readonly schema: typeof SCHEMA;
  /** The database that published it. */
  readonly database_id: string;
  /** SHA-256 of the snapshot's UTF-8, in lower-case hex. */
  readonly digest: string;
  /** Length of the snapshot's UTF-8. */
  readonly bytes: number;
  /** RFC 3339, UTC. */
  readonly published_at: string;
}

/** What Redis holds under `off`: per flag key the version that recorded its kill, or null while none has. */
export type Off = ReadonlyMap<string, Version | null>;

/** The names of Sluice's keys in Redis, apart for every environment. */
export function redisKeys(environment: string): {
  readonly head: string;
  readonly snapshot: string;
  readonly off: string;
} {
  const prefix = `sluice:${environment}:`;
  return { head: `${prefix}head`, snapshot: `${prefix}snapshot`, off: `${prefix}off` };
}

/** Environments become part of Redis' keys and of log lines. */
export const ENVIRONMENT_PATTERN = /^[a-z][a-z0-9_-]{0,31}$/;

const encoder = new TextEncoder();

/** The digest that `head` names: SHA-256 of the UTF-8, in lower-case hex. */
export async function digestOf(snapshotText: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", encoder.encode(snapshotText)));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Reads what stands in Redis under `snapshot`. */
export function parseSnapshot(text: string): Parsed<Snapshot> {
  const json = parseObject("snapshot", text);
  if ("problem" in json) return json;
  const { schema, flags, segments } = json.value;
  if (schema !== SCHEMA) return schemaProblem("snapshot", schema);
  if (!Array.isArray(flags)) return { problem: "snapshot: flags must be an array" };
  if (segments === undefined) return { value: { schema, flags } };
  // Without its segments no flag could tell whom it must leave out.
  if (!Array.isArray(segments)) return { problem: "snapshot: segments must be an array" };
  return { value: { schema, flags, segments } };
}

/** Reads what stands in Redis under `head`. */
export function parseHead(text: string): Parsed<Head> {
  const json = parseObject("head", text);
  if ("problem" in json) return json;
  const { schema, epoch, revision, database_id, digest, bytes, published_at } = json.value;
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
  return { value: { schema, epoch, revision, database_id, digest, bytes, published_at } };
}

/** Reads what stands in Redis under `off`; null, no key there, is nothing killed. */
export function parseOff(text: string | null): Parsed<Off> {
  if (text === null) return { value: new Map() };
  const json = parseObject("off", text);
  if ("problem" in json) return json;
  const off = new Map<string, Version | null>();
  for (const [key, entry] of Object.entries(json.value)) {
    if (!KEY_PATTERN.test(key)) continue; // no flag can have it
    // An entry that cannot be understood was meant to switch something off.
    const version = Array.isArray(entry) && isCount(entry[0]) && isCount(entry[1]);
    off.set(key, version ? { epoch: Number(entry[0]), revision: Number(entry[1]) } : null);
  }
  return { value: off };
}

/**
 * The flags that `off` kills for a reader: those whose kill no revision has recorded yet, and those whose kill is
 * newer than what the reader holds.
 */
export function killedKeys(off: Off, held: Version): ReadonlySet<string> {
  const killed = new Set<string>();
  for (const [key, version] of off) {
    if (version === null || compareVersions(version, held) > 0) killed.add(key);
  }
  return killed;
}

function parseObject(name: string, text: string): Parsed<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { problem: `${name}: not JSON` };
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return { problem: `${name}: must be a JSON object` };
  }
  return { value: value as Record<string, unknown> };
}

function schemaProblem(name: string, schema: unknown): { readonly problem: string } {
  return typeof schema === "number" && schema > SCHEMA
    ? {
        problem: `${name}: schema ${schema} is newer than ${SCHEMA}, which this version reads: deploy the worker first`,
      }
    : { problem: `${name}: schema must be ${SCHEMA}` };
}

/** An integer from 0 that fits a structured field (RFC 9651, section 3.3.1: 15 digits), since headers carry it. */
function isCount(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 999_999_999_999_999;
}
