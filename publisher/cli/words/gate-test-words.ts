import type { GateTest } from "../api/answers.ts";
import type { Cell } from "../terminal/table.ts";
import { visible } from "../terminal/visible.ts";
import { becauseInWords, verdictInWords } from "./explanation-words.ts";
import { actionInWords } from "./flag-words.ts";

type Step = GateTest["steps"][number];
type Gate = Step["gates"][number];

/** So many characters of a path fit into a table. */
const MAX_PATH = 60;

const CAUSES: { readonly [why: string]: string } = {
  gate: "",
  circle: ": its gates lead round in a circle",
  unreadable_path: ": so many servers could take this path for so many pages that any gate closes it",
};

/** What becomes of a request, in one line behind its path. */
export function outcomeInWords({ outcome, steps }: GateTest): string {
  if (outcome.action === "pass") {
    return steps.some(({ gates }) => gates.length > 0)
      ? "is open to them"
      : "is open to everybody: no gate is for it";
  }
  if (outcome.action === "rewrite")
    return `is closed: they are shown ${visible(outcome.path, 200)} under that address`;
  if (outcome.action === "redirect") {
    return `is closed: they are redirected to ${visible(outcome.path, 200)} (${outcome.status})`;
  }
  const { status, why, page } = outcome;
  return `is closed: they get ${status}${pageInWords(page)}${CAUSES[why] ?? ""}`;
}

function pageInWords(
  page: { readonly path: string; readonly shown?: string | undefined } | undefined,
): string {
  if (page === undefined) return " with a plain page";
  const { path, shown } = page;
  if (shown === undefined) return ` with a plain page, since ${visible(path, 200)} is closed to them, too`;
  return ` with ${visible(shown, 200)}`;
}

/** No gate is for any page that the request came by. */
export const isOfNobody = ({ steps }: GateTest): boolean => steps.every(({ gates }) => gates.length === 0);

/** One row for each gate, page by page. @param isCold no flag is held, so nothing was decided for anybody */
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
  return decided ? { text: actionInWords(otherwise), style: "bold" } : "would close it, too";
}

/** Where the gate looked at another page than the one that was typed. */
function readingInWords({ path }: Step, { reading }: Gate): readonly string[] {
  if (reading === null) return ["the path can be read in more ways than can be told"];
  const [typed = ""] = path.split("?", 1);
  return reading === typed ? [] : [`some servers take the path for ${visible(reading, MAX_PATH)}`];
}

const becauseCold = (isCold: boolean): string => (isCold ? "no flags are held" : "-");
