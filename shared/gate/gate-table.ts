import { KEY_PATTERN } from "../flag/flag.ts";
import { isObject } from "../flag/members.ts";
import { decodeEscapes } from "./decode-escapes.ts";
import type { Otherwise } from "./gate.ts";

/** A gate made ready: its pattern in every spelling that means the same. */
export interface ReadyGate {
  /** Undefined: without a usable key the flag is never on, so the gate is always closed. */
  readonly flag: string | undefined;
  /** As it was written. */
  readonly pattern: string;
  readonly spellings: readonly URLPattern[];
  /** What everything that matches begins with, in lower case: a URLPattern costs a hundred times as much to ask. */
  readonly prefix: string;
  readonly otherwise: Otherwise;
}

/** All gates, in the order in which they are asked: the most specific first, then by flag key, then as the flag has them. */
export type GateTable = readonly ReadyGate[];

/** The gates of a snapshot, and whose could not be understood. */
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
  const table: ReadyGate[] = [];
  const unreadable = new Set<string>();
  let faulty = false;
  for (const raw of flags) {
    if (!isObject(raw) || raw["gates"] === undefined) continue;
    const flag = typeof raw["key"] === "string" && KEY_PATTERN.test(raw["key"]) ? raw["key"] : undefined;
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

/** Stable: which of two gates for one page speaks is the same everywhere, whatever the order of the snapshot. */
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

/** A path of this site: `//host` or `/\host` would lead to another one. */
function isPath(value: unknown): value is string {
  return typeof value === "string" && /^\/(?![/\\])[\x21-\x7e]*$/.test(value);
}

/**
 * A pattern in every spelling that means the same. Requests are compared decoded too, so a pattern that holds escapes
 * or doubled slashes must be there decoded as well. Case is ignored: many origins do. Whoever closes all of `/ai/*`
 * means the page `/ai`, too, which many origins serve as `/ai/`.
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

/** Told only of what has one meaning beyond doubt, as `/ai/chat`, `/ai/*` or `/docs/:page/ai`; the empty one excludes nothing. */
function toPrefix(pattern: string): string {
  const literal = /^((?:\/[\w-]+)+)(?:\/(?:[\w-]+|\*|:\w+))*$/.exec(pattern)?.[1] ?? "";
  return literal.toLowerCase();
}

/** What a segment of a pattern may be, the most specific first. */
const KINDS: readonly (readonly [test: RegExp, digit: string])[] = [
  [/^(?:[^\\*:(){}?+]|\\.)*$/su, "0"],
  [/^:\w+$/, "2"],
  [/^\*+$/, "3"],
];
/** Partly a name or a wildcard, as `draft-*`; or whatever else a URLPattern may hold. */
const MIXED = "1";
/** Any rest, however long. */
const REST = "9";

/**
 * How specific a pattern is, as a text: of two patterns for one page the lower text is the more specific. Compared from
 * the left, segment by segment: words before `draft-*` before `:name` before `*`, and any rest comes last.
 */
function gateRank(pattern: string): string {
  const segments = pattern
    .replace(/(?<=.)\/+$/, "")
    .split("/")
    .slice(1);
  const digits = segments.map((segment) => KINDS.find(([test]) => test.test(segment))?.[1] ?? MIXED);
  if (digits.at(-1) === "3") digits[digits.length - 1] = REST;
  // Where kinds are the same, the one that says more.
  return `${digits.join("")}/${String(100_000 - Math.min(pattern.length, 99_999)).padStart(6, "0")}`;
}
