import { describe, expect, test } from "vitest";
import { encodeFlagsContext, type FlagsContext } from "../../shared/x-flags/flags-header.ts";
import { readFlags, type Exposure, type Flags, type OnExposure } from "../../shared/x-flags/read-flags.ts";
import { SIGNED_AT, SIGNED_CONTEXT, keysText, signedHeaders } from "../support/signed-headers.ts";

async function read(onExposure: OnExposure, context: FlagsContext = SIGNED_CONTEXT): Promise<Flags> {
  const headers = { "x-flags": 'ai, copilot;v="beta"', "x-flags-context": encodeFlagsContext(context) };
  return readFlags(headers, { onExposure });
}

/** All exposures that are reported while the flags are read. */
async function exposuresOf(
  ask: (flags: Flags) => void,
  context?: FlagsContext,
): Promise<readonly Exposure[]> {
  const reported: Exposure[] = [];
  ask(await read((exposure) => reported.push(exposure), context));
  return reported;
}

describe("an exposure", () => {
  test("names the user, the variant, the time and the version of the flags", async () => {
    const common = { targetingKey: "user-1", epoch: 1, revision: 412, at: SIGNED_AT };
    const reported = await exposuresOf((flags) => {
      flags.isEnabled("ai");
      flags.variant("copilot");
      // The control group.
      flags.isEnabled("search");
    });
    expect(reported).toStrictEqual([
      { flagKey: "ai", variant: "on", ...common },
      { flagKey: "copilot", variant: "beta", ...common },
      { flagKey: "search", variant: "off", ...common },
    ]);
  });

  test.for<{ name: string; ask: (flags: Flags) => unknown }>([
    { name: "isEnabled", ask: (flags) => flags.isEnabled("ai") },
    { name: "variant", ask: (flags) => flags.variant("ai") },
    { name: "value", ask: (flags) => flags.value("ai") },
    { name: "details", ask: (flags) => flags.details("ai") },
  ])("is reported once by $name", async ({ ask }) => {
    const reported = await exposuresOf((flags) => {
      ask(flags);
      ask(flags);
      flags.isEnabled("ai");
    });
    expect(reported.map(({ flagKey }) => flagKey)).toStrictEqual(["ai"]);
  });

  test("is not reported by the list of enabled flags", async () => {
    expect(await exposuresOf(({ enabled, context }) => void [enabled, context])).toStrictEqual([]);
  });

  test("is reported again for the next request", async () => {
    const reported: Exposure[] = [];
    for (let n = 0; n < 2; n += 1) (await read((exposure) => reported.push(exposure))).isEnabled("ai");
    expect(reported).toHaveLength(2);
  });

  test("marks flags that were too old", async () => {
    const reported = await exposuresOf((flags) => flags.isEnabled("ai"), { ...SIGNED_CONTEXT, stale: true });
    expect(reported).toMatchObject([{ flagKey: "ai", stale: true }]);
  });

  test("marks decisions by a test override", async () => {
    const reported = await exposuresOf(
      (flags) => {
        flags.isEnabled("ai");
        flags.isEnabled("copilot");
      },
      { ...SIGNED_CONTEXT, override: ["copilot"] },
    );
    expect(reported.map(({ override }) => override)).toStrictEqual([undefined, true]);
  });

  test("is not reported without a user or without a decision", async () => {
    const { targetingKey: _key, ...nobody } = SIGNED_CONTEXT;
    expect(await exposuresOf((flags) => flags.isEnabled("ai"), nobody)).toStrictEqual([]);
    const { version: _version, ...nothing } = SIGNED_CONTEXT;
    expect(await exposuresOf((flags) => flags.isEnabled("ai"), nothing)).toStrictEqual([]);
  });

  test("is not reported for invalid headers", async () => {
    const reported: Exposure[] = [];
    const onExposure: OnExposure = (exposure) => reported.push(exposure);
    const options = { keys: keysText("new"), now: SIGNED_AT + 61_000, onExposure };
    const flags = await readFlags(await signedHeaders({ flags: "ai" }), options);
    expect(flags.isEnabled("ai")).toBe(false);
    expect(reported).toStrictEqual([]);
    expect(
      (await readFlags(await signedHeaders({ flags: "ai" }), { ...options, now: SIGNED_AT })).isEnabled("ai"),
    ).toBe(true);
    expect(reported).toHaveLength(1);
  });
});

describe("a page never fails because of its statistics", () => {
  test.for<{ name: string; onExposure: OnExposure }>([
    {
      name: "throws",
      onExposure: () => {
        throw new Error("no warehouse");
      },
    },
    { name: "rejects", onExposure: () => Promise.reject(new Error("no warehouse")) },
    { name: "never answers", onExposure: () => new Promise(() => undefined) },
    { name: "is not a function", onExposure: 7 as unknown as OnExposure },
  ])("when onExposure $name", async ({ onExposure }) => {
    const unhandled: unknown[] = [];
    const hear = (error: unknown): number => unhandled.push(error);
    process.on("unhandledRejection", hear);
    const flags = await read(onExposure);
    expect(flags.isEnabled("ai")).toBe(true);
    expect(flags.variant("copilot")).toBe("beta");
    // Node reports unhandled rejections once the microtask queue is empty.
    await new Promise((resolve) => setImmediate(resolve));
    process.off("unhandledRejection", hear);
    expect(unhandled).toStrictEqual([]);
  });
});
