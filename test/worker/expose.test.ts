import { beforeEach, describe, expect, it } from "vitest";
import { digestOf } from "../../shared/snapshot/snapshot.ts";
import { readContent } from "../../worker/snapshot/content.ts";
import { decideAll } from "../../worker/decide/decide.ts";
import type { Evaluation } from "../../worker/decide/evaluation.ts";
import { createExpose } from "../../worker/decide/expose.ts";
import type { ExposureSettings } from "../../worker/decide/expose.ts";
import type { WorkerFault } from "../../worker/isolate/fault.ts";

const drawn = [
  { key: "ai_search", enabled: true, rollout_pct: 50 },
  {
    key: "copilot",
    enabled: true,
    rollout_pct: 100,
    variants: [
      { key: "small", ranges: [[0, 5_000]] },
      { key: "large", ranges: [[5_000, 10_000]] },
    ],
  },
];
const undrawn = [
  { key: "all", enabled: true, rollout_pct: 100 },
  { key: "none", enabled: true, rollout_pct: 0 },
  { key: "disabled", enabled: false, rollout_pct: 50 },
  { key: "listed", enabled: true, rollout_pct: 50, targeting: { allowlist: ["u-1"] } },
  { key: "staff", enabled: true, rollout_pct: 50, targeting: { employees_only: true } },
  { key: "broken", enabled: true, rollout_pct: 50, targeting: { moon: "full" } },
];

interface Asked {
  readonly userId?: string;
  readonly flags?: readonly object[];
  readonly ageMs?: number;
  readonly killed?: readonly string[];
  readonly overrides?: ReadonlyMap<string, string>;
}

/** What was decided for somebody. */
async function evaluationOf(asked: Asked): Promise<Evaluation> {
  const { userId, flags = drawn, ageMs = 0, killed = [], overrides } = asked;
  const text = JSON.stringify({ schema: 1, flags });
  const head = {
    schema: 1,
    epoch: 2,
    revision: 412,
    database_id: "db-1",
    digest: await digestOf(text),
    bytes: text.length,
    published_at: "2026-11-23T00:00:00Z",
  } as const;
  const cached = {
    ...(await readContent(head, text)),
    head,
    off: new Map(),
    killed: new Set(killed),
    confirmedAt: 0,
  };
  const context = userId === undefined ? {} : { userId, targetingKey: userId };
  const reading = { cached, ageMs, source: "memory" } as const;
  return {
    received: new Request("https://www.example.com/private?token=1"),
    visitor: { context },
    reading,
    decided: await decideAll(reading, context, 3_600_000, overrides),
  };
}

let lines: string[];
let faults: WorkerFault[];
let clock: { now: number };
beforeEach(() => {
  lines = [];
  faults = [];
  clock = { now: Date.parse("2026-11-26T06:40:00.000Z") };
});

const create = (settings: Partial<ExposureSettings> = {}) =>
  createExpose({
    basisPoints: 10_000,
    ...settings,
    write: (line) => void lines.push(line),
    now: () => clock.now,
    report: (fault) => void faults.push(fault),
  });

