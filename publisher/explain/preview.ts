import { hash } from "node:crypto";
import { compile, type Compiled } from "../../shared/compile/compile.ts";
import type { EvaluationContext } from "../../shared/flag/context.ts";
import { decide, decisionOf, type Buckets } from "../../shared/evaluate/evaluate.ts";
import type { Decision } from "../../shared/flag/reason.ts";
import { onlyThese, withDependents, withNeeded } from "./flag-closure.ts";
import { assembleSnapshot, type SnapshotRows } from "../publish/snapshot-builder.ts";
import type { PreviewAnswer } from "../schema/preview-schema.ts";

type Change = "gains" | "loses" | "moves";

/** The two decisions for one context. */
interface Pair {
  readonly before: Decision;
  readonly after: Decision;
}

const MAX_EXAMPLES = 10;

/** Other requests get a turn after so many milliseconds. */
const TURN_MS = 20;

/**
 * Decides a flag for every context, without and with the draft, together with its prerequisites and dependents.
 *
 * @param before the flags and segments in Postgres
 * @param after the flags and segments with the draft
 */
export async function preview(
  before: SnapshotRows,
  after: SnapshotRows,
  key: string,
  contexts: readonly EvaluationContext[],
): Promise<Omit<PreviewAnswer, "epoch" | "revision">> {
  const others = new Map(
    [...withDependents(after.rows, key)]
      .filter((other) => other !== key)
      .map((other) => [other, createTally()]),
  );
  const compileSide = (rows: SnapshotRows) => ({
    own: compileAround(rows, new Set([key])),
    others: compileAround(rows, new Set(others.keys())),
  });
  const was = compileSide(before);
  const becomes = compileSide(after);
  const bucketOf = createBucketOf();
  const own = createTally();
  let turn = performance.now();
  for (const context of contexts) {
    if (performance.now() - turn > TURN_MS) {
      await aTurn();
      turn = performance.now();
    }
    const isChanged = own.add(
      {
        before: decideWith(was.own, context, bucketOf)(key),
        after: decideWith(becomes.own, context, bucketOf)(key),
      },
      context,
    );
    // Other flags depend on this flag's value and variant only.
    if (!isChanged || others.size === 0) continue;
    const decideBefore = decideWith(was.others, context, bucketOf);
    const decideAfter = decideWith(becomes.others, context, bucketOf);
    for (const [other, tally] of others) {
      tally.add({ before: decideBefore(other), after: decideAfter(other) }, context);
    }
  }
  const also = [...others]
    .map(([flag_key, { counts }]) => ({ flag_key, gains: counts.gains, loses: counts.loses }))
    .filter(({ gains, loses }) => gains + loses > 0)
    .toSorted((a, b) => (a.flag_key < b.flag_key ? -1 : 1));
  return { contexts: contexts.length, ...own.result(), also };
}

/** Compiles flags and their prerequisites. */
function compileAround(rows: SnapshotRows, keys: ReadonlySet<string>): Compiled {
  return compile(assembleSnapshot(onlyThese(rows, withNeeded(rows.rows, keys))).snapshot);
}

function decideWith(
  compiled: Compiled,
  context: EvaluationContext,
  bucketOf: BucketOf,
): (key: string) => Decision {
  const buckets: Buckets = compiled.slots.map(({ salt, readId }) => bucketOf(salt, readId(context)));
  const decisions = decide(compiled, context, buckets);
  return (key) => decisionOf(compiled, decisions, key);
}

/** Counts the changes of one flag. */
function createTally() {
  const counts = { gains: 0, loses: 0, moves: 0, on: { before: 0, after: 0 }, all: 0 };
  const gains = new Map<string, number>();
  const loses = new Map<string, number>();
  const moves = new Map<string, { from: string; to: string; count: number }>();
  const examples: Record<Change, string[]> = { gains: [], loses: [], moves: [] };

  return {
    counts,
    /** @returns whether anything changes for this context */
    add({ before, after }: Pair, { targetingKey }: EvaluationContext): boolean {
      counts.all += 1;
      if (before.value) counts.on.before += 1;
      if (after.value) counts.on.after += 1;
      const change = changeOf(before, after);
      if (change === undefined) return false;
      counts[change] += 1;
      if (change === "gains") count(gains, after.variant);
      if (change === "loses") count(loses, before.variant);
      if (change === "moves") {
        const name = `${before.variant} ${after.variant}`;
        const move = moves.get(name) ?? { from: before.variant, to: after.variant, count: 0 };
        moves.set(name, { ...move, count: move.count + 1 });
      }
      const shown = examples[change];
      if (shown.length < MAX_EXAMPLES && targetingKey !== undefined && !shown.includes(targetingKey)) {
        shown.push(targetingKey);
      }
      return true;
    },
    result: () => ({
      before: { on: counts.on.before, off: counts.all - counts.on.before },
      after: { on: counts.on.after, off: counts.all - counts.on.after },
      gains: { count: counts.gains, by_variant: Object.fromEntries(gains) },
      loses: { count: counts.loses, by_variant: Object.fromEntries(loses) },
      moves: { count: counts.moves, by_variants: [...moves.values()] },
      unchanged: counts.all - counts.gains - counts.loses - counts.moves,
      examples,
    }),
  };
}

function changeOf(before: Decision, after: Decision): Change | undefined {
  if (before.value !== after.value) return after.value ? "gains" : "loses";
  return before.value && before.variant !== after.variant ? "moves" : undefined;
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

const aTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** The bucket of an id for a salt, as `bucketU32` computes it; -1 without an id. */
type BucketOf = (salt: string, id: string | undefined) => number;

const NO_BUCKET = -1;

/**
 * Computes buckets with Node's SHA-256: the same bits as Web Crypto, without a promise for each id. The last bucket of
 * every salt is kept, because most are the same before and after a draft.
 */
function createBucketOf(): BucketOf {
  const last = new Map<string, { readonly id: string; readonly u32: number }>();
  return (salt, id) => {
    if (id === undefined) return NO_BUCKET;
    const known = last.get(salt);
    if (known?.id === id) return known.u32;
    const u32 = hash("sha256", `${salt}::${id}`, "buffer").readUInt32BE(0);
    last.set(salt, { id, u32 });
    return u32;
  };
}
