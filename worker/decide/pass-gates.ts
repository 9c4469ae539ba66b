import { decisionOf } from "../../shared/evaluate/evaluate.ts";
import type { GateTable } from "../../shared/gate/gate-table.ts";
import { passGates as pass, type Passage } from "../../shared/gate/pass-gates.ts";
import type { Decided } from "./decide.ts";

/**
 * Leads a request past the gates, with what was decided for its visitor.
 *
 * @param decided what is on; undefined is nothing, as is a flag that is not in it
 */
export function passGates(
  table: GateTable,
  decided: Pick<Decided, "compiled" | "decisions"> | undefined,
  url: URL,
): Passage {
  const isOn = (flag: string): boolean =>
    decided !== undefined && decisionOf(decided.compiled, decided.decisions, flag).value;
  return pass(table, isOn, url);
}
