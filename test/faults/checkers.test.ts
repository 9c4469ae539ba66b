import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { checkAcknowledged } from "./checks/acknowledged.ts";
import { checkContent } from "./checks/content.ts";
import { checkKills } from "./checks/kills.ts";
import { checkOrder } from "./checks/order.ts";
import { checkPublished } from "./checks/published.ts";
import { checkRedis } from "./checks/redis-equals-postgres.ts";
import { checkSite } from "./checks/site.ts";
import { BITS, OPPOSITES } from "./flags.ts";
import type { FlagState, Outcome, Sighting, Violation, Write } from "./history.ts";
import { createTruth, type Change } from "./truth.ts";

// A check must be able to fail. Each one gets a history with the fault that it looks for, and the same history without the
// fault.

const state = (enabled: boolean, description = ""): FlagState => ({ enabled, rolloutPct: 100, description });
const version = (revision: number) => ({ epoch: 1, revision });

const change = (
  revision: number,
  key: string,
  before: FlagState | null,
  after: FlagState | null,
): Change => ({
  ...version(revision),
  id: revision,
  at: revision * 100,
  actor: "admin",
  key,
  before,
  after,
});

const truthOf = (...changes: readonly Change[]) => {
  const truth = createTruth();
  truth.add(changes);
  return truth;
};

const write = (what: Write["what"], key: string, from: number, to: number, outcome: Outcome): Write => ({
  client: "api1",
  what,
  keys: [key],
  startedAt: from,
  endedAt: to,
  outcome,
});

const acknowledged = (revision: number, flag: FlagState | null, published = true): Outcome => ({
  result: "acknowledged",
  promised: { version: version(revision), flag, published },
});

const sighting = (
  from: number,
  to: number,
  revision: number | undefined,
  on: readonly string[],
): Sighting => ({
  isolate: "a1",
  startedAt: from,
  endedAt: to,
  ...(revision !== undefined && { version: version(revision) }),
  on,
});

const found = (violations: readonly Violation[]): readonly string[] => violations.map(({ what }) => what);

describe("acknowledged writes", () => {
  const truth = truthOf(
    change(1, "note", null, state(true)),
    change(2, "note", state(true), state(true, "mine")),
  );
  const table = new Map([["note", state(true, "mine")]]);
  const stamped = (outcome: Outcome, stamp = "mine"): Write => ({
    ...write("describe", "note", 100, 110, outcome),
    stamp,
  });
  const check = (...writes: readonly Write[]) => found(checkAcknowledged(writes, [], truth, table));

  it("accepts a history without a fault", () => {
    expect(check(stamped(acknowledged(2, state(true, "mine"))))).toEqual([]);
    expect(check(stamped({ result: "unknown", why: "" }))).toEqual([]);
    expect(check(stamped({ result: "unknown", why: "" }, "never arrived"))).toEqual([]);
    expect(check(stamped({ result: "refused", why: "" }, "never arrived"))).toEqual([]);
  });

  it("finds an acknowledged write that is lost", () => {
    expect(check(stamped({ result: "acknowledged" }, "lost"))).toEqual([
      "it was acknowledged, and is not in the audit",
    ]);
    expect(check(write("kill", "note", 1, 2, acknowledged(3, state(false))))).toEqual([
      "1.3 was acknowledged, and never committed",
    ]);
  });

  it("finds a flag that differs from the acknowledged one", () => {
    expect(check(write("kill", "note", 1, 2, acknowledged(2, state(false, "mine"))))).toEqual([
      "note differs from the answer at 1.2",
    ]);
    expect(check(write("delete", "note", 1, 2, acknowledged(2, null)))).toEqual([
      "note differs from the answer at 1.2",
    ]);
  });

  it("finds a refused write that happened, also one of an earlier round, and a write that happened twice", () => {
    const refused = stamped({ result: "refused", why: "412" });
    expect(check(refused)).toEqual(["it was refused, and is in the audit"]);
    expect(found(checkAcknowledged([], [refused], truth, table))).toEqual([
      "it was refused, and is in the audit",
    ]);
    const twice = truthOf(
      change(1, "note", null, state(true, "mine")),
      change(2, "note", state(true, "mine"), state(true)),
      change(3, "note", state(true), state(true, "mine")),
    );
    expect(found(checkAcknowledged([stamped({ result: "unknown", why: "" })], [], twice, table))).toEqual([
      "it is in the audit 2 times",
    ]);
  });

  it("finds versions that contradict the order in time, except where writes overlap", () => {
    const first = write("kill", "note", 100, 110, acknowledged(2, state(true, "mine")));
    expect(check(first, write("kill", "note", 111, 120, acknowledged(1, state(true))))).toEqual([
      "1.1 came after 1.2",
    ]);
    expect(check(first, write("kill", "note", 109, 120, acknowledged(1, state(true))))).toEqual([]);
  });

  it("finds a table that differs from the sum of its audit", () => {
    expect(found(checkAcknowledged([], [], truth, new Map()))).toEqual([
      "the table and its audit differ about note",
    ]);
    expect(found(checkAcknowledged([], [], truth, new Map([...table, ["more", state(true)]])))).toEqual([
      "the table and its audit differ about more",
    ]);
  });
});

