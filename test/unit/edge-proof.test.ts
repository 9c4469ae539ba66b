import { expect, test } from "vitest";
import { hasIt, type Proof } from "../../publisher/cli/edge/wait-for-edge.ts";

const VERSION: Proof = { version: { epoch: 1, revision: 10 } };
const AFTER: Proof = { confirmedAfter: 1_000 };

// Requested at 1,500, answered at 1,510.
const ROWS: readonly (readonly [string, Proof, Record<string, number | null>, number | undefined])[] = [
  ["an older revision", VERSION, { revision: 9 }, undefined],
  ["the revision, without its age", VERSION, { revision: 10 }, 1_510],
  ["the revision, with its age", VERSION, { revision: 10, since_ms: 300 }, 1_210],
  ["a later revision: its age does not date this one", VERSION, { revision: 11, since_ms: 300 }, 1_510],
  ["an older epoch with a higher revision", VERSION, { epoch: 0, revision: 99 }, undefined],
  ["a newer epoch", VERSION, { epoch: 2, revision: 1 }, 1_510],
  ["no snapshot in memory", VERSION, { epoch: null, revision: null, age_ms: null }, undefined],
  ["Redis was read before the kill", AFTER, { age_ms: 501 }, undefined],
  ["Redis was read after the kill", AFTER, { age_ms: 500 }, 1_510],
  [
    "`off` was read after the kill, with an unusable head",
    AFTER,
    { age_ms: 60_000, kills_age_ms: 500 },
    1_510,
  ],
  ["`off` was read before the kill", AFTER, { age_ms: 60_000, kills_age_ms: 501 }, undefined],
  [
    "read after the kill, without a new revision: no revision recorded the kill",
    AFTER,
    { revision: 1, age_ms: 0 },
    1_510,
  ],
];

test.each(ROWS)("%s", (_what, proof, said, at) => {
  const status = { epoch: 1, revision: 10, age_ms: 0, source: "memory", ...said };
  expect(hasIt({ status, sentAt: 1_500, heardAt: 1_510 }, proof)).toBe(at);
});
