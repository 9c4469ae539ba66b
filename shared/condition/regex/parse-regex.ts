import { NO_WORD_EDGE, TEXT_END, TEXT_START, WORD_EDGE, type Boundaries } from "./boundary.ts";
import { type CodeUnits, complement, DIGITS, DOT, ignoringCase, SPACE, unite, WORD } from "./code-units.ts";

/** The longest pattern, in UTF-16 units. */
export const MAX_PATTERN_LENGTH = 256;

export interface Repeat {
  readonly kind: "repeat";
  readonly body: RegexNode;
  readonly min: number;
  /** Infinity without an upper bound. */
  readonly max: number;
  /** Where the repetition begins in the pattern's text, for error messages. */
  readonly from: number;
  /** Where it ends, exclusive. */
  readonly to: number;
}

/** A pattern as a tree. Lazy and greedy repetitions (`+?` and `+`) are equal here: both match the same texts. */
export type RegexNode =
  | { readonly kind: "units"; readonly units: CodeUnits }
  | { readonly kind: "assertion"; readonly holds: Boundaries }
  | { readonly kind: "sequence"; readonly items: readonly RegexNode[] }
  | { readonly kind: "choice"; readonly options: readonly RegexNode[] }
  | Repeat;

const ASSERTIONS: { readonly [text: string]: Boundaries } = {
  "^": TEXT_START,
  $: TEXT_END,
  "\\b": WORD_EDGE,
  "\\B": NO_WORD_EDGE,
};

const CLASS_ESCAPES: { readonly [letter: string]: CodeUnits } = {
  d: DIGITS,
  D: complement(DIGITS),
  w: WORD,
  W: complement(WORD),
  s: SPACE,
  S: complement(SPACE),
};

const CONTROL_ESCAPES: { readonly [letter: string]: number } = { t: 9, n: 10, v: 11, f: 12, r: 13 };