describe("`published: true`", () => {
  const look = (outcome: Outcome, revision: number): Write => ({
    ...write("kill", "note", 1, 2, outcome),
    headAfter: version(revision),
  });

  it("finds a revision that Redis does not have", () => {
    expect(found(checkPublished([look(acknowledged(5, null), 4)], []))).toEqual([
      "Redis is at 1.4, not at 1.5",
    ]);
  });

  it("accepts a newer revision in Redis, an answer without `published: true`, and a Redis that forgot", () => {
    const emptied = { target: "redis", kind: "emptied", startedAt: 1, endedAt: 1 };
    expect(checkPublished([look(acknowledged(5, null), 5), look(acknowledged(5, null), 6)], [])).toEqual([]);
    expect(checkPublished([look(acknowledged(5, null, false), 4)], [])).toEqual([]);
    expect(checkPublished([look(acknowledged(5, null), 4)], [emptied])).toEqual([]);
  });
});

describe("Redis against Postgres", () => {
  const flags = new Map([["note", state(true)]]);
  const database = { ...version(2), databaseId: "here", flags };
  const snapshot = JSON.stringify({ schema: 1, flags: [{ key: "note", enabled: true, rollout_pct: 100 }] });
  const head = (more: object = {}, text = snapshot): string =>
    JSON.stringify({
      ...version(2),
      database_id: "here",
      digest: createHash("sha256").update(text).digest("hex"),
      bytes: text.length,
      ...more,
    });
  const check = (stored: object) =>
    found(checkRedis({ head: head(), snapshot, off: "{}", ...stored }, database));

  it("accepts two equal states", () => {
    expect(check({})).toEqual([]);
    expect(check({ off: '{"note":[1,1]}' })).toEqual([]);
  });

  it("finds every difference", () => {
    const other = snapshot.replace("true", "false");
    expect(check({ head: null })).toEqual(["Redis is empty"]);
    expect(check({ head: head({ revision: 1 }) })).toEqual(["Redis is at 1.1, Postgres at 1.2"]);
    expect(check({ head: head({ database_id: "there" }) })).toEqual(["the head names another database"]);
    expect(check({ snapshot: `${snapshot} ` })).toEqual(["the head names another snapshot"]);
    expect(check({ head: head({}, other), snapshot: other })).toEqual(["the flags differ"]);
    expect(check({ off: '{"note":null}' })).toEqual(["kills are not recorded in Postgres"]);
  });
});

describe("the order of the versions at an isolate", () => {
  it("finds a step back to an older version, or to no version", () => {
    expect(found(checkOrder([sighting(0, 10, 5, []), sighting(11, 20, 4, [])]))).toEqual([
      "a1 went from 1.5 to 1.4",
    ]);
    expect(found(checkOrder([sighting(0, 10, 5, []), sighting(11, 20, undefined, [])]))).toEqual([
      "a1 went from 1.5 to no version",
    ]);
    const epochs = [
      { ...sighting(0, 10, 1, []), version: { epoch: 2, revision: 1 } },
      sighting(11, 20, 9, []),
    ];
    expect(found(checkOrder(epochs))).toEqual(["a1 went from 2.1 to 1.9"]);
  });

  it("accepts any order of overlapping visits, and of visits to two isolates", () => {
    expect(checkOrder([sighting(0, 10, 5, []), sighting(9, 20, 4, [])])).toEqual([]);
    expect(checkOrder([sighting(0, 10, 5, []), { ...sighting(11, 20, 4, []), isolate: "a2" }])).toEqual([]);
    expect(checkOrder([sighting(11, 20, 5, []), sighting(0, 10, undefined, [])])).toEqual([]);
  });
});

