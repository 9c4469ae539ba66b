/** The parts of a TypeScript source, each as long as the source: what is not in a part is blank there. */
export interface SourceParts {
  readonly code: string;
  readonly comments: string;
  /** The texts of string and template literals. */
  readonly strings: string;
}

type Part = keyof SourceParts;

/** After these, a slash starts a regular expression; after anything else it divides. */
const BEFORE_REGEX = /(?:^|[(,=:[!&|?{};+>\n]|\breturn|\btypeof|\bcase)\s*$/;

/** One pattern per kind of token that is not code; the first that matches at a position wins. */
const TOKENS: readonly { readonly part: Part; readonly pattern: RegExp }[] = [
  { part: "comments", pattern: /\/\/[^\n]*/y },
  { part: "comments", pattern: /\/\*[\s\S]*?\*\//y },
  { part: "strings", pattern: /"(?:[^"\\\n]|\\.)*"/y },
  { part: "strings", pattern: /'(?:[^'\\\n]|\\.)*'/y },
];
const REGEX = /\/(?![/*])(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y;
/** A template literal from its start, or from the end of a substitution, up to its end or the next substitution. */
const TEMPLATE = /[`}](?:[^`\\$]|\\[\s\S]|\$(?!\{))*(?:`|\$\{)/y;

/** Splits TypeScript or JavaScript. Line breaks stay in all three parts, so lines keep their numbers. */
export function splitSource(source: string): SourceParts {
  const parts: Record<Part, string[]> = { code: [], comments: [], strings: [] };
  // The open braces of each substitution that the position is in, innermost last.
  const braces: number[] = [];
  for (let at = 0; at < source.length;) {
    const { part, text } = tokenAt(source, at, braces);
    const blank = text.replace(/[^\n]/g, " ");
    for (const name of ["code", "comments", "strings"] as const) {
      parts[name].push(name === part ? text : blank);
    }
    at += text.length;
  }
  return { code: parts.code.join(""), comments: parts.comments.join(""), strings: parts.strings.join("") };
}

function tokenAt(
  source: string,
  at: number,
  braces: number[],
): { readonly part: Part; readonly text: string } {
  const first = source.charAt(at);
  if (first === "`" || (first === "}" && braces.at(-1) === 0)) {
    const text = matchAt(TEMPLATE, source, at) ?? first;
    if (first === "}") braces.pop();
    if (text.endsWith("${")) braces.push(0);
    return { part: "strings", text };
  }
  for (const { part, pattern } of TOKENS) {
    const text = matchAt(pattern, source, at);
    if (text !== undefined) return { part, text };
  }
  if (first === "/" && BEFORE_REGEX.test(source.slice(Math.max(0, at - 40), at))) {
    const text = matchAt(REGEX, source, at);
    if (text !== undefined) return { part: "code", text };
  }
  const open = braces.length - 1;
  if (open >= 0 && first === "{") braces[open] = (braces[open] ?? 0) + 1;
  if (open >= 0 && first === "}") braces[open] = (braces[open] ?? 0) - 1;
  return { part: "code", text: first };
}

function matchAt(pattern: RegExp, source: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(source)?.[0];
}

/** Lines of code: those that are left without comments and blank lines. */
export function countCodeLines(source: string): number {
  const { code, strings } = splitSource(source);
  const texts = strings.split("\n");
  return code.split("\n").filter((line, index) => line.trim() !== "" || (texts[index] ?? "").trim() !== "")
    .length;
}
