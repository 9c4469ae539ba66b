import type { Alphabet } from "./alphabet.ts";
import { IN_WORD, NO_WORD, boundary } from "./boundary.ts";
import { cycles } from "./cycles.ts";
import type { Span } from "./parse-regex.ts";
import type { PositionAutomaton } from "./position-automaton.ts";
import { NO_WAY, placesOfSeveral } from "./ways.ts";

/** The most pairs of steps that one check looks at; a pattern that needs more is refused. */
export const MAX_STEPS = 200_000;

/** What a check finds: nothing, a part with exponentially many ways, or no answer within `MAX_STEPS`. */
export type Ambiguity = "none" | "too intricate" | { readonly part: Span };

/**
 * A position whose character is known to be in a word, or not, since the boundary behind it depends on that.
 * States are numbers here: indexes into this list.
 */
interface State {
  readonly position: number;
  readonly side: number;
}

interface Graph {
  readonly states: readonly State[];
  /** By state: where it leads to within its cycle; nothing for a state that is on none. */
  readonly next: readonly (readonly number[])[];
}

/**
 * Whether texts of length n can be matched in exponentially many ways, which is what makes engines that backtrack run
 * without end. That is so exactly when a state can come back to itself over one text in two ways: when a step on a
 * cycle can be made in two ways, or when two walks over the same text part and meet again within one cycle (Weber and
 * Seidl, "On the degree of ambiguity of finite automata", 1991: EDA).
 */
export function findAmbiguity(automaton: PositionAutomaton, alphabet: Alphabet): Ambiguity {
  // Most patterns have no loop at all, and so no cycle.
  if (automaton.loops.length === 0) return "none";
  const graph = cyclesOf(automaton, alphabet);
  return findDoubledStep(automaton, graph) ?? findParting(automaton, alphabet, graph);
}

/** The part of the automaton that lies on cycles. */
function cyclesOf({ positions, follow }: PositionAutomaton, alphabet: Alphabet): Graph {
  const states: State[] = positions.flatMap(({ units }, position) => {
    const sides = new Set(alphabet.lettersOf(units).map((letter) => sideOf(alphabet, letter)));
    return Array.from(sides, (side) => ({ position, side }));
  });
  const next = states.map(({ position, side }) => {
    const found: number[] = [];
    states.forEach((to, other) => {
      const ways = follow[position * positions.length + to.position] ?? NO_WAY;
      if ((ways & (1 << boundary(side, to.side))) !== 0) found.push(other);
    });
    return found;
  });
  const cycle = cycles(next);
  return {
    states,
    next: next.map((others, state) =>
      cycle[state] === -1 ? [] : others.filter((other) => cycle[other] === cycle[state]),
    ),
  };
}

function findDoubledStep(automaton: PositionAutomaton, { states, next }: Graph): Ambiguity | undefined {
  const { positions, follow, doubledBy } = automaton;
  for (const [state, { position, side }] of states.entries()) {
    for (const other of next[state] ?? []) {
      const to = states[other];
      if (to === undefined) continue;
      const step = position * positions.length + to.position;
      if ((placesOfSeveral(follow[step] ?? NO_WAY) & (1 << boundary(side, to.side))) === 0) continue;
      return { part: doubledBy.get(step) ?? loopAround(automaton, [position, to.position]) };
    }
  }
  return undefined;
}

/**
 * Follows all pairs of walks over the same text from where they part. Both stay within one cycle, so a pair that meets
 * can come back to where it parted.
 */
function findParting(automaton: PositionAutomaton, alphabet: Alphabet, graph: Graph): Ambiguity {
  const { states, next } = graph;
  const share = sharedSides(automaton, alphabet);
  const partedAt = new Map<number, number>();
  const open: number[] = states.flatMap((_, state) =>
    (next[state] ?? []).length > 1 ? [state * states.length + state] : [],
  );
  let steps = 0;
  for (let pair = open.pop(); pair !== undefined; pair = open.pop()) {
    const [left, right] = [Math.floor(pair / states.length), pair % states.length];
    const parting = partedAt.get(pair) ?? left;
    for (const one of next[left] ?? []) {
      for (const other of next[right] ?? []) {
        if (++steps > MAX_STEPS) return "too intricate";
        const [first, second] = [states[one], states[other]];
        if (first === undefined || second === undefined || first.side !== second.side) continue;
        if (one === other) {
          if (left === right) continue;
          const met = [parting, left, right, one].flatMap((state) => states[state]?.position ?? []);
          return { part: loopAround(automaton, met) };
        }
        if (!share(first, second)) continue;
        const parted = Math.min(one, other) * states.length + Math.max(one, other);
        if (partedAt.has(parted)) continue;
        partedAt.set(parted, parting);
        open.push(parted);
      }
    }
  }
  return "none";
}

/** Whether two states of one side can take the same character. Copies of one part of the pattern share their set. */
function sharedSides(
  { positions }: PositionAutomaton,
  alphabet: Alphabet,
): (one: State, other: State) => boolean {
  const sets = [...new Set(positions.map(({ units }) => units))];
  const setOf = positions.map(({ units }) => sets.indexOf(units));
  const letters = sets.map((units) => new Set(alphabet.lettersOf(units)));
  const known = new Map<number, boolean>();
  return (one, other) => {
    const [left, right] = [setOf[one.position] ?? 0, setOf[other.position] ?? 0];
    const key = (left * sets.length + right) * 3 + one.side;
    let shared = known.get(key);
    if (shared === undefined) {
      const common = [...(letters[left] ?? [])].filter((letter) => letters[right]?.has(letter) === true);
      shared = common.some((letter) => sideOf(alphabet, letter) === one.side);
      known.set(key, shared);
    }
    return shared;
  };
}

/** The innermost loop that all of these positions belong to. */
function loopAround({ positions, loops }: PositionAutomaton, members: readonly number[]): Span {
  const spans = members.flatMap((position) => positions[position] ?? []);
  const from = Math.min(...spans.map((span) => span.from));
  const to = Math.max(...spans.map((span) => span.to));
  return loops.find((loop) => loop.from <= from && loop.to >= to) ?? { from, to };
}

function sideOf(alphabet: Alphabet, letter: number): number {
  return alphabet.isWord[letter] === true ? IN_WORD : NO_WORD;
}