describe("one line per request", () => {
  it("contains the person, the version and the flags that a percentage decided, and nothing else", async () => {
    await create()(await evaluationOf({ userId: "user-1", flags: [...drawn, ...undrawn.slice(0, 3)] }));
    // By sha256sum ai_search::user-1 begins with b62909e0, beyond the half, and copilot:v::user-1 with c6c34212, in the second.
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      {
        sluice: "exposure",
        at: "2026-11-26T06:40:00.000Z",
        epoch: 2,
        revision: 412,
        targeting_key: "user-1",
        flags: [
          ["ai_search", "off"],
          ["copilot", "large"],
        ],
      },
    ]);
  });

  it("is not written when no percentage decided a flag", async () => {
    const expose = create();
    await expose(await evaluationOf({ userId: "u-1", flags: undrawn }));
    await expose(await evaluationOf({}));
    await expose({ ...(await evaluationOf({ userId: "u-1" })), decided: undefined });
    const lasting = drawn.map((flag) => ({ ...flag, fail_mode: "last-known" }));
    for (const flags of [drawn, lasting]) {
      await expose(await evaluationOf({ userId: "u-1", flags, ageMs: 3_600_001 }));
    }
    await expose(await evaluationOf({ userId: "u-1", killed: ["ai_search", "copilot"] }));
    const overrides = new Map([
      ["ai_search", "on"],
      ["copilot", "large"],
    ]);
    await expose(await evaluationOf({ userId: "u-1", overrides }));
    expect(lines).toEqual([]);
  });

  it("is split when there are more flags than fit", async () => {
    const flags = Array.from({ length: 250 }, (_, at) => ({ key: `f${at}`, enabled: true, rollout_pct: 50 }));
    await create()(await evaluationOf({ userId: "user-1", flags }));
    const told = lines.map((line) => (JSON.parse(line) as { flags: [string, string][] }).flags);
    expect(told.map(({ length }) => length)).toEqual([100, 100, 50]);
    expect(new Set(told.flat().map(([key]) => key)).size).toBe(250);
  });

  it("is written once in ten minutes for a person, unless a decision changes", async () => {
    const expose = create();
    const evaluation = await evaluationOf({ userId: "user-1" });
    await expose(evaluation);
    clock.now += 599_999;
    await expose(evaluation);
    expect(lines).toHaveLength(1);
    await expose(await evaluationOf({ userId: "user-1", killed: ["ai_search"] }));
    expect(lines).toHaveLength(2);
    clock.now += 1;
    await expose(evaluation);
    expect(lines).toHaveLength(3);
    await expose(evaluation);
    expect(lines).toHaveLength(3);
  });

  it("remembers 5,000 people and forgets the oldest", async () => {
    const expose = create();
    for (let user = 0; user <= 5_000; user += 1) {
      await expose(await evaluationOf({ userId: `user-${user}` }));
    }
    lines = [];
    await expose(await evaluationOf({ userId: "user-5000" }));
    await expose(await evaluationOf({ userId: "user-1" }));
    expect(lines).toEqual([]);
    await expose(await evaluationOf({ userId: "user-0" }));
    expect(lines).toHaveLength(1);
  });
});

describe("the sample", () => {
  it("depends on the person alone: it is the same for every set of flags", async () => {
    const inSample = async (flags: readonly object[]): Promise<readonly unknown[]> => {
      lines = [];
      const expose = create({ basisPoints: 2_500 });
      for (let user = 0; user < 400; user += 1) {
        await expose(await evaluationOf({ userId: `user-${user}`, flags }));
      }
      return lines.map((line) => (JSON.parse(line) as { targeting_key: unknown }).targeting_key);
    };
    const first = await inSample(drawn);
    expect(first.length).toBeGreaterThan(60);
    expect(first.length).toBeLessThan(140);
    expect(await inSample(drawn.slice(1))).toEqual(first);
  });

  it("a larger sample contains everybody of a smaller one", async () => {
    const evaluations = await Promise.all(
      Array.from({ length: 200 }, (_, user) => evaluationOf({ userId: `user-${user}` })),
    );
    const small = create({ basisPoints: 1_000 });
    for (const evaluation of evaluations) await small(evaluation);
    const few = lines;
    lines = [];
    const large = create({ basisPoints: 5_000 });
    for (const evaluation of evaluations) await large(evaluation);
    expect(few.length).toBeGreaterThan(0);
    expect(lines.length).toBeGreaterThan(few.length);
    expect(lines).toEqual(expect.arrayContaining(few));
  });
});

describe("with EXPOSURES_HMAC_KEY", () => {
  it("the line contains an HMAC that anyone with the key can compute, and no targeting key", async () => {
    const expose = create({ hmacKey: "a key of thirty-two characters!!" });
    await expose(await evaluationOf({ userId: "jane@example.com" }));
    expect(lines[0]).not.toContain("jane");
    // printf %s jane@example.com | openssl dgst -sha256 -hmac 'a key of thirty-two characters!!'
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({
      targeting_key_hmac: "628fdbd44a09fd320f7f6e7f7fcda2ec0cf008f7dfc32711a311f29cd9962d24",
    });
  });
});

it("a log that fails is reported as a fault, and nothing is rejected", async () => {
  const expose = createExpose({
    basisPoints: 10_000,
    write: () => {
      throw new Error("full, of jane@example.com");
    },
    report: (fault) => void faults.push(fault),
  });
  await expose(await evaluationOf({ userId: "jane@example.com" }));
  expect(faults.map(({ word, message }) => [word, message])).toEqual([["internal", "unexpected Error"]]);
});