/** Groups of other regular expression dialects, and their error messages. */
const FOREIGN_GROUPS: readonly (readonly [RegExp, string])[] = [
  [/^\(\?<?[=!]/, "lookahead and lookbehind are not supported"],
  [/^\(\?<|^\(\?P/, 'named groups are not supported: write "(?:"'],
  [/^\(\?/, 'the only group that may begin with "(?" is "(?:"'],
];

/** Escapes of other dialects, and their error messages. */
const FOREIGN_ESCAPES: readonly (readonly [RegExp, string])[] = [
  [/^\\[1-9k]/, "backreferences are not supported"],
  [/^\\[pP]/, "Unicode property escapes are not supported: write the characters as a class"],
  [/^\\[xu]/, "\\x and \\u must be followed by hex digits, as in \\x2f or \\u00e9"],
  [/^\\$/, 'the pattern must not end with a lone "\\"; for a backslash write \\\\'],
];

const QUANTIFIERS: { readonly [text: string]: readonly [min: number, max: number] } = {
  "*": [0, Infinity],
  "+": [1, Infinity],
  "?": [0, 1],
};

const BRACES = /^\{(\d+)(?:(,)(\d+)?)?\}/;

/** Why a pattern is rejected. Thrown and caught only in this file. */
class Refusal extends Error {}

/**
 * Parses the subset of patterns that docs/targeting-reference.md lists. An accepted pattern means the same as for `RegExp` without
 * `u`, `v` and `m`. Syntax that other engines read differently (`[]`, a lone `{`) is rejected.
 *
 * @param ignoreCase as the flag `i` of `RegExp`
 * @returns the tree, or the problem with the pattern
 */
export function parseRegex(
  pattern: string,
  ignoreCase: boolean,
): { readonly tree: RegexNode } | { readonly problem: string } {
  if (pattern.length > MAX_PATTERN_LENGTH) {
    return { problem: `the pattern is longer than ${MAX_PATTERN_LENGTH} characters` };
  }
  try {
    return { tree: new Parser(pattern, ignoreCase).parse() };
  } catch (error) {
    if (error instanceof Refusal) return { problem: error.message };
    throw error;
  }
}

class Parser {
  readonly #pattern: string;
  readonly #ignoreCase: boolean;
  #at = 0;

  constructor(pattern: string, ignoreCase: boolean) {
    this.#pattern = pattern;
    this.#ignoreCase = ignoreCase;
  }

  parse(): RegexNode {
    const tree = this.#choice();
    if (this.#at < this.#pattern.length)
      throw this.#refusal('")" has no "(" before it; for the character write \\)');
    return tree;
  }

  #choice(): RegexNode {
    const options = [this.#sequence()];
    while (this.#take("|")) options.push(this.#sequence());
    const [only] = options;
    return only !== undefined && options.length === 1 ? only : { kind: "choice", options };
  }

  #sequence(): RegexNode {
    const items: RegexNode[] = [];
    while (this.#at < this.#pattern.length && this.#next !== "|" && this.#next !== ")")
      items.push(this.#term());
    return { kind: "sequence", items };
  }

  #term(): RegexNode {
    const from = this.#at;
    const holds = ASSERTIONS[this.#next] ?? ASSERTIONS[this.#pattern.slice(from, from + 2)];
    if (holds !== undefined) {
      this.#at += this.#next === "\\" ? 2 : 1;
      if (this.#quantifier() !== undefined)
        throw this.#refusal("an assertion (^, $, \\b or \\B) cannot be repeated", from);
      return { kind: "assertion", holds };
    }
    const atom = this.#atom();
    const range = this.#quantifier();
    if (range === undefined) return atom;
    const [min, max] = range;
    return { kind: "repeat", body: atom, min, max, from, to: this.#at };
  }

  #atom(): RegexNode {
    return this.#next === "(" ? this.#group() : { kind: "units", units: this.#units() };
  }

  #group(): RegexNode {
    const from = this.#at;
    if (!this.#take("(?:")) {
      for (const [beginning, problem] of FOREIGN_GROUPS)
        if (beginning.test(this.#rest)) throw this.#refusal(problem);
      this.#take("(");
    }
    const inner = this.#choice();
    if (!this.#take(")")) throw this.#refusal('"(" is not closed; for the character write \\(', from);
    return inner;
  }

  /** One character, class or escape. */
  #units(): CodeUnits {
    const next = this.#next;
    if (next === "[") return this.#class();
    if (next === ".") {
      this.#at += 1;
      return DOT;
    }
    if (next === "\\") return this.#cased(asSet(this.#escape()));
    if ("*+?".includes(next))
      throw this.#refusal(`"${next}" has nothing to repeat; for the character write \\${next}`);
    if ("{}]".includes(next)) throw this.#refusal(`"${next}" is a special character; write \\${next}`);
    this.#at += 1;
    return this.#cased(asSet(next.charCodeAt(0)));
  }

  #class(): CodeUnits {
    const from = this.#at;
    this.#at += 1;
    const negated = this.#take("^");
    if (this.#next === "]")
      throw this.#refusal('a class must list characters; for any character write "[\\s\\S]"', from);
    const sets: CodeUnits[] = [];
    while (!this.#take("]")) {
      if (this.#at >= this.#pattern.length) {
        throw this.#refusal('"[" is not closed; for the character write \\[', from);
      }
      sets.push(...this.#classRange());
    }
    const units = this.#cased(unite(...sets));
    return negated ? complement(units) : units;
  }

  #classRange(): readonly CodeUnits[] {
    const from = this.#at;
    const first = this.#classAtom();
    const isRange =
      this.#next === "-" && this.#pattern[this.#at + 1] !== "]" && this.#at + 1 < this.#pattern.length;
    if (!isRange) return [asSet(first)];
    this.#at += 1;
    const last = this.#classAtom();
    if (typeof first !== "number" || typeof last !== "number") {
      // As in [\w-.]: this is not a range, so the hyphen is a character.
      return [asSet(first), asSet("-".charCodeAt(0)), asSet(last)];
    }
    if (first > last)
      throw this.#refusal("a range must go from the lower to the higher character, such as a-z", from);
    return [[first, last]];
  }

  #classAtom(): number | CodeUnits {
    if (this.#take("\\b")) return 8;
    if (this.#next === "\\") return this.#escape();
    this.#at += 1;
    return this.#pattern.charCodeAt(this.#at - 1);
  }

  #escape(): number | CodeUnits {
    const letter = this.#pattern[this.#at + 1] ?? "";
    const hex = /^\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4}))/.exec(this.#rest);
    if (hex !== null) {
      this.#at += hex[0].length;
      return Number.parseInt(hex[1] ?? hex[2] ?? "", 16);
    }
    const meaning = CLASS_ESCAPES[letter] ?? CONTROL_ESCAPES[letter];
    if (meaning !== undefined) {
      this.#at += 2;
      return meaning;
    }
    for (const [beginning, problem] of FOREIGN_ESCAPES)
      if (beginning.test(this.#rest)) throw this.#refusal(problem);
    if (!/^[!-/:-@[-`{-~ ]$/.test(letter)) {
      throw this.#refusal(`"\\${letter}" is not an escape; only punctuation may be escaped`);
    }
    this.#at += 2;
    return letter.charCodeAt(0);
  }

  #quantifier(): readonly [min: number, max: number] | undefined {
    const from = this.#at;
    let range = QUANTIFIERS[this.#next];
    if (range !== undefined) this.#at += 1;
    const braces = BRACES.exec(this.#rest);
    if (range === undefined && braces !== null) {
      const min = Number(braces[1]);
      const max = braces[2] === undefined ? min : Number(braces[3] ?? Infinity);
      if (max < min) throw this.#refusal("the lower bound of a repetition must come first, as in {1,3}");
      this.#at += braces[0].length;
      range = [min, max];
    }
    // Lazy or greedy changes which characters match, not whether there is a match.
    if (range !== undefined) this.#take("?");
    if (range !== undefined && this.#next !== "" && "*+?".includes(this.#next)) {
      throw this.#refusal("a repetition cannot be repeated; write (?:…)", from);
    }
    return range;
  }

  #cased(units: CodeUnits): CodeUnits {
    return this.#ignoreCase ? ignoringCase(units) : units;
  }

  get #next(): string {
    return this.#pattern[this.#at] ?? "";
  }

  get #rest(): string {
    return this.#pattern.slice(this.#at);
  }

  #take(text: string): boolean {
    const found = this.#pattern.startsWith(text, this.#at);
    if (found) this.#at += text.length;
    return found;
  }

  #refusal(problem: string, at: number = this.#at): Refusal {
    return new Refusal(`at character ${at + 1}: ${problem}`);
  }
}

function asSet(units: number | CodeUnits): CodeUnits {
  return typeof units === "number" ? [units, units] : units;
}
