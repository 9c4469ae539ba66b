import { alphabetOf } from "./alphabet.ts";
import { findAmbiguity } from "./ambiguity.ts";
import { matcher } from "./matcher.ts";
import { parseRegex, type Span } from "./parse-regex.ts";
import { MAX_POSITIONS, positionAutomaton } from "./position-automaton.ts";

export interface Regex {
  /** Whether a text holds a match, as `RegExp.prototype.test` says it. */
  readonly test: (text: string) => boolean;
  /** How many characters it asks for when its repetitions are written out: what it costs, at most `MAX_POSITIONS`. */
  readonly size: number;
}

/**
 * Compiles a regular expression that cannot stall whoever runs it: matching never goes back, and what would make other
 * engines go back without end is refused, since the same rule may be evaluated by one of them.
 *
 * @example
 * const compiled = compileRegex("^(?:[a-z0-9-]+\\.)+example\\.com$", false);
 * if ("test" in compiled) compiled.test("www.example.com"); // true
 *
 * @param pattern of the subset in docs/targeting.md; means what it means to `RegExp` without `u`, `v` and `m`
 * @param ignoreCase as the flag `i` does
 */
export function compileRegex(pattern: string, ignoreCase: boolean): Regex | { readonly problem: string } {
  const parsed = parseRegex(pattern, ignoreCase);
  if ("problem" in parsed) return parsed;

  const automaton = positionAutomaton(parsed.tree);
  if (automaton === undefined) {
    return {
      problem: `the pattern asks for more than ${MAX_POSITIONS} characters when its repetitions are written out; lower its {…} bounds`,
    };
  }
  if ("emptyLoop" in automaton) {
    return {
      problem: `${part(pattern, automaton.emptyLoop)} repeats something that may be empty; let what it repeats need a character, "+" or nothing instead of "*" or "?"`,
    };
  }
  const alphabet = alphabetOf(automaton.positions.map((position) => position.units));
  const ambiguity = findAmbiguity(automaton, alphabet);
  if (ambiguity === "too intricate") {
    return {
      problem: "the pattern is too intricate to be checked; write it simpler, or as several conditions",
    };
  }
  if (ambiguity !== "none") {
    return {
      problem: `${part(pattern, ambiguity.part)} can match one text in exponentially many ways; drop one of the repetitions or alternatives that overlap in it, or put a character between its rounds that they do not match`,
    };
  }
  return { test: matcher(automaton, alphabet), size: automaton.positions.length };
}

function part(pattern: string, { from, to }: Span): string {
  const text = pattern.slice(from, to);
  // Quoted against control characters, but with the backslashes as the pattern has them.
  return JSON.stringify(text.length > 64 ? `${text.slice(0, 64)}…` : text).replaceAll("\\\\", "\\");
}
