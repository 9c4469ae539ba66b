import fc from "fast-check";
import { expect, test } from "vitest";
import { holds, type CodeUnits } from "../../shared/condition/regex/code-units.ts";
import { compileRegex } from "../../shared/condition/regex/compile-regex.ts";
import { parseRegex, type RegexNode } from "../../shared/condition/regex/parse-regex.ts";

const SEED = 20_260_701;
const RUNS = 2_000;

/** Patterns of more characters are left out, and longer texts: every text up to that length is tried. */
const MAX_CHARACTERS = 6;
const MAX_TEXT = 8;

/** In how many ways: nothing at all, to begin with a character, to end with one; by the character's number. */
interface Ways {
  readonly empty: number;
  readonly first: readonly number[];
  readonly last: readonly number[];
}

interface Automaton {
  readonly characters: CodeUnits[];
  /** In how many ways one character follows another. */
  readonly follow: number[][];
}

/** Glushkov's construction as the textbook has it, with numbers of ways in the place of sets, and without assertions. */
function automatonOf(tree: RegexNode): Automaton {
  const characters: CodeUnits[] = [];
  const follow: number[][] = [];
  const add = (left: readonly number[], right: readonly number[], times = 1): number[] =>
    Array.from({ length: characters.length }, (_, at) => (left[at] ?? 0) + times * (right[at] ?? 0));

  function connect(last: readonly number[], first: readonly number[]): void {
    last.forEach((ends, from) => {
      const row = (follow[from] ??= []);
      first.forEach((begins, to) => {
        row[to] = (row[to] ?? 0) + ends * begins;
      });
    });
  }

  function inOrder(left: Ways, right: Ways): Ways {
    connect(left.last, right.first);
    return {
      empty: left.empty * right.empty,
      first: add(left.first, right.first, left.empty),
      last: add(right.last, left.last, right.empty),
    };
  }

  const nothing: Ways = { empty: 1, first: [], last: [] };
  const optional = (ways: Ways): Ways => ({ ...ways, empty: ways.empty + 1 });

  function waysOf(node: RegexNode): Ways {
    if (node.kind === "assertion") throw new Error("not in these patterns");
    if (node.kind === "units") {
      const one = Array.from({ length: characters.push(node.units) }, () => 0);
      one[characters.length - 1] = 1;
      return { empty: 0, first: one, last: one };
    }
    if (node.kind === "sequence") return node.items.map(waysOf).reduce(inOrder, nothing);
    if (node.kind === "choice") {
      const none: Ways = { empty: 0, first: [], last: [] };
      return node.options.map(waysOf).reduce(
        (sum, { empty, first, last }) => ({
          empty: sum.empty + empty,
          first: add(sum.first, first),
          last: add(sum.last, last),
        }),
        none,
      );
    }
    return repeated(node.body, node.min, node.max);
  }

  /** `a{1,3}` is `a(?:a(?:a)?)?`, and `a{2,}` is `aa+`. */
  function repeated(body: RegexNode, min: number, max: number): Ways {
    if (max === 0) return nothing;
    const one = waysOf(body);
    if (max === Infinity && min <= 1) {
      connect(one.last, one.first);
      return min === 0 ? optional(one) : one;
    }
    const all = max === 1 ? one : inOrder(one, repeated(body, Math.max(0, min - 1), max - 1));
    return min === 0 ? optional(all) : all;
  }

  waysOf(tree);
  return { characters, follow };
}

/**
 * Whether some text leads from a character of the pattern back to itself in two ways, which makes the ways to match grow
 * exponentially with the number of its rounds. By trying all texts.
 */
function isExponential({ characters, follow }: Automaton): boolean {
  const size = characters.length;
  const steps = ["a", "b"].map((letter) =>
    characters.map((_, from) =>
      characters.map((units, to) => (holds(units, letter.charCodeAt(0)) ? (follow[from]?.[to] ?? 0) : 0)),
    ),
  );
  let texts: number[][][] = characters.map((_, from) => [characters.map((_, to) => (from === to ? 1 : 0))]);
  for (let length = 1; length <= MAX_TEXT; length += 1) {
    // By the character that they begin behind: in how many ways each text leads to each character.
    texts = texts.map((reached) =>
      reached.flatMap((ways) =>
        steps.map((step) =>
          Array.from({ length: size }, (_, to) =>
            ways.reduce((sum, count, from) => sum + count * (step[from]?.[to] ?? 0), 0),
          ),
        ),
      ),
    );
    if (texts.some((reached, start) => reached.some((ways) => (ways[start] ?? 0) > 1))) return true;
  }
  return false;
}

const { pattern: PATTERN } = fc.letrec<{ pattern: string; term: string; atom: string }>((tie) => ({
  pattern: fc.array(tie("term"), { minLength: 1, maxLength: 3 }).map((terms) => terms.join("")),
  term: fc
    .tuple(tie("atom"), fc.constantFrom("", "", "*", "+", "?", "{1,2}"))
    .map(([atom, range]) => atom + range),
  atom: fc.oneof(
    { maxDepth: 3, depthSize: "small" },
    fc.constantFrom("a", "b", "[ab]"),
    fc.array(tie("pattern"), { minLength: 1, maxLength: 2 }).map((options) => `(?:${options.join("|")})`),
  ),
}));

test(`what can be matched in exponentially many ways is refused, and nothing else is: ${RUNS} patterns, seed ${SEED}`, () => {
  const seen = { refused: 0, taken: 0 };
  fc.assert(
    fc.property(PATTERN, (pattern) => {
      const compiled = compileRegex(pattern, false);
      if ("problem" in compiled && !compiled.problem.includes("exponentially")) return;
      const parsed = parseRegex(pattern, false);
      if ("problem" in parsed) throw new Error(parsed.problem);
      const automaton = automatonOf(parsed.tree);
      if (automaton.characters.length > MAX_CHARACTERS) return;
      const isRefused = "problem" in compiled;
      expect({ pattern, isRefused }).toStrictEqual({ pattern, isRefused: isExponential(automaton) });
      seen[isRefused ? "refused" : "taken"] += 1;
    }),
    { seed: SEED, numRuns: RUNS },
  );
  expect(seen.refused).toBeGreaterThan(RUNS / 40);
  expect(seen.taken).toBeGreaterThan(RUNS / 5);
}, 300_000);
