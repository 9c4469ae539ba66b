import { ANYWHERE, NOWHERE, type Boundaries } from "./boundary.ts";
import type { CodeUnits } from "./code-units.ts";
import type { RegexNode, Repeat } from "./parse-regex.ts";

/** The most positions that a pattern may have when its repetitions are written out: `(?:ab){3}` has six. */
export const MAX_POSITIONS = 256;

/**
 * Glushkov's automaton: one state, called a position, for every character of the written-out pattern. A step between two
 * positions crosses one boundary of the text. Each step lists the boundaries where it is allowed, which is all that
 * assertions such as `^` and `\b` need.
 */
export interface PositionAutomaton {
  /** By position: the characters that it accepts. */
  readonly positions: readonly CodeUnits[];
  /** Where the empty text is a match. */
  readonly empty: Boundaries;
  /** By position: where a match can begin with it. */
  readonly first: Uint16Array;
  /** By position: where a match can end after it. */
  readonly last: Uint16Array;
  /** By position * positions.length + next position: where the step is allowed. */
  readonly follow: Uint16Array;
}

/** A part of the pattern during construction. */
interface Part {
  readonly empty: Boundaries;
  readonly first: readonly Step[];
  readonly last: readonly Step[];
}

type Step = readonly [position: number, boundaries: Boundaries];

const EMPTY: Part = { empty: ANYWHERE, first: [], last: [] };

/**
 * @returns undefined when the pattern has more than `MAX_POSITIONS`; `emptyLoop` when an unbounded repetition contains
 * something that can match the empty text
 */
export function positionAutomaton(
  tree: RegexNode,
): PositionAutomaton | { readonly emptyLoop: Repeat } | undefined {
  const size = sizeOf(tree);
  if (size > MAX_POSITIONS) return undefined;

  const positions: CodeUnits[] = [];
  const follow = new Uint16Array(size * size);
  let emptyLoop: Repeat | undefined;

  function connect(last: readonly Step[], first: readonly Step[]): void {
    for (const [position, ending] of last) {
      for (const [next, beginning] of first) {
        const step = position * size + next;
        follow[step] = (follow[step] ?? NOWHERE) | (ending & beginning);
      }
    }
  }

  function sequence(left: Part, right: Part): Part {
    connect(left.last, right.first);
    return {
      empty: left.empty & right.empty,
      first: [...left.first, ...through(left.empty, right.first)],
      last: [...right.last, ...through(right.empty, left.last)],
    };
  }

  function repeat(node: Repeat): Part {
    const { body, min, max } = node;
    if (max === 0) return EMPTY;
    if (sizeOf(body) === 0) {
      // The body consumes nothing, so a second repetition changes nothing.
      if (max === Infinity) emptyLoop ??= node;
      return min > 0 ? build(body) : optional(build(body));
    }

    // Builds copies from last to first, so that optional copies nest: a(a(a)?)? has fewer steps than a?a?a?.
    let part: Part | undefined;
    if (max === Infinity) {
      part = build(body);
      if (part.empty !== NOWHERE) emptyLoop ??= node;
      connect(part.last, part.first);
      if (min === 0) part = optional(part);
    }
    const copies = copiesOf(node) - (max === Infinity ? 1 : 0);
    for (let copy = copies; copy > 0; copy--) {
      const one = build(body);
      part = part === undefined ? one : sequence(one, part);
      if (copy > min) part = optional(part);
    }
    return part ?? EMPTY;
  }

  function build(node: RegexNode): Part {
    if (node.kind === "units") {
      const step: Step = [positions.length, ANYWHERE];
      positions.push(node.units);
      return { empty: NOWHERE, first: [step], last: [step] };
    }
    if (node.kind === "assertion") return { empty: node.holds, first: [], last: [] };
    if (node.kind === "repeat") return repeat(node);
    if (node.kind === "sequence") {
      return node.items.reduce((part, item) => sequence(part, build(item)), EMPTY);
    }
    const parts = node.options.map(build);
    return {
      empty: parts.reduce((boundaries, part) => boundaries | part.empty, NOWHERE),
      first: parts.flatMap((part) => part.first),
      last: parts.flatMap((part) => part.last),
    };
  }

  const { empty, first, last } = build(tree);
  if (emptyLoop !== undefined) return { emptyLoop };
  return { positions, empty, first: byPosition(first, size), last: byPosition(last, size), follow };
}

/** How many positions a tree has when its repetitions are written out. */
function sizeOf(node: RegexNode): number {
  if (node.kind === "units") return 1;
  if (node.kind === "assertion") return 0;
  if (node.kind === "sequence") return node.items.reduce((size, item) => size + sizeOf(item), 0);
  if (node.kind === "choice") return node.options.reduce((size, option) => size + sizeOf(option), 0);
  const copies = copiesOf(node);
  const size = copies === 0 ? 0 : sizeOf(node.body);
  // Both can be Infinity, and Infinity * 0 would be NaN.
  return size === 0 ? 0 : size * copies;
}

/** How often the body is written out. The last copy of an unbounded repetition is the loop. */
function copiesOf({ min, max }: Repeat): number {
  return max === Infinity ? Math.max(min, 1) : max;
}

function optional(part: Part): Part {
  return { ...part, empty: ANYWHERE };
}

/** The steps that remain possible across a part that matches the empty text only at some boundaries. */
function through(empty: Boundaries, steps: readonly Step[]): readonly Step[] {
  if (empty === NOWHERE) return [];
  return steps.map(([position, boundaries]): Step => [position, empty & boundaries]);
}

function byPosition(steps: readonly Step[], size: number): Uint16Array {
  const boundaries = new Uint16Array(size);
  for (const [position, allowed] of steps) boundaries[position] = allowed;
  return boundaries;
}
