import { describe, expect, test } from "vitest";
import { encodeFlagsContext, type FlagsContext } from "../../shared/x-flags/flags-header.ts";
import { readFlags, type Exposure, type Flags, type OnExposure } from "../../shared/x-flags/read-flags.ts";
import { SIGNED_AT, SIGNED_CONTEXT, keysText, signedHeaders } from "../support/signed-headers.ts";

async function read(onExposure: OnExposure, context: FlagsContext = SIGNED_CONTEXT): Promise<Flags> {
  const headers = { "x-flags": 'ai, copilot;v="beta"', "x-flags-context": encodeFlagsContext(context) };
  return readFlags(headers, { onExposure });
}

/** Everything that is told while the flags are asked. */
async function toldBy(ask: (flags: Flags) => void, context?: FlagsContext): Promise<readonly Exposure[]> {
  const told: Exposure[] = [];
  ask(await read((exposure) => told.push(exposure), context));
  return told;
}

describe("an exposure", () => {
  test("says who met which variant, decided when and by which flags", async () => {
    const common = { targetingKey: "user-1", epoch: 1, revision: 412, at: SIGNED_AT };
    const told = await toldBy((flags) => {
      flags.isEnabled("ai");
      flags.variant("copilot");
      // The control group.
      flags.isEnabled("search");
    });
    expect(told).toStrictEqual([
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
  ])("comes with $name, once", async ({ ask }) => {
    const told = await toldBy((flags) => {
      ask(flags);
      ask(flags);
      flags.isEnabled("ai");
    });
    expect(told.map(({ flagKey }) => flagKey)).toStrictEqual(["ai"]);
  });

  test("does not come with a list of what is on", async () => {
    expect(await toldBy(({ enabled, context }) => void [enabled, context])).toStrictEqual([]);
  });

  test("comes again with the next request", async () => {
    const told: Exposure[] = [];
    for (let n = 0; n < 2; n += 1) (await read((exposure) => told.push(exposure))).isEnabled("ai");
    expect(told).toHaveLength(2);
  });

  test("says when the flags were too old", async () => {
    const told = await toldBy((flags) => flags.isEnabled("ai"), { ...SIGNED_CONTEXT, stale: true });
    expect(told).toMatchObject([{ flagKey: "ai", stale: true }]);
  });

  test("says when a test override decided", async () => {
    const told = await toldBy(
      (flags) => {
        flags.isEnabled("ai");
        flags.isEnabled("copilot");
      },
      { ...SIGNED_CONTEXT, override: ["copilot"] },
    );
    expect(told.map(({ override }) => override)).toStrictEqual([undefined, true]);
  });

  test("is nobody's when nobody is known or nothing was decided", async () => {
    const { targetingKey: _key, ...nobody } = SIGNED_CONTEXT;
    expect(await toldBy((flags) => flags.isEnabled("ai"), nobody)).toStrictEqual([]);
    const { version: _version, ...nothing } = SIGNED_CONTEXT;
    expect(await toldBy((flags) => flags.isEnabled("ai"), nothing)).toStrictEqual([]);
  });

  test("is not told of headers that do not hold", async () => {
    const told: Exposure[] = [];
    const onExposure: OnExposure = (exposure) => told.push(exposure);
    const options = { keys: keysText("new"), now: SIGNED_AT + 61_000, onExposure };
    const flags = await readFlags(await signedHeaders({ flags: "ai" }), options);
    expect(flags.isEnabled("ai")).toBe(false);
    expect(told).toStrictEqual([]);
    expect(
      (await readFlags(await signedHeaders({ flags: "ai" }), { ...options, now: SIGNED_AT })).isEnabled("ai"),
    ).toBe(true);
    expect(told).toHaveLength(1);
  });
});

describe("a page does not fail for its statistics", () => {
  test.for<{ name: string; onExposure: OnExposure }>([
    {
      name: "throws",
      onExposure: () => {
        throw new Error("no warehouse");
      },
    },
    { name: "rejects", onExposure: () => Promise.reject(new Error("no warehouse")) },
    { name: "never answers", onExposure: () => new Promise(() => undefined) },
    { name: "is no function", onExposure: 7 as unknown as OnExposure },
  ])("when what hears of it $name", async ({ onExposure }) => {
    const unhandled: unknown[] = [];
    const hear = (error: unknown): number => unhandled.push(error);
    process.on("unhandledRejection", hear);
    const flags = await read(onExposure);
    expect(flags.isEnabled("ai")).toBe(true);
    expect(flags.variant("copilot")).toBe("beta");
    // Node tells of rejections when the queue of promises has run dry.
    await new Promise((resolve) => setImmediate(resolve));
    process.off("unhandledRejection", hear);
    expect(unhandled).toStrictEqual([]);
  });
});
