import { describe, expect, test } from "vitest";
import { decideForce, type Edge, type Origin } from "../../publisher/publish/publish-by-force.ts";
import {
  decidePublish,
  type HeadHistory,
  type PublishDecision,
} from "../../publisher/publish/publish-decision.ts";

const OURS = {
  epoch: 2,
  revision: 10,
  databaseId: "ours",
  digest: "a".repeat(64),
  bytes: 30,
  builder: 2,
  lineageId: "id-10",
  gatedKeys: [],
};
/** What a fresh read of Postgres says: it never had the version that the head names. */
const UNKNOWN: HeadHistory = { state: { epoch: 2, revision: 10 }, id: undefined, vanishedGates: [] };
/** It had the version, with this id. */
const KNOWN: HeadHistory = { ...UNKNOWN, id: "id" };
/** Another publisher published a version that the snapshot's transaction does not see. */
const LATER: HeadHistory = { ...KNOWN, state: { epoch: 3, revision: 12 } };
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
    lineage_id: "id",
    ...members,
  });

type Row = readonly [string, string | null, Partial<PublishDecision & { why: string }>, HeadHistory?];

const ROWS: readonly Row[] = [
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
  ["a newer revision that Postgres has by now", head({ revision: 11 }), { step: "behind" }, LATER],
  ["a newer epoch that Postgres has by now", head({ epoch: 3, revision: 1 }), { step: "behind" }, LATER],
  [
    "a newer revision that Postgres never had",
    head({ revision: 11 }),
    { step: "diverged", redis: { epoch: 2, revision: 11 }, why: "Redis is ahead of Postgres" },
    UNKNOWN,
  ],
  [
    "a newer revision that Postgres reached another way by now",
    head({ revision: 11 }),
    { step: "diverged", why: "Redis has a revision that is not in the history of this database" },
    { ...LATER, id: "another id" },
  ],
  [
    "an older revision that Postgres never had",
    head({ revision: 9, digest: OTHER_DIGEST }),
    { step: "diverged", why: "Redis has a revision that is not in the history of this database" },
    UNKNOWN,
  ],
  [
    "an older revision that Postgres reached another way",
    head({ revision: 9 }),
    { step: "diverged" },
    { ...KNOWN, id: "another id" },
  ],
  ["the same version and content, reached another way", head(), { step: "diverged" }, UNKNOWN],
  [
    "an older builder on another history",
    head({ digest: OTHER_DIGEST, builder: 1 }),
    { step: "diverged" },
    UNKNOWN,
  ],
  ["an older epoch that Postgres never had", head({ epoch: 1 }), { step: "publish" }, UNKNOWN],
  [
    "an older revision without an id",
    head({ revision: 9, lineage_id: undefined }),
    { step: "publish" },
    UNKNOWN,
  ],
  [
    "the same version without an id",
    head({ lineage_id: undefined }),
    { step: "publish", withSnapshot: false },
    UNKNOWN,
  ],
  [
    "a newer revision without an id, ahead of Postgres",
    head({ revision: 11, lineage_id: undefined }),
    { step: "diverged", why: "Redis is ahead of Postgres" },
    UNKNOWN,
  ],
  [
    "a newer revision without an id, that Postgres has by now",
    head({ revision: 11, lineage_id: undefined }),
    { step: "behind" },
    { ...LATER, id: undefined },
  ],
  [
    "an older revision with gates that vanished",
    head({ revision: 9 }),
    {
      step: "diverged",
      why: expect.stringMatching(/^Gates vanished: Redis has gates of a, b, c, d, e and 1 more/),
    },
    { ...KNOWN, vanishedGates: ["a", "b", "c", "d", "e", "f"] },
  ],
  [
    "the same revision with gates that vanished",
    head({ digest: OTHER_DIGEST }),
    { step: "diverged", why: expect.stringMatching(/^Gates vanished: Redis has gates of a, and/) },
    { ...KNOWN, vanishedGates: ["a"] },
  ],
  [
    "vanished gates under an older epoch: confirmed by publish --force",
    head({ epoch: 1 }),
    { step: "publish" },
    { ...KNOWN, vanishedGates: ["a"] },
  ],
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
  test.for(ROWS)("%s", ([, text, expected, history = KNOWN]) => {
    expect(decidePublish({ head: text, snapshotBytes: 30 }, OURS, history)).toMatchObject(expected);
  });

  test("a head without an id stays if Postgres has no id either", () => {
    const stored = { head: head({ lineage_id: undefined }), snapshotBytes: 30 };
    expect(decidePublish(stored, { ...OURS, lineageId: undefined }, UNKNOWN)).toEqual({ step: "current" });
  });

  test.each([
    ["lost", head(), 0],
    ["cut", head(), 29],
    ["lost below an older head", head({ revision: 9 }), 0],
  ])("a snapshot that was %s is written again", (_how, text, snapshotBytes) => {
    expect(decidePublish({ head: text, snapshotBytes }, OURS, KNOWN)).toEqual({
      step: "publish",
      withSnapshot: true,
    });
  });
});

describe("a forced publish decides about each flag that is enabled here", () => {
  const STATE = { epoch: 1, revision: 4 };
  const EDGE: Edge = {
    head: { epoch: 1, revision: 3 },
    on: new Set(["on", "on_and_pending", "on_and_killed_later", "on_and_killed_before"]),
    off: new Map([
      ["on_and_pending", null],
      ["pending", null],
      ["on_and_killed_later", { epoch: 1, revision: 9 }],
      ["on_and_killed_before", { epoch: 1, revision: 2 }],
      ["killed", { epoch: 1, revision: 3 }],
    ]),
  };
  const ENABLED = ["on", "unknown", ...EDGE.off.keys()];
  const OFF_AT_EDGE = ["unknown", "on_and_pending", "pending", "on_and_killed_later", "killed"];

  test.each<{
    what: string;
    origin: Origin;
    edge?: Edge;
    switchOff: readonly string[];
    turnOn: readonly string[];
  }>([
    { what: "this database", origin: "this database", switchOff: OFF_AT_EDGE, turnOn: [] },
    {
      what: "this database, no readable snapshot",
      origin: "this database",
      edge: { ...EDGE, on: undefined },
      switchOff: [...EDGE.off.keys()],
      turnOn: [],
    },
    {
      what: "this database, no readable head: each key in off counts",
      origin: "this database",
      edge: { ...EDGE, head: undefined },
      switchOff: ["unknown", ...EDGE.off.keys()],
      turnOn: [],
    },
    {
      what: "another database: only pending kills count",
      origin: "another database",
      switchOff: ["on_and_pending", "pending"],
      turnOn: ["unknown", "on_and_killed_later", "killed"],
    },
    {
      what: "proved descent: changes that are not published yet are no kills",
      origin: "descent",
      switchOff: ["on_and_pending", "pending", "on_and_killed_later"],
      turnOn: ["unknown", "killed"],
    },
  ])("$what", ({ origin, edge = EDGE, switchOff, turnOn }) => {
    expect(decideForce(ENABLED, edge, { origin, state: STATE })).toEqual({ switchOff, turnOn });
  });
});
