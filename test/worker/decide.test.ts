import { describe, expect, it } from "vitest";
import { compile } from "../../shared/compile/compile.ts";
import { decisionOf } from "../../shared/evaluate/evaluate.ts";
import { parseHead } from "../../shared/snapshot/snapshot.ts";
import { decideAll } from "../../worker/decide/decide.ts";
import type { Reading } from "../../worker/snapshot/snapshot-reader.ts";
import { publish } from "./stored.ts";

const flags = [
  { key: "plain", enabled: true, rollout_pct: 100 },
  { key: "lasting", enabled: true, rollout_pct: 100, fail_mode: "last-known" },
  { key: "killed", enabled: true, rollout_pct: 100, fail_mode: "last-known" },
  { key: "novel", enabled: true, rollout_pct: 100, moon_phase: "full" },
];
const maxStaleMs = 3_600_000;

async function decided(ageMs: number, overrides?: ReadonlyMap<string, string>) {
  const head = parseHead((await publish({ flags })).head ?? "");
  if ("problem" in head) throw new Error(head.problem);
  const compiled = compile({ schema: 1, flags });
  const reading: Reading = {
    cached: {
      head: head.value,
      compiled,
      gates: [],
      off: new Map(),
      killed: new Set(["killed"]),
      confirmedAt: 0,
    },
    ageMs,
    source: "memory",
  };
  const context = { targetingKey: "u1", userId: "u1" };
  const { decisions, stale, overridden } = await decideAll(reading, context, maxStaleMs, overrides);
  const reasons = flags.map(({ key }) => {
    const { value, reason } = decisionOf(compiled, decisions, key);
    return `${key} ${value ? "on" : "off"} ${reason}`;
  });
  return { stale, reasons, overridden };
}

describe("decideAll", () => {
  it("evaluates a snapshot that is not stale", async () => {
    expect(await decided(maxStaleMs)).toMatchObject({
      stale: false,
      reasons: ["plain on STATIC", "lasting on STATIC", "killed off DISABLED", "novel off ERROR"],
    });
  });

  it("evaluates a stale snapshot only for flags with fail_mode last-known, and lifts no kill", async () => {
    expect(await decided(maxStaleMs + 1)).toMatchObject({
      stale: true,
      reasons: ["plain off STALE", "lasting on STATIC", "killed off DISABLED", "novel off STALE"],
    });
  });

  it("lists exactly the flags that a test override decided", async () => {
    const overrides = new Map([
      ["plain", "off"],
      ["lasting", "on"],
      ["killed", "on"],
      ["novel", "on"],
      ["missing", "on"],
    ]);
    const { reasons, overridden } = await decided(0, overrides);
    expect(reasons).toEqual([
      "plain off TARGETING_MATCH",
      "lasting on TARGETING_MATCH",
      "killed off DISABLED",
      "novel off ERROR",
    ]);
    expect(overridden).toEqual(["lasting", "plain"]);
    expect((await decided(maxStaleMs + 1, overrides)).overridden).toEqual(["lasting"]);
    expect((await decided(0)).overridden).toEqual([]);
  });

  it("returns no flags without a snapshot", async () => {
    const { compiled, decisions } = await decideAll({ source: "none" }, { targetingKey: "u1" }, maxStaleMs);
    expect(decisionOf(compiled, decisions, "plain")).toMatchObject({
      value: false,
      errorCode: "FLAG_NOT_FOUND",
    });
  });
});
