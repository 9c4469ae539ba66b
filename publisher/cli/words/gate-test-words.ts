import type { GateTest } from "../api/answers.ts";
import type { Cell } from "../terminal/table.ts";
import { visible } from "../terminal/visible.ts";
import { becauseInWords, verdictInWords } from "./explanation-words.ts";
import { actionInWords } from "./flag-words.ts";

type Step = GateTest["steps"][number];
type Gate = Step["gates"][number];

/** Longest path in a table, in characters. */
const MAX_PATH = 60;

const CAUSES: { readonly [why: string]: string } = {
  gate: "",
  circle: ": its gates form a circle",
  unreadable_path: ": servers could read this path in too many ways, so every gate closes it",
};

/** The outcome for a request, in one line after its path. */
export function outcomeInWords({ outcome, steps }: GateTest): string {
  if (outcome.action === "status") {
    const { status, why, page } = outcome;
    return `is closed: the visitor gets ${status}${pageInWords(page)}${CAUSES[why] ?? ""}`;
  }
  if (outcome.action === "redirect") {
    return `is closed: the visitor is redirected to ${visible(outcome.path, 200)} (${outcome.status})`;
  }
  if (outcome.action === "rewrite") {
    return `is closed: the visitor sees ${visible(outcome.path, 200)} at the same address`;
  }
  return steps.some(({ gates }) => gates.length > 0)
    ? "is open to this visitor"
    : "is open to everybody: it has no gate";
}

function pageInWords(
  page: { readonly path: string; readonly shown?: string | undefined } | undefined,
): string {
  if (page === undefined) return " with a plain page";
  const { path, shown } = page;
  if (shown === undefined) return ` with a plain page, because ${visible(path, 200)} is closed too`;
  return ` with ${visible(shown, 200)}`;
}

/** Whether no page on the way has a gate. */
export const isOfNobody = ({ steps }: GateTest): boolean => steps.every(({ gates }) => gates.length === 0);

/** One row per gate, page by page. @param isCold the worker has no flags, so nothing was decided */
export function gateRows({ steps, flags }: GateTest, isCold: boolean): readonly Cell[][] {
  const explained = new Map(flags.map((flag) => [flag.flag_key, flag]));
  return steps.flatMap((step) => {
    if (step.gates.length === 0) return [[visible(step.path, MAX_PATH), "none", "", "", "is open", ""]];
    return step.gates.map((gate, index): Cell[] => {
      const flag = explained.get(gate.flag_key);
      return [
        index === 0 ? visible(step.path, MAX_PATH) : "",
        visible(gate.pattern, MAX_PATH),
        visible(gate.flag_key, 64),
        flag === undefined ? "-" : { text: verdictInWords(flag), style: flag.value ? "green" : "dim" },
        deedInWords(gate),
        [...readingInWords(step, gate), flag === undefined ? becauseCold(isCold) : becauseInWords(flag)].join(
          "; ",
        ),
      ];
    });
  });
}

function deedInWords({ open, decided, otherwise }: Gate): Cell {
  if (open) return "is open";
  return decided ? { text: actionInWords(otherwise), style: "bold" } : "would also close it";
}

/** A note when the gate read the path as another page. */
function readingInWords({ path }: Step, { reading }: Gate): readonly string[] {
  if (reading === null) return ["the path has too many readings"];
  const [typed = ""] = path.split("?", 1);
  return reading === typed ? [] : [`some servers read the path as ${visible(reading, MAX_PATH)}`];
}

const becauseCold = (isCold: boolean): string => (isCold ? "no flags are loaded" : "-");
