import { describe, expect, it } from "vitest";
import { backoffMs, planRefresh, randomDueAge, type RefreshState } from "../../worker/isolate/lease.ts";

const now = 1_000_000;
const refreshMs = 5_000;
const dueMs = 4_500;
const calm: RefreshState = {
  now,
  refreshMs,
  dueMs,
  confirmedAt: now,
  leaseUntil: 0,
  failures: 0,
  retryAt: 0,
};
const aged = (age: number, rest: Partial<RefreshState> = {}): RefreshState => ({
  ...calm,
  confirmedAt: now - age,
  ...rest,
});
const nothing = (rest: Partial<RefreshState> = {}): RefreshState => ({
  ...calm,
  confirmedAt: undefined,
  ...rest,
});

const leased = { leaseUntil: now + 1 };
const backingOff = { failures: 1, retryAt: now + 1 };
const mayRetry = { failures: 1, retryAt: now };

describe("planRefresh", () => {
  it.each([
    ["just confirmed", aged(0), "use"],
    ["nearly due", aged(4_499), "use"],
    ["due", aged(4_500), "refresh"],
    ["due, one under way", aged(5_000, leased), "use"],
    ["due, the one under way was lost", aged(5_000, { leaseUntil: now }), "refresh"],
    ["due, backing off", aged(5_000, backingOff), "use"],
    ["due, backed off", aged(5_000, mayRetry), "refresh"],
    ["nearly too old", aged(14_999), "refresh"],
    ["too old", aged(15_000), "wait"],
    ["idle for a minute", aged(60_000), "wait"],
    ["too old, one under way", aged(15_000, leased), "follow"],
    ["too old, the one under way was lost", aged(15_000, { leaseUntil: now }), "wait"],
    ["too old, backing off", aged(15_000, backingOff), "use"],
    ["too old, backed off", aged(15_000, mayRetry), "wait"],
    ["too old, backed off, one is finding out", aged(15_000, { ...mayRetry, ...leased }), "use"],
    ["nothing is cached", nothing(), "wait"],
    ["nothing is cached, one under way", nothing(leased), "follow"],
    ["nothing is cached, backing off", nothing(backingOff), "use"],
    ["nothing is cached, backed off", nothing(mayRetry), "wait"],
    ["nothing is cached, one is finding out", nothing({ ...mayRetry, ...leased }), "use"],
    ["the clock was set back", aged(-1), "wait"],
  ] as const)("%s", (_name, state, plan) => {
    expect(planRefresh(state)).toBe(plan);
  });
});

describe("randomDueAge", () => {
  it.each([
    [0, 5_000],
    [0.5, 4_500],
    [1, 4_000],
  ])("random %d: %d ms, never later than the refresh time", (random, age) => {
    expect(randomDueAge(refreshMs, random)).toBe(age);
  });
});

describe("backoffMs", () => {
  it("doubles, and ends at one refresh time", () => {
    const most = [1, 2, 3, 4, 5, 6, 7, 1_000].map((failures) => backoffMs(failures, refreshMs, 1));
    expect(most).toEqual([200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000]);
  });

  it("is never longer than one refresh time", () => {
    expect(backoffMs(1, 50, 1)).toBe(50);
  });

  it("is spread over its upper half", () => {
    expect([0, 0.5].map((random) => backoffMs(1, refreshMs, random))).toEqual([100, 150]);
  });
});