describe("the flags at an isolate", () => {
  const all = [...BITS, ...OPPOSITES];
  // Revision 1 has every bit, revision 2 every opposite, revision 3 every opposite and `note`.
  const truth = truthOf(
    ...all.map((key) => change(1, key, null, state(BITS.includes(key)))),
    ...all.map((key) => change(2, key, state(BITS.includes(key)), state(OPPOSITES.includes(key)))),
    change(3, "note", null, state(true)),
  );
  const check = (seen: Sighting, ...writes: readonly Write[]) =>
    found(checkContent([seen], writes, truth, "visitor-1"));

  it("accepts every committed state", () => {
    expect(check(sighting(0, 10, 1, BITS))).toEqual([]);
    expect(check(sighting(0, 10, 2, OPPOSITES))).toEqual([]);
    expect(check(sighting(0, 10, 3, [...OPPOSITES, "note"]))).toEqual([]);
    expect(check(sighting(0, 10, undefined, []))).toEqual([]);
  });

  it("finds a mixture of two states", () => {
    const torn = [...BITS.slice(1), ...OPPOSITES.slice(1)];
    expect(check(sighting(0, 10, 2, torn))).toEqual([
      `a1: ${all.slice(0, BITS.length).join(", ")} equal their opposites`,
    ]);
    expect(check(sighting(0, 10, 2, [...OPPOSITES, "note"]))).toEqual(["a1: note on, and off in 1.2"]);
    expect(check(sighting(0, 10, 1, OPPOSITES))).toEqual([`a1: ${OPPOSITES.join(", ")} on, and off in 1.1`]);
  });

  it("finds a version that was never committed, and flags without a version", () => {
    expect(check(sighting(0, 10, 4, OPPOSITES))).toEqual(["a1: 1.4 was never committed"]);
    expect(check(sighting(0, 10, undefined, ["note"]))).toEqual(["a1: flags on without a version"]);
  });

  it("finds a flag that is off without a reason, but not one whose kill has begun", () => {
    const off = sighting(0, 10, 3, OPPOSITES);
    const unknown = { result: "unknown", why: "" } as const;
    expect(check(off)).toEqual(["a1: note off, and on in 1.3"]);
    expect(check(off, write("kill", "note", 9, 20, unknown))).toEqual([]);
    expect(check(off, write("kill", "note", 11, 20, unknown))).toEqual(["a1: note off, and on in 1.3"]);
    expect(check(off, write("kill", "other", 9, 20, unknown))).toEqual(["a1: note off, and on in 1.3"]);
  });
});

