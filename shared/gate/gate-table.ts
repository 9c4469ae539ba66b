import { isKey } from "../flag/flag.ts";
import { isObject } from "../flag/members.ts";
import { decodeEscapes } from "./decode-escapes.ts";
import type { Otherwise } from "./gate.ts";

/** A gate prepared for matching: its pattern in every equivalent spelling. */
export interface ReadyGate {
  /** Undefined when the flag's key is invalid. The flag is then never on, so the gate is always closed. */
  readonly flag: string | undefined;
  /** As it was written. */
  readonly pattern: string;
  readonly spellings: readonly URLPattern[];
  /** The start of every path that matches, in lower case. Comparing it is a hundred times cheaper than a URLPattern. */
  readonly prefix: string;
  readonly otherwise: Otherwise;
}

/** All gates in matching order: the most specific first, then by flag key, then in the order of the flag. */
export type GateTable = readonly ReadyGate[];

/** The gates of a snapshot, and the flags with unreadable gates. */
export interface ReadGates {
  readonly table: GateTable;
  /** Keys of flags that must be off, because some of their pages cannot be closed. */
  readonly unreadable: ReadonlySet<string>;
  /** Whether any gate was unreadable, also of a flag with an invalid key. */
  readonly faulty: boolean;
}

/** Used for a gate with a valid pattern and an invalid `otherwise`: its pages stay closed. */
const UNKNOWN_OTHERWISE: Otherwise = { status: 404 };

const REDIRECT_STATUSES: readonly unknown[] = [302, 303, 307];
const CLOSED_STATUSES: readonly unknown[] = [403, 404, 410];

/**
 * Prepares gates, once per snapshot. Every readable gate closes its pages, also when the rest of the flag is invalid.
 *
 * @param flags unchecked input from a snapshot
 */
export function readGates(flags: readonly unknown[]): ReadGates {
  const table: ReadyGate[] = [];
  const unreadable = new Set<string>();
  let faulty = false;
  for (const raw of flags) {
    if (!isObject(raw) || raw["gates"] === undefined) continue;
    const flag = isKey(raw["key"]) ? raw["key"] : undefined;
    const given: unknown = raw["gates"];
    const items = Array.isArray(given) ? given.map((item) => readGate(flag, item)) : [UNREADABLE];
    if (items.some((item) => item.fault)) {
      faulty = true;
      if (flag !== undefined) unreadable.add(flag);
    }
    table.push(...items.flatMap(({ gate }) => gate ?? []));
  }
  return { table: inOrder(table), unreadable, faulty };
}

/** Sorts gates so that every worker chooses the same one, independent of the order in the snapshot. */
function inOrder(gates: readonly ReadyGate[]): GateTable {
  const ranked = gates.map((gate) => ({ gate, rank: gateRank(gate.pattern), key: gate.flag ?? "" }));
  ranked.sort((a, b) => compare(a.rank, b.rank) || compare(a.key, b.key));
  return ranked.map(({ gate }) => gate);
}

const compare = (a: string, b: string): number => Number(a > b) - Number(a < b);

interface ReadGate {
  readonly gate?: ReadyGate;
  readonly fault: boolean;
}

const UNREADABLE: ReadGate = { fault: true };

function readGate(flag: string | undefined, raw: unknown): ReadGate {
  if (!isObject(raw) || typeof raw["pattern"] !== "string") return UNREADABLE;
  const { pattern } = raw;
  const spellings = toSpellings(pattern);
  if (spellings === undefined) return UNREADABLE;
  const otherwise = readOtherwise(raw["otherwise"]);
  const known = Object.keys(raw).every((name) => name === "pattern" || name === "otherwise");
  return {
    gate: { flag, pattern, spellings, prefix: toPrefix(pattern), otherwise: otherwise ?? UNKNOWN_OTHERWISE },
    fault: otherwise === undefined || !known,
  };
}

function readOtherwise(raw: unknown): Otherwise | undefined {
  if (!isObject(raw)) return undefined;
  const { rewrite, redirect, status, page } = raw;
  if (rewrite !== undefined) {
    const isAlone = redirect === undefined && status === undefined && page === undefined;
    return isAlone && isPath(rewrite) ? { rewrite } : undefined;
  }
  if (redirect !== undefined) {
    if (!isPath(redirect) || page !== undefined) return undefined;
    if (status === undefined) return { redirect, status: 302 };
    return REDIRECT_STATUSES.includes(status) ? { redirect, status: status as 302 | 303 | 307 } : undefined;
  }
  if (!CLOSED_STATUSES.includes(status)) return undefined;
  const closed = { status: status as 403 | 404 | 410 };
  if (page === undefined) return closed;
  return isPath(page) ? { ...closed, page } : undefined;
}

/** A path of this site. `//host` and `/\host` would lead to another site. */
function isPath(value: unknown): value is string {
  return typeof value === "string" && /^\/(?![/\\])[\x21-\x7e]*$/.test(value);
}

/**
 * Returns a pattern in every equivalent spelling. Requests are also compared decoded, so escapes and doubled slashes of the
 * pattern are decoded too. Case is ignored, because many origins ignore it. `/ai/*` also closes `/ai`, which many origins
 * serve as `/ai/`.
 */
function toSpellings(pattern: string): readonly URLPattern[] | undefined {
  if (!pattern.startsWith("/")) return undefined;
  const plain = pattern.replace(/(?:%[0-9a-f]{2})+/gi, (run) =>
    decodeEscapes(run).replace(/[\\{}()*+?:]/g, String.raw`\$&`),
  );
  const spellings = new Set<string>();
  for (const spelling of [pattern, plain, plain.normalize("NFC"), plain.replace(/\/{2,}/g, "/")]) {
    for (const form of [spelling, spelling.replace(/(?<=[^\\])\/\*+$/, "")]) {
      spellings.add(form).add(form.replace(/(?<=[^\\])\/+$/, ""));
    }
  }
  try {
    return Array.from(spellings, (pathname) => new URLPattern({ pathname }, { ignoreCase: true }));
  } catch {
    return undefined;
  }
}

/** The literal start of simple patterns such as `/ai/chat`, `/ai/*` or `/docs/:page/ai`. Empty for all others: no restriction. */
function toPrefix(pattern: string): string {
  const literal = /^((?:\/[\w-]+)+)(?:\/(?:[\w-]+|\*|:\w+))*$/.exec(pattern)?.[1] ?? "";
  return literal.toLowerCase();
}

/** The kinds of pattern segments, the most specific first. */
const KINDS: readonly (readonly [test: RegExp, digit: string])[] = [
  [/^(?:[^\\*:(){}?+]|\\.)*$/su, "0"],
  [/^:\w+$/, "2"],
  [/^\*+$/, "3"],
];
/** Partly a name or wildcard, such as `draft-*`, or any other URLPattern syntax. */
const MIXED = "1";
/** A wildcard at the end, which matches any number of segments. */
const REST = "9";

/**
 * Ranks a pattern by how specific it is: of two patterns for one page, the lower text is more specific. Segments are compared
 * from the left: words before `draft-*` before `:name` before `*`, and a wildcard at the end last.
 */
function gateRank(pattern: string): string {
  const segments = pattern
    .replace(/(?<=.)\/+$/, "")
    .split("/")
    .slice(1);
  const digits = segments.map((segment) => KINDS.find(([test]) => test.test(segment))?.[1] ?? MIXED);
  if (digits.at(-1) === "3") digits[digits.length - 1] = REST;
  // Among patterns of equal kinds, the longer one is more specific.
  return `${digits.join("")}/${String(100_000 - Math.min(pattern.length, 99_999)).padStart(6, "0")}`;
}
