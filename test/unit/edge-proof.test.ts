import { expect, test } from "vitest";
import { hasIt, type Proof } from "../../publisher/cli/edge/wait-for-edge.ts";

const VERSION: Proof = { version: { epoch: 1, revision: 10 } };
const AFTER: Proof = { confirmedAfter: 1_000 };

// Asked at 1,500, heard at 1,510.
const ROWS: readonly (readonly [string, Proof, Record<string, number | null>, number | undefined])[] = [
  ["an older revision", VERSION, { revision: 9 }, undefined],
  ["that revision, without when it came", VERSION, { revision: 10 }, 1_510],
  ["that revision, since a while", VERSION, { revision: 10, since_ms: 300 }, 1_210],
  ["a later one: since when says nothing of this", VERSION, { revision: 11, since_ms: 300 }, 1_510],
  ["an older epoch with a higher revision", VERSION, { epoch: 0, revision: 99 }, undefined],
  ["a newer epoch", VERSION, { epoch: 2, revision: 1 }, 1_510],
  ["nothing held", VERSION, { epoch: null, revision: null, age_ms: null }, undefined],
  ["Redis asked before the kill was there", AFTER, { age_ms: 501 }, undefined],
  ["Redis asked after that", AFTER, { age_ms: 500 }, 1_510],
  ["after that, though the head beside it is refused", AFTER, { age_ms: 60_000, kills_age_ms: 500 }, 1_510],
  ["kills heard before that", AFTER, { age_ms: 60_000, kills_age_ms: 501 }, undefined],
  ["after that, and no new revision: the kill is not in one", AFTER, { revision: 1, age_ms: 0 }, 1_510],
];

test.each(ROWS)("%s", (_what, proof, said, at) => {
  const status = { epoch: 1, revision: 10, age_ms: 0, source: "memory", ...said };
  expect(hasIt({ status, sentAt: 1_500, heardAt: 1_510 }, proof)).toBe(at);
});
