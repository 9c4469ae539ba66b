import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  formatHolders,
  hold,
  holdersOf,
  parseHolders,
  record,
  release,
  type KillEntry,
} from "../../publisher/redis/kill-entry.ts";
import type { Version } from "../../shared/snapshot/revision.ts";

const NONE: KillEntry = { off: undefined, holders: [], recorded: undefined };
const at = (revision: number): Version => ({ epoch: 1, revision });
const recordedAt = (revision: number): KillEntry => ({ ...NONE, off: at(revision) });

/** Applies steps. A step that does not change the entry returns undefined. */
const after = (
  start: KillEntry,
  ...steps: readonly ((entry: KillEntry) => KillEntry | undefined)[]
): KillEntry => steps.reduce((entry, step) => step(entry) ?? entry, start);
const holdBy = (holder: string) => (entry: KillEntry) => hold(entry, holder);
const recordBy = (holder: string, revision: number) => (entry: KillEntry) =>
  record(entry, [holder], at(revision));
const releaseBy = (holder: string) => (entry: KillEntry) => release(entry, holder);

describe("one kill", () => {
  test("is null until it is recorded", () => {
    expect(after(NONE, holdBy("a")).off).toBeNull();
    expect(after(NONE, holdBy("a"), recordBy("a", 5))).toEqual(recordedAt(5));
  });
  test("that is refused leaves the earlier entry", () => {
    expect(after(NONE, holdBy("a"), releaseBy("a"))).toEqual(NONE);
    expect(after(recordedAt(3), holdBy("a"), releaseBy("a"))).toEqual(recordedAt(3));
  });
  test("never names an older version than before", () => {
    expect(after(recordedAt(9), holdBy("a"), recordBy("a", 5))).toEqual(recordedAt(9));
    expect(after(recordedAt(9), recordBy("a", 5))).toEqual(recordedAt(9));
  });
  test("that Redis has lost meanwhile is recorded all the same", () => {
    expect(after(NONE, recordBy("a", 5))).toEqual(recordedAt(5));
  });
});

describe("two kills", () => {
  test("the record of the first does not lift the second, whose Postgres may be down", () => {
    const both = after(NONE, holdBy("a"), holdBy("b"), recordBy("a", 5));
    expect(both.off).toBeNull();
    expect(after(both, recordBy("b", 9))).toEqual(recordedAt(9));
  });
  test("a record that comes late does not lift a kill after it", () => {
    // Another publisher records a, the flag is enabled and killed again by b, and then a's own record arrives.
    const late = after(NONE, holdBy("a"), recordBy("a", 5), holdBy("b"), recordBy("a", 7));
    expect(late.off).toBeNull();
  });
  test("a refused kill lifts neither the other kill nor its record", () => {
    expect(after(NONE, holdBy("a"), holdBy("b"), releaseBy("b")).off).toBeNull();
    expect(after(NONE, holdBy("a"), holdBy("b"), recordBy("a", 5), releaseBy("b"))).toEqual(recordedAt(5));
  });
});

describe("a null that was set by hand", () => {
  const byHand: KillEntry = { ...NONE, off: null };
  test("remains after a kill by the API is refused", () => {
    expect(after(byHand, holdBy("a"), releaseBy("a")).off).toBeNull();
  });
  test("is lifted by its import into Postgres, and not by the record of another kill", () => {
    expect(record(byHand, holdersOf(byHand), at(5))).toEqual(recordedAt(5));
    expect(after(byHand, holdBy("a"), recordBy("a", 5)).off).toBeNull();
  });
});

test("in any order of steps: null while a kill is pending, and never older than the newest record", () => {
  const holder = fc.constantFrom("a", "b", "c");
  const step = fc.oneof(
    fc.record({ does: fc.constant("hold" as const), holder, revision: fc.constant(0) }),
    fc.record({ does: fc.constant("record" as const), holder, revision: fc.integer({ min: 1, max: 50 }) }),
    fc.record({ does: fc.constant("release" as const), holder, revision: fc.constant(0) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      let entry = NONE;
      const holding = new Set<string>();
      let newest = 0;
      for (const { does, holder, revision } of steps) {
        if (does === "hold") {
          entry = after(entry, holdBy(holder));
          holding.add(holder);
        } else if (does === "record") {
          entry = after(entry, recordBy(holder, revision));
          holding.delete(holder);
          newest = Math.max(newest, revision);
        } else {
          entry = after(entry, releaseBy(holder));
          holding.delete(holder);
        }
        expect(entry.off === null).toBe(holding.size > 0);
        if (entry.off !== null) expect(entry.off?.revision ?? 0).toBe(newest);
        // The text in Redis parses to the same entry.
        const held = parseHolders(formatHolders(new Map([["key", entry]]))).get("key");
        expect(held).toEqual(
          entry.off === null ? { holders: entry.holders, recorded: entry.recorded } : undefined,
        );
      }
    }),
  );
});

test.for([
  "",
  "null",
  "[]",
  "{",
  '{"key": 5}',
  '{"key": {"holders": "a"}}',
  '{"key": {"holders": [], "recorded": [1]}}',
])("%j beside `off` is read as empty", (text) => {
  expect(parseHolders(text)).toEqual(new Map());
});
