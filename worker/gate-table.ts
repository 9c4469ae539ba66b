import { KEY_PATTERN } from "../shared/flag.ts";
import { decodeEscapes } from "./gate-path.ts";
import type { Otherwise } from "./gate.ts";

/** A gate made ready: its pattern in every spelling that means the same. */
export interface ReadyGate {
  readonly patterns: readonly URLPattern[];
  /** What everything that matches begins with, in lower case: a URLPattern costs a hundred times as much to ask. */
  readonly prefix: string;
  readonly otherwise: Otherwise;
}

/** The gates of one flag; without a usable key the flag is never on, so they are always closed. */
export interface FlagGates {
  readonly flag: string | undefined;
  readonly gates: readonly ReadyGate[];
}

/** All gates, in the order in which they are asked. */
export type GateTable = readonly FlagGates[];

/** The gates of a snapshot, and whose could not be understood in full. */
export interface ReadGates {
  readonly table: GateTable;
  /** Keys of flags that must be off since some of their pages could not be closed. */
  readonly unreadable: ReadonlySet<string>;
  /** Some flag's gates could not be understood, even of a flag without a usable key. */
  readonly faulty: boolean;
}

/** What is closed by a gate whose pattern is understood and whose rest is not. */
const UNKNOWN_OTHERWISE: Otherwise = { status: 404 };

const REDIRECT_STATUSES: readonly unknown[] = [302, 303, 307];
const CLOSED_STATUSES: readonly unknown[] = [403, 404, 410];

/**
 * Makes gates ready, once per snapshot. Whatever can be understood is closed, also of a flag that is broken otherwise.
 *
 * @param flags unchecked: a snapshot's
 */
export function readGates(flags: readonly unknown[]): ReadGates {
  const table: FlagGates[] = [];
  const unreadable = new Set<string>();
  let faulty = false;
  for (const raw of flags) {
    if (!isObject(raw) || raw["gates"] === undefined) continue;
    const flag = typeof raw["key"] === "string" && KEY_PATTERN.test(raw["key"]) ? raw["key"] : undefined;
    const given: unknown = raw["gates"];
    const items = Array.isArray(given) ? given.map(readGate) : [UNREADABLE];
    if (items.some((item) => item.fault)) {
      faulty = true;
      if (flag !== undefined) unreadable.add(flag);
    }
    const gates = items.flatMap(({ gate }) => gate ?? []);
    if (gates.length > 0) table.push({ flag, gates });
  }
  // By key, as decisions are: which of two gates for one page speaks is the same everywhere.
  table.sort(({ flag: a = "" }, { flag: b = "" }) => Number(a > b) - Number(a < b));
  return { table, unreadable, faulty };
}

interface ReadGate {
  readonly gate?: ReadyGate;
  readonly fault: boolean;
}

const UNREADABLE: ReadGate = { fault: true };

function readGate(raw: unknown): ReadGate {
  if (!isObject(raw) || typeof raw["pattern"] !== "string") return UNREADABLE;
  const patterns = toPatterns(raw["pattern"]);
  if (patterns === undefined) return UNREADABLE;
  const otherwise = readOtherwise(raw["otherwise"]);
  const known = Object.keys(raw).every((name) => name === "pattern" || name === "otherwise");
  return {
    gate: { patterns, prefix: toPrefix(raw["pattern"]), otherwise: otherwise ?? UNKNOWN_OTHERWISE },
    fault: otherwise === undefined || !known,
  };
}

function readOtherwise(raw: unknown): Otherwise | undefined {
  if (!isObject(raw)) return undefined;
  const { rewrite, redirect, status } = raw;
  if (isPath(rewrite)) return redirect === undefined && status === undefined ? { rewrite } : undefined;
  if (rewrite !== undefined) return undefined;
  if (isPath(redirect)) {
    if (status === undefined) return { redirect, status: 302 };
    return REDIRECT_STATUSES.includes(status) ? { redirect, status: status as 302 | 303 | 307 } : undefined;
  }
  if (redirect !== undefined || !CLOSED_STATUSES.includes(status)) return undefined;
  return { status: status as 403 | 404 | 410 };
}

/** A path of this site: `//host` or `/\host` would lead to another one. */
function isPath(value: unknown): value is string {
  return typeof value === "string" && /^\/(?![/\\])[\x21-\x7e]*$/.test(value);
}

/**
 * A pattern in every spelling that means the same. Requests are compared decoded too, so a pattern that holds escapes
 * or doubled slashes must be there decoded as well. Case is ignored: many origins do.
 */
function toPatterns(pattern: string): readonly URLPattern[] | undefined {
  if (!pattern.startsWith("/")) return undefined;
  const plain = pattern.replace(/(?:%[0-9a-f]{2})+/gi, (run) =>
    decodeEscapes(run).replace(/[\\{}()*+?:]/g, String.raw`\$&`),
  );
  const spellings = new Set<string>();
  for (const spelling of [pattern, plain, plain.replace(/\/{2,}/g, "/")]) {
    spellings.add(spelling).add(spelling.replace(/(?<=[^\\])\/+$/, ""));
  }
  try {
    return Array.from(spellings, (pathname) => new URLPattern({ pathname }, { ignoreCase: true }));
  } catch {
    return undefined;
  }
}

/** Told only of what has one meaning beyond doubt, as `/ai/chat`, `/ai/*` or `/docs/:page/ai`; the empty one excludes nothing. */
function toPrefix(pattern: string): string {
  const literal = /^((?:\/[\w-]+)+)(?:\/(?:[\w-]+|\*|:\w+))*$/.exec(pattern)?.[1] ?? "";
  return literal.toLowerCase();
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