describe("killed flags", () => {
  // On at revision 1, killed at 2, enabled again at 6.
  const truth = truthOf(
    change(1, "switch", null, state(true)),
    change(2, "switch", state(true), state(false)),
    change(6, "switch", state(false), state(true)),
  );
  const recorded = write("kill", "switch", 150, 210, acknowledged(2, state(false)));
  const edgeOnly = write("kill", "switch", 150, 210, { result: "edge-only" });
  const emptied = { target: "redis", kind: "emptied", startedAt: 220, endedAt: 220 };
  const off = sighting(220, 230, 1, []);
  const on = (from: number, revision: number) => sighting(from, from + 10, revision, ["switch"]);
  const check = (kill: Write, seen: readonly Sighting[], faults: Parameters<typeof checkKills>[2] = []) =>
    found(checkKills(seen, [kill], faults, truth));

  it("finds a flag that is on again", () => {
    for (const kill of [recorded, edgeOnly]) {
      expect(check(kill, [off, on(240, 1)])).toEqual(["switch at a1, on in 1.1"]);
      expect(check(kill, [off, on(240, 2)])).toEqual(["switch at a1, on in 1.2"]);
      expect(check(kill, [on(700, 1), off])).toEqual(["switch at a1, on in 1.1"]);
    }
  });

  it("accepts a flag that is on before the kill arrived, at another isolate, or after it was enabled again", () => {
    for (const kill of [recorded, edgeOnly]) {
      expect(check(kill, [on(212, 1), off])).toEqual([]);
      expect(check(kill, [off, { ...on(240, 1), isolate: "a2" }])).toEqual([]);
      expect(check(kill, [off, on(700, 6)])).toEqual([]);
    }
    expect(check({ ...recorded, outcome: { result: "unknown", why: "" } }, [off, on(240, 1)])).toEqual([]);
  });

  it("finds a flag that is on although the isolate asked Redis after the kill, even if it was never seen off", () => {
    const asked = (from: number, ageMs: number) => ({ ...on(from, 1), ageMs });
    const unpublished = write("kill", "switch", 150, 210, acknowledged(2, state(false), false));
    for (const kill of [recorded, edgeOnly]) {
      expect(check(kill, [asked(400, 100)])).toEqual(["switch at a1, on in 1.1"]);
      expect(check(kill, [asked(400, 190)])).toEqual([]);
      expect(check(kill, [asked(400, 100)], [emptied])).toEqual([]);
    }
    expect(check(unpublished, [asked(400, 100)])).toEqual([]);
    const atEdge = { version: version(2), flag: state(false), published: false, atEdge: true };
    expect(
      check({ ...unpublished, outcome: { result: "acknowledged", promised: atEdge } }, [asked(400, 100)]),
    ).toEqual(["switch at a1, on in 1.1"]);
  });

  it("finds a kill that reached the edge and was never recorded in Postgres", () => {
    const only = truthOf(change(1, "switch", null, state(true)));
    expect(found(checkKills([], [edgeOnly], [], only))).toEqual(["the kill of switch was lost"]);
    expect(checkKills([], [edgeOnly], [emptied], only)).toEqual([]);
    expect(checkKills([], [edgeOnly], [], truth)).toEqual([]);
  });

  it("does not take a flag that is off anyway as a sign that the kill arrived", () => {
    // Plain SQL turns it off at revision 2 and on at 3. It is killed at 4.
    const moves = truthOf(
      change(1, "switch", null, state(true)),
      change(2, "switch", state(true), state(false)),
      change(3, "switch", state(false), state(true)),
      change(4, "switch", state(true), state(false)),
    );
    const kill = write("kill", "switch", 390, 410, acknowledged(4, state(false)));
    const offAt = (revision: number) => sighting(420, 430, revision, []);
    expect(checkKills([offAt(2), on(440, 3)], [kill], [], moves)).toEqual([]);
    expect(found(checkKills([offAt(3), on(440, 3)], [kill], [], moves))).toEqual(["switch at a1, on in 1.3"]);
    expect(found(checkKills([offAt(4), on(440, 3)], [kill], [], moves))).toEqual(["switch at a1, on in 1.3"]);
  });

  it("accepts a flag that is on again when Redis forgot a kill that nothing else had", () => {
    for (const kill of [recorded, edgeOnly]) expect(check(kill, [off, on(240, 1)], [emptied])).toEqual([]);
    const offSince = sighting(220, 230, 2, []);
    expect(check(recorded, [offSince, on(240, 1)], [emptied])).toEqual(["switch at a1, on in 1.1"]);
  });

  it("does not take an enable before the kill as one after it", () => {
    const late = write("kill", "switch", 640, 660, { result: "edge-only" });
    expect(check(late, [sighting(670, 680, 6, []), on(690, 6)])).toEqual([]);
    const later = write("kill", "switch", 700, 710, { result: "edge-only" });
    expect(check(later, [sighting(720, 730, 6, []), on(740, 6)])).toEqual([
      "switch at a1, on in 1.6",
      "the kill of switch was lost",
    ]);
  });
});

describe("the site", () => {
  it("is reported when it does not answer", () => {
    expect(checkSite([sighting(0, 10, 1, [])])).toEqual([]);
    expect(found(checkSite([{ ...sighting(0, 10, undefined, []), problem: "502 Bad Gateway" }]))).toEqual([
      "a1: 502 Bad Gateway",
    ]);
  });
});
