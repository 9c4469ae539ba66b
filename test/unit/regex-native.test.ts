import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compileRegex } from "../../shared/condition/regex/compile-regex.ts";
import { holds, ignoringCase } from "../../shared/condition/regex/code-units.ts";
import { isFull, runs } from "../support/thoroughness.ts";

const SEED = 20_260_701;

/** Characters where engines differ: case mappings that change the length or leave ASCII, line ends, lone surrogates. */
const TRICKY = [
  ...Array.from("abABzZ019_ -.,@/\t\n\r\v\f\0"),
  ...Array.from("éÉßẞſKÅåİıσςΣµμǅǆǄΩωＡａ"),
  "\u00a0",
  "\u2028",
  "\u2029",
  "\ufeff",
  "\ud83d",
  "\ude00",
];

const TEXT = fc.oneof(
  fc.array(fc.constantFrom("a", "b", "1", " ", "-"), { maxLength: 12 }).map((units) => units.join("")),
  fc.array(fc.constantFrom(...TRICKY), { maxLength: 12 }).map((units) => units.join("")),
);

const escaped = (unit: string): string => unit.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
const hex = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;

const LITERAL = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom("a", "b", "1", " ", "\\-") },
  { weight: 2, arbitrary: fc.constantFrom(...TRICKY).map(escaped) },
  { weight: 1, arbitrary: fc.constantFrom(...TRICKY).map(hex) },
  { weight: 1, arbitrary: fc.constantFrom("\\x61", "\\x2d", "\\t", "\\n", "\\r", "\\v", "\\f") },
);
const ESCAPE = fc.constantFrom("\\d", "\\D", "\\w", "\\W", "\\s", "\\S");
const RANGE = fc
  .tuple(fc.constantFrom(...TRICKY), fc.constantFrom(...TRICKY))
  .map(([one, other]) => (one <= other ? `${hex(one)}-${hex(other)}` : `${hex(other)}-${hex(one)}`));
const CLASS = fc
  .tuple(
    fc.constantFrom("", "^"),
    fc.array(fc.oneof(LITERAL, ESCAPE, RANGE, fc.constantFrom("\\b", "-", "\\w-a", "|", "$", "(")), {
      minLength: 1,
      maxLength: 4,
    }),
  )
  // A hyphen between two items would make a range. At the end it is a character.
  .map(([negation, items]) => {
    const hyphens = items.filter((item) => item === "-");
    return `[${negation}${items.filter((item) => item !== "-").join("")}${hyphens.join("").slice(0, 1)}]`;
  })
  .filter((text) => text !== "[]" && text !== "[^]");
const QUANTIFIER = fc
  .tuple(
    fc.constantFrom("?", "*", "+", "{2}", "{0}", "{1,}", "{2,}", "{0,2}", "{1,3}"),
    fc.constantFrom("", "?"),
  )
  .map(([range, lazy]) => range + lazy);

const { pattern: PATTERN } = fc.letrec<{ pattern: string; sequence: string; term: string; atom: string }>(
  (tie) => ({
    pattern: fc.oneof(
      { depthSize: "small" },
      tie("sequence"),
      fc.tuple(tie("sequence"), tie("sequence")).map((options) => options.join("|")),
    ),
    sequence: fc.array(tie("term"), { maxLength: 4 }).map((terms) => terms.join("")),
    term: fc.oneof(
      { weight: 4, arbitrary: tie("atom") },
      { weight: 3, arbitrary: fc.tuple(tie("atom"), QUANTIFIER).map(([atom, range]) => atom + range) },
      { weight: 1, arbitrary: fc.constantFrom("^", "$", "\\b", "\\B") },
    ),
    atom: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      { weight: 6, arbitrary: LITERAL },
      { weight: 1, arbitrary: fc.constant(".") },
      { weight: 1, arbitrary: ESCAPE },
      { weight: 2, arbitrary: CLASS },
      {
        weight: 2,
        arbitrary: fc
          .tuple(fc.constantFrom("(", "(?:"), tie("pattern"))
          .map(([open, inner]) => `${open}${inner})`),
      },
    ),
  }),
);

/** The only reasons to refuse a pattern of the grammar above. Any other reason is a bug in the parser. */
const REFUSALS = ["repeats something that may be empty", "when its repetitions are written out"];

