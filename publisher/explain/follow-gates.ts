import { closingsOf } from "../../shared/gate/closings.ts";
import { readGates, type GateTable } from "../../shared/gate/gate-table.ts";
import { type Otherwise, withPath } from "../../shared/gate/gate.ts";
import { passGates, type Passage } from "../../shared/gate/pass-gates.ts";

/** What gates do to a request, as the worker would. */
export interface GateTest {
  /** Path and query, as the worker reads them. */
  readonly path: string;
  readonly outcome: Outcome;
  /** Where the request came by, in turn: from the page that was asked for, by rewrites, to where it ended. */
  readonly steps: readonly TestedStep[];
}

/** `path`: what the origin is asked for, or where a browser is sent. */
export type Outcome =
  | { readonly action: "pass" | "rewrite"; readonly path: string }
  | { readonly action: "redirect"; readonly path: string; readonly status: number }
  | {
      readonly action: "status";
      readonly status: number;
      readonly why: StatusCause;
      readonly page?: ShownPage;
    };

/** A gate says so; gates lead round in a circle; or the path can be read in more ways than can be told. */
export type StatusCause = "gate" | "circle" | "unreadable_path";

/** A page of the site that is named beside a status. */
export interface ShownPage {
  readonly path: string;
  /** What the origin is asked for; absent when the page is closed to this visitor itself: then a plain one comes. */
  readonly shown?: string;
}

export interface TestedStep {
  readonly path: string;
  /** All gates that are for this page, the most specific first. */
  readonly gates: readonly TestedGate[];
}

export interface TestedGate {
  readonly flag_key: string;
  readonly pattern: string;
  readonly otherwise: Otherwise;
  /** What the path was taken for; null when it can be read in more ways than can be told, so that any gate closes it. */
  readonly reading: string | null;
  /** Its flag is on for this visitor. */
  readonly open: boolean;
  /** It decided: the first of those that are closed. */
  readonly decided: boolean;
}

/**
 * Leads a request past the gates by the code that the worker leads it by, and tells the way.
 *
 * @param flags a snapshot's
 * @param isOn whether a flag is on for the visitor; while a worker holds nothing, none is
 * @param url of which host and scheme make no difference
 */
export function followGates(flags: readonly unknown[], isOn: (flag: string) => boolean, url: URL): GateTest {
  const { table } = readGates(flags);
  const pass = (to: URL): Passage => passGates(table, isOn, to);
  const passage = pass(url);
  const stops = [...passage.gates.map(({ at }) => at), ...("url" in passage ? [passage.url] : [])];
  return {
    path: pathOf(url),
    outcome: outcomeOf(passage, url, pass),
    steps: stops.map((at, index) => ({
      path: pathOf(at),
      gates: gatesAt(table, isOn, at, index < passage.gates.length),
    })),
  };
}

function outcomeOf(passage: Passage, url: URL, pass: (to: URL) => Passage): Outcome {
  if ("url" in passage) {
    return { action: passage.gates.length === 0 ? "pass" : "rewrite", path: pathOf(passage.url) };
  }
  const { closed } = passage;
  if ("redirect" in closed) return { action: "redirect", path: closed.redirect, status: closed.status };
  const { status, page } = closed;
  return {
    action: "status",
    status,
    why: causeOf(passage),
    ...(page !== undefined && { page: shownPage(page, pass(withPath(url, page))) }),
  };
}

function causeOf({ gates }: Passage): StatusCause {
  const last = gates.at(-1);
  if (last?.reading === undefined) return "unreadable_path";
  const { otherwise } = last.gate;
  return "status" in otherwise && !("redirect" in otherwise) ? "gate" : "circle";
}

const shownPage = (path: string, passage: Passage): ShownPage => ({
  path,
  ...("url" in passage && { shown: pathOf(passage.url) }),
});

function gatesAt(
  table: GateTable,
  isOn: (flag: string) => boolean,
  at: URL,
  isClosed: boolean,
): readonly TestedGate[] {
  const gates = Array.from(closingsOf(table, at), ({ gate, reading }) => ({
    // Postgres has no row without a usable key.
    flag_key: gate.flag ?? "",
    pattern: gate.pattern,
    otherwise: gate.otherwise,
    reading: reading ?? null,
    open: gate.flag !== undefined && isOn(gate.flag),
  }));
  const speaking = isClosed ? gates.findIndex(({ open }) => !open) : -1;
  return gates.map((gate, index) => ({ ...gate, decided: index === speaking }));
}

const pathOf = ({ pathname, search }: URL): string => pathname + search;
