import { fault } from "../../shared/flag/fault.ts";
import { findCircle } from "../../shared/gate/gate-circle.ts";
import { readGates, type ReadyGate } from "../../shared/gate/gate-table.ts";
import { targetOf } from "../../shared/gate/gate.ts";
import { faultProblem } from "../problem/problem.ts";
import type { FlagRow } from "../postgres/flag-record.ts";
import type { Queryable } from "../postgres/postgres.ts";
import { readAllGates } from "../postgres/store.ts";

/**
 * Refuses gates that form a circle with the gates of other flags. To be called under the lock of all writers: two
 * writes could close a circle together. A circle made by plain SQL does not block changes of other gates.
 *
 * @param before the flag before this transaction changed it; undefined for a new flag
 */
export async function checkGates(
  db: Queryable,
  before: FlagRow | undefined,
  { key, gates }: FlagRow,
): Promise<void> {
  if (!Array.isArray(gates) || gates.length === 0) return;
  const others = (await readAllGates(db)).filter((other) => other.key !== key);
  const old = findCircles([...others, { key, gates: before?.gates ?? [] }], key);
  for (const circle of findCircles([...others, { key, gates }], key)) {
    const [own] = circle;
    if (own === undefined || old.some(([known]) => known !== undefined && isSame(known, own))) continue;
    const index = gates.findIndex((raw: unknown) =>
      readGates([{ gates: [raw] }]).table.some((gate) => isSame(gate, own)),
    );
    const action = "rewrite" in own.otherwise ? "rewrite" : "redirect";
    throw faultProblem(fault(inWords(circle), "gates", Math.max(index, 0), "otherwise", action));
  }
}

/** The circles that contain a gate of this flag, one for each gate. */
function findCircles(flags: readonly unknown[], key: string): readonly (readonly ReadyGate[])[] {
  const { table } = readGates(flags);
  return table
    .filter(({ flag }) => flag === key)
    .flatMap((own) => {
      const circle = findCircle(table, own);
      return circle === undefined ? [] : [circle];
    });
}

const isSame = (a: ReadyGate, b: ReadyGate): boolean =>
  a.pattern === b.pattern && JSON.stringify(a.otherwise) === JSON.stringify(b.otherwise);

/** How many gates of a circle the text names. */
const MAX_NAMED = 5;

function inWords([own, ...others]: readonly ReadyGate[]): string {
  const named = others.slice(0, MAX_NAMED).map(({ flag = "a flag", pattern, otherwise }) => {
    return `(closed by gate ${pattern} of ${flag}) -> ${targetOf(otherwise) ?? ""}`;
  });
  const more = others.length > MAX_NAMED ? [`(and ${others.length - MAX_NAMED} more gates)`] : [];
  const steps = [
    targetOf(own?.otherwise ?? { status: 404 }) ?? "",
    ...named,
    ...more,
    "(closed by this gate)",
  ];
  return `leads in a circle: ${steps.join(" ")}`;
}