/** Patterns with exponentially many ways to match one text, and the characters of the texts to try. */
const AMBIGUOUS: readonly (readonly [pattern: string, characters: string])[] = [
  ["(a+)+$", "ab"],
  ["^(a+)+$", "ab"],
  ["(a|a)*b", "ab"],
  ["^(?:a|ab|b)*c", "abc"],
  ["^(?:aa|aaa)*b", "ab"],
  ["^(a|aa)+$", "ab"],
  ["^([a-zA-Z]+)*$", "aB1"],
  ["^(([a-z])+.)+[A-Z]([a-z])+$", "aZ."],
  ["(x+x+)+y", "xy"],
  ["^(?:.*,)*x", "a,x"],
  ["^(\\w+\\s?)*$", "a !"],
  ["^(\\w+\\.?)+@", "a.@"],
  ["^(?:\\s*,\\s*)*$", " ,a"],
  ["^(?:\\s*a\\s*)*$", " ab"],
  ["^((((((((((a+)+)+)+)+)+)+)+)+)+)+$", "ab"],
  ["^(?:a|A)*b", "aAb"],
  ["^(?:a{1,3}){2,}b", "ab"],
  ["^(?:a+b?){2,3}(?:ab?)+$", "ab"],
  ["(?:\\ba|a\\b|a)+b", "ab "],
  ["^(?:a\\B|a)+ ", "ab "],
  ["(?:^a|a$|a)+", "ab"],
  ["^(?:(?:a|b)+|ab)+$", "abc"],
];

/** Every text of these characters, up to this length. */
function everyText(characters: string, maximum: number): readonly string[] {
  const texts = [""];
  for (const text of texts) {
    if (text.length < maximum) texts.push(...Array.from(characters, (character) => text + character));
  }
  return texts;
}

describe("matches equal those of RegExp", () => {
  test.for([
    ["without flags", "", false],
    ["with i", "i", true],
  ] as const)("%s, over generated patterns and texts", ([, flags, ignoreCase]) => {
    let compared = 0;
    let matched = 0;
    fc.assert(
      fc.property(PATTERN, fc.array(TEXT, { minLength: 8, maxLength: 8 }), (pattern, texts) => {
        const native = new RegExp(pattern, flags);
        const compiled = compileRegex(pattern, ignoreCase);
        if ("problem" in compiled) {
          expect(REFUSALS.some((refusal) => compiled.problem.includes(refusal))).toBe(true);
          return;
        }
        for (const text of ["", ...texts]) {
          compared += 1;
          const expected = native.test(text);
          if (expected) matched += 1;
          expect({ pattern, text, matched: compiled.test(text) }).toStrictEqual({
            pattern,
            text,
            matched: expected,
          });
        }
      }),
      { seed: SEED, numRuns: runs(4_000) },
    );
    // Both results must be frequent, or the comparison proves little.
    if (!isFull) return;
    expect(compared).toBeGreaterThan(20_000);
    expect(matched).toBeGreaterThan(2_000);
    expect(compared - matched).toBeGreaterThan(2_000);
  });

  test.for(AMBIGUOUS)("%s, for every short text", ([pattern, characters]) => {
    for (const ignoreCase of [false, true]) {
      const compiled = compileRegex(pattern, ignoreCase);
      const native = new RegExp(pattern, ignoreCase ? "i" : "");
      if ("problem" in compiled) throw new Error(compiled.problem);
      const texts = everyText(characters, characters.length === 2 ? 8 : 6);
      expect(texts.filter((text) => compiled.test(text) !== native.test(text))).toStrictEqual([]);
      expect(texts.some((text) => native.test(text))).toBe(true);
      expect(texts.some((text) => !native.test(text))).toBe(true);
    }
  });

  const units = Array.from({ length: 0x1_0000 }, (_, unit) => String.fromCharCode(unit));

  test.for([
    "\\d",
    "\\D",
    "\\w",
    "\\W",
    "\\s",
    "\\S",
    ".",
    "[^a]",
    "[^\\W_]",
    "[k-ſ]",
    "[^\\u00e0-\\u1e9e]",
    "\\bx",
    "\\Bx",
  ])("%s, for every code unit", (pattern) => {
    for (const [flags, ignoreCase] of [
      ["", false],
      ["i", true],
    ] as const) {
      const compiled = compileRegex(pattern, ignoreCase);
      const native = new RegExp(pattern, flags);
      if ("problem" in compiled) throw new Error(compiled.problem);
      const text = (unit: string): string => (pattern.endsWith("x") ? `${unit}x` : unit);
      expect(units.filter((unit) => compiled.test(text(unit)) !== native.test(text(unit)))).toStrictEqual([]);
    }
  });

  test("every code unit that has a case", () => {
    const cased = units.filter((unit) => unit.toUpperCase() !== unit || unit.toLowerCase() !== unit);
    expect(cased.length).toBeGreaterThan(2_000);
    const all = cased.join("");
    for (const unit of cased) {
      const code = unit.charCodeAt(0);
      const closed = ignoringCase([code, code]);
      const ours = cased.filter((other) => holds(closed, other.charCodeAt(0)));
      expect(ours).toStrictEqual([...all.matchAll(new RegExp(hex(unit), "gi"))].map(([match]) => match));
    }
  });

  test("a pattern can be used repeatedly: no state remains from the previous text", () => {
    const compiled = compileRegex("(?:ab|c)+$", false);
    if ("problem" in compiled) throw new Error(compiled.problem);
    for (const [text, expected] of [
      ["xxab", true],
      ["aba", false],
      ["b", false],
      ["", false],
      ["cabc", true],
    ] as const) {
      expect(compiled.test(text)).toBe(expected);
    }
  });
});
