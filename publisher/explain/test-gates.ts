import type { EvaluationContext } from "../../shared/flag/context.ts";
import { closingsOf } from "../../shared/gate/closings.ts";
import { readGates, type GateTable } from "../../shared/gate/gate-table.ts";
import { withPath } from "../../shared/gate/gate.ts";
import { passGates, type Passage } from "../../shared/gate/pass-gates.ts";
import { assembleSnapshot } from "../publish/snapshot-builder.ts";
import type { PublisherRedis } from "../redis/redis.ts";
import type { GateTestResult } from "../schema/gate-test-schema.ts";
import { explainFlags, type ExplainedState } from "./explain.ts";

type Outcome = GateTestResult["outcome"];
type Step = GateTestResult["steps"][number];

/**
 * Shows what gates do to one visitor's request, with the flags in Postgres and the kills at the edge. It runs the code
 * that the worker runs.
 *
 * @param visitor undefined: a worker without a snapshot, where every gate is closed
 * @param url its host and scheme make no difference
 */
export async function testGates(
  source: ExplainedState,
  visitor: EvaluationContext | undefined,
  url: URL,
  redis: PublisherRedis,
): Promise<GateTestResult> {
  const explained = visitor === undefined ? [] : await explainFlags(source, visitor, redis);
  const on = new Set(explained.flatMap(({ flag_key: key, value }) => (value ? [key] : [])));
  const isOn = (key: string): boolean => on.has(key);
  const { table } = readGates(assembleSnapshot(source).snapshot.flags);
  const pass = (to: URL): Passage => passGates(table, isOn, to);
  const passage = pass(url);
  const stops = [...passage.gates.map(({ at }) => at), ...("url" in passage ? [passage.url] : [])];
  const steps = stops.map((at, index) => ({
    path: pathOf(at),
    gates: gatesAt(table, isOn, at, index < passage.gates.length),
  }));
  const met = new Set(steps.flatMap(({ gates }) => gates.map(({ flag_key: key }) => key)));
  return {
    path: pathOf(url),
    outcome: outcomeOf(passage, url, pass),
    steps,
    flags: explained.filter(({ flag_key: key }) => met.has(key)),
  };
}

function outcomeOf(passage: Passage, url: URL, pass: (to: URL) => Passage): Outcome {
  if ("url" in passage) {
    return { action: passage.gates.length === 0 ? "pass" : "rewrite", path: pathOf(passage.url) };
  }
  const { closed } = passage;
  if ("redirect" in closed) return { action: "redirect", path: closed.redirect, status: closed.status };
  const { status, page: path } = closed;
  const why = causeOf(passage);
  if (path === undefined) return { action: "status", status, why };
  const toPage = pass(withPath(url, path));
  return {
    action: "status",
    status,
    why,
    page: { path, shown: "url" in toPage ? pathOf(toPage.url) : undefined },
  };
}

function causeOf({ gates }: Passage): "gate" | "circle" | "unreadable_path" {
  const last = gates.at(-1);
  if (last?.reading === undefined) return "unreadable_path";
  const { otherwise } = last.gate;
  return "status" in otherwise && !("redirect" in otherwise) ? "gate" : "circle";
}

function gatesAt(
  table: GateTable,
  isOn: (flag: string) => boolean,
  at: URL,
  isClosed: boolean,
): Step["gates"] {
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
