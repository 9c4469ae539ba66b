import { alphabetOf } from "./alphabet.ts";
import { matcher } from "./matcher.ts";
import { parseRegex } from "./parse-regex.ts";
import { MAX_POSITIONS, positionAutomaton } from "./position-automaton.ts";

export interface Regex {
  /** Whether a text contains a match, as `RegExp.prototype.test` reports it. */
  readonly test: (text: string) => boolean;
  /** Characters in the pattern once its repetitions are written out, at most `MAX_POSITIONS`: the cost of a match. */
  readonly size: number;
}

/**
 * Compiles a regular expression that is matched in time linear in the text, without backtracking.
 *
 * @example
 * const compiled = compileRegex("^(?:[a-z0-9-]+\\.)+example\\.com$", false);
 * if ("test" in compiled) compiled.test("www.example.com"); // true
 *
 * @param pattern of the subset in docs/targeting-reference.md; means the same as for `RegExp` without `u`, `v` and `m`
 * @param ignoreCase as the flag `i` of `RegExp`
 */
export function compileRegex(pattern: string, ignoreCase: boolean): Regex | { readonly problem: string } {
  const parsed = parseRegex(pattern, ignoreCase);
  if ("problem" in parsed) return parsed;

  const automaton = positionAutomaton(parsed.tree);
  if (automaton === undefined) {
    return {
      problem: `the pattern has more than ${MAX_POSITIONS} characters when its repetitions are written out; lower its {…} bounds`,
    };
  }
  if ("emptyLoop" in automaton) {
    const { from, to } = automaton.emptyLoop;
    return {
      problem: `${shown(pattern.slice(from, to))} repeats something that may be empty; make the repeated part match at least one character, for example with "+" instead of "*" or "?"`,
    };
  }
  return { test: matcher(automaton, alphabetOf(automaton.positions)), size: automaton.positions.length };
}

/** Quotes a part of the pattern. Control characters are escaped; backslashes stay as the pattern has them. */
function shown(part: string): string {
  return JSON.stringify(part.length > 64 ? `${part.slice(0, 64)}…` : part).replaceAll("\\\\", "\\");
}
