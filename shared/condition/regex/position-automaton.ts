import type { CodeUnits } from "./code-units.ts";
import type { RegexNode, Repeat, Span } from "./parse-regex.ts";
import { NO_WAY, ONE_WAY, both, either, placesOfSeveral, type Ways } from "./ways.ts";

/** The most characters that a pattern may stand for when its repetitions are written out: `(?:ab){3}` is six. */
export const MAX_POSITIONS = 256;

/** One character that the pattern asks for. */
export interface Position extends Span {
  readonly units: CodeUnits;
}

/**
 * Glushkov's automaton: a state for every character of the written-out pattern. Between two characters lies a
 * boundary, so every step says at which boundaries it can be made, which is all that assertions need.
 */
export interface PositionAutomaton {
  readonly positions: readonly Position[];
  /** Where nothing at all is a match. */
  readonly empty: Ways;
  /** By position, as `Ways`: where a match can begin with it. */
  readonly first: Int32Array;
  /** By position: where a match can end after it. */
  readonly last: Int32Array;
  /** By position * positions.length + next position. */
  readonly follow: Int32Array;
  /** The repetition that gave a step its second way, by the index into `follow`. */
  readonly doubledBy: ReadonlyMap<number, Repeat>;
  /** Repetitions without an upper bound, inner ones before outer ones. */
  readonly loops: readonly Repeat[];
}

/** A part of the pattern while it is put together. */
interface Part {
  readonly empty: Ways;
  readonly first: readonly Step[];
  readonly last: readonly Step[];
}

type Step = readonly [position: number, ways: Ways];

const EMPTY: Part = { empty: ONE_WAY, first: [], last: [] };

/** @returns undefined when the pattern is too large, see `MAX_POSITIONS`; the loop, when one repeats what may be empty */
export function positionAutomaton(
  tree: RegexNode,
): PositionAutomaton | { readonly emptyLoop: Repeat } | undefined {
  const size = sizeOf(tree);
  if (size > MAX_POSITIONS) return undefined;

  const positions: Position[] = [];
  const follow = new Int32Array(size * size);
  const doubledBy = new Map<number, Repeat>();
  const loops = new Set<Repeat>();
  let emptyLoop: Repeat | undefined;

  function connect(last: readonly Step[], first: readonly Step[], loop?: Repeat): void {
    for (const [position, ending] of last) {
      for (const [next, beginning] of first) {
        const step = position * size + next;
        const before = follow[step] ?? NO_WAY;
        const ways = either(before, both(ending, beginning));
        follow[step] = ways;
        if (loop !== undefined && placesOfSeveral(ways) !== placesOfSeveral(before))
          doubledBy.set(step, loop);
      }
    }
  }

  function sequence(left: Part, right: Part): Part {
    connect(left.last, right.first);
    return {
      empty: both(left.empty, right.empty),
      first: [...left.first, ...through(left.empty, right.first)],
      last: [...right.last, ...through(right.empty, left.last)],
    };
  }

  function repeat(node: Repeat): Part {
    const { body, min, max } = node;
    if (max === 0) return EMPTY;
    if (sizeOf(body) === 0) {
      // Without characters, a second time changes nothing.
      if (max === Infinity) emptyLoop ??= node;
      return min > 0 ? build(body) : optional(build(body));
    }

    // From the last copy to the first, so that what is optional nests: a(a(a)?)? and not a?a?a?, which has more ways.
    let part: Part | undefined;
    if (max === Infinity) {
      part = build(body);
      loops.add(node);
      if (part.empty !== NO_WAY) emptyLoop ??= node;
      connect(part.last, part.first, node);
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
      const step: Step = [positions.length, ONE_WAY];
      positions.push(node);
      return { empty: NO_WAY, first: [step], last: [step] };
    }
    if (node.kind === "assertion") return { empty: node.holds, first: [], last: [] };
    if (node.kind === "sequence") {
      return node.items.reduce((part, item) => sequence(part, build(item)), EMPTY);
    }
    if (node.kind === "choice") {
      const parts = node.options.map(build);
      return {
        empty: parts.reduce((ways, part) => either(ways, part.empty), NO_WAY),
        first: parts.flatMap((part) => part.first),
        last: parts.flatMap((part) => part.last),
      };
    }
    return repeat(node);
  }

  const whole = build(tree);
  if (emptyLoop !== undefined) return { emptyLoop };
  return {
    positions,
    empty: whole.empty,
    first: byPosition(whole.first, size),
    last: byPosition(whole.last, size),
    follow,
    doubledBy,
    loops: [...loops],
  };
}

/** How many characters a tree stands for when its repetitions are written out. */
function sizeOf(node: RegexNode): number {
  if (node.kind === "units") return 1;
  if (node.kind === "assertion") return 0;
  if (node.kind === "sequence") return node.items.reduce((size, item) => size + sizeOf(item), 0);
  if (node.kind === "choice") return node.options.reduce((size, option) => size + sizeOf(option), 0);
  const copies = copiesOf(node);
  const size = copies === 0 ? 0 : sizeOf(node.body);
  // Both may be beyond all numbers, and infinity times 0 is none.
  return size === 0 ? 0 : size * copies;
}

/** How often the body is written out; the last one of a loop is the loop itself. */
function copiesOf({ min, max }: Repeat): number {
  return max === Infinity ? Math.max(min, 1) : max;
}

function optional(part: Part): Part {
  return { ...part, empty: either(part.empty, ONE_WAY) };
}

function through(empty: Ways, steps: readonly Step[]): readonly Step[] {
  if (empty === NO_WAY) return [];
  return steps.map(([position, ways]): Step => [position, both(empty, ways)]);
}

function byPosition(steps: readonly Step[], size: number): Int32Array {
  const ways = new Int32Array(size);
  for (const [position, step] of steps) ways[position] = step;
  return ways;
}
