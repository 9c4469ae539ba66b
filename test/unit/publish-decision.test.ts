import { describe, expect, test } from "vitest";
import { decidePublish, type PublishDecision } from "../../publisher/publish/publish-decision.ts";

const OURS = { epoch: 2, revision: 10, databaseId: "ours", digest: "a".repeat(64), bytes: 30, builder: 2 };
const OTHER_DIGEST = "b".repeat(64);

const head = (members: Record<string, unknown> = {}): string =>
  JSON.stringify({
    schema: 1,
    epoch: OURS.epoch,
    revision: OURS.revision,
    database_id: OURS.databaseId,
    digest: OURS.digest,
    bytes: 30,
    published_at: "2026-11-24T00:00:00.000Z",
    builder: 2,
    ...members,
  });

const ROWS: readonly (readonly [string, string | null, Partial<PublishDecision>])[] = [
  ["no head", null, { step: "publish", withSnapshot: true }],
  ["not JSON", "{", { step: "publish", withSnapshot: true }],
  ["a head in another format", '{"epoch":"x"}', { step: "publish", withSnapshot: true }],
  ["the same version and content", head(), { step: "current" }],
  [
    "older, other content",
    head({ revision: 9, digest: OTHER_DIGEST }),
    { step: "publish", withSnapshot: true },
  ],
  ["an older revision, same content", head({ revision: 9 }), { step: "publish", withSnapshot: false }],
  [
    "older epoch, higher revision",
    head({ epoch: 1, revision: 99 }),
    { step: "publish", withSnapshot: false },
  ],
  ["a newer revision", head({ revision: 11 }), { step: "behind", redis: { epoch: 2, revision: 11 } }],
  ["a newer epoch, lower revision", head({ epoch: 3, revision: 1 }), { step: "behind" }],
  ["the same revision, other content", head({ digest: OTHER_DIGEST }), { step: "diverged" }],
  [
    "same revision, built by an older publisher",
    head({ digest: OTHER_DIGEST, builder: 1 }),
    { step: "rebuild" },
  ],
  [
    "the same revision, other content, from a publisher without BUILDER",
    head({ digest: OTHER_DIGEST, builder: undefined }),
    { step: "rebuild" },
  ],
  [
    "same revision, built by a newer publisher",
    head({ digest: OTHER_DIGEST, builder: 3 }),
    { step: "current" },
  ],
  ["a newer schema", head({ schema: 2 }), { step: "outdated", schema: 2 }],
  ["another database, same version", head({ database_id: "theirs" }), { step: "diverged" }],
  ["another database, older revision", head({ database_id: "theirs", revision: 1 }), { step: "diverged" }],
  ["another database, newer epoch", head({ database_id: "theirs", epoch: 3 }), { step: "diverged" }],
  [
    "another database, older epoch: forced by publish --force",
    head({ database_id: "theirs", epoch: 1 }),
    { step: "publish" },
  ],
];

describe("a publisher's decision about the head in Redis", () => {
  test.each(ROWS)("%s", (_name, text, expected) => {
    expect(decidePublish({ head: text, snapshotBytes: 30 }, OURS)).toMatchObject(expected);
  });

  test.each([
    ["lost", head(), 0],
    ["cut", head(), 29],
    ["lost below an older head", head({ revision: 9 }), 0],
  ])("a snapshot that was %s is written again", (_how, text, snapshotBytes) => {
    expect(decidePublish({ head: text, snapshotBytes }, OURS)).toEqual({
      step: "publish",
      withSnapshot: true,
    });
  });
});
