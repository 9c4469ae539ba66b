import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { redisKey, startApiSystem, type ApiSystem } from "../support/api-system.ts";
import { withClient } from "../support/database.ts";

let system: ApiSystem;
let base: string;
let top: string;
let count = 0;

beforeAll(async () => {
  system = await startApiSystem();
});
afterAll(() => system.stop());

/** `top` needs the variant "large" of `base`. */
beforeEach(async () => {
  count += 1;
  base = `base-${count}`;
  top = `top-${count}`;
  const variants = [
    { key: "small", weight: 1 },
    { key: "large", weight: 1 },
  ];
  await create(base, { variants });
  await create(top, { requires: [{ flag: base, variant: "large" }] });
});

const create = (key: string, body: object = {}) =>
  system.call("POST", "/api/v1/flags", { body: { key, ...body } });
const patch = (key: string, body: unknown) =>
  system.call("PATCH", `/api/v1/flags/${key}`, { body, ifMatch: "*" });
const needs = (...flags: readonly string[]) => ({ requires: flags.map((flag) => ({ flag })) });
const shown = async (key: string) => (await system.call("GET", `/api/v1/flags/${key}`)).body.flag;
const explain = async (key: string) =>
  (await system.call("POST", `/api/v1/flags/${key}/explain`, { body: { context: { userId: "u" } } })).body;

async function turnOn(key: string): Promise<void> {
  await system.call("PATCH", `/api/v1/flags/${key}/rollout`, { body: { rollout_pct: 100 }, ifMatch: "*" });
  await system.call("PATCH", `/api/v1/flags/${key}/toggle`, { body: { enabled: true }, ifMatch: "*" });
}

async function published(): Promise<readonly { readonly key: string; readonly invalid?: string }[]> {
  const text = String(await system.redisCommand("GET", redisKey("snapshot")));
  return (JSON.parse(text) as { flags: readonly { key: string; invalid?: string }[] }).flags;
}
/** The flags of this test in the snapshot. */
async function invalidAtEdge(): Promise<Readonly<Record<string, string | undefined>>> {
  // The answer of a write says that Redis has all earlier writes too.
  const later = await create(`later-${count}-${(count += 1)}`);
  expect(later.body.published).toBe(true);
  return Object.fromEntries((await published()).map(({ key, invalid }) => [key, invalid]));
}

describe("prerequisites", () => {
  test("are kept, published, and asked for", async () => {
    const requires = [{ flag: base, variant: "large" }];
    expect((await shown(top))["requires"]).toEqual(requires);
    expect(await published()).toContainEqual({ key: top, enabled: false, rollout_pct: 0, requires });

    await turnOn(top);
    expect(await explain(top)).toMatchObject({ value: false, rule: "requires", reason: "TARGETING_MATCH" });
    await turnOn(base);
    await patch(base, {
      variants: [
        { key: "small", weight: 0 },
        { key: "large", weight: 1 },
      ],
    });
    expect(await explain(top)).toMatchObject({ value: true });
    await patch(base, {
      variants: [
        { key: "small", weight: 1 },
        { key: "large", weight: 0 },
      ],
    });
    const unmet = await explain(top);
    expect(unmet).toMatchObject({ value: false, rule: "requires" });
    expect((unmet["steps"] as { requirements?: unknown }[]).at(-1)).toEqual({
      step: "requires",
      requirements: [
        { flag: base, variant: "large", met: false, value: true, flag_variant: "small", reason: "STATIC" },
      ],
    });
  });

  test.for([
    ["a flag that is not there", () => needs("nobody"), "/requires/0/flag", /no flag "nobody"/],
    [
      "a variant that it has not",
      () => ({ requires: [{ flag: base, variant: "x" }] }),
      "/requires/0/variant",
      /no such variant/,
    ],
    ["a flag twice", () => needs(base, base), "/requires/1/flag", /named twice/],
    [
      "a flag twice, with two variants",
      () => ({
        requires: [
          { flag: base, variant: "small" },
          { flag: base, variant: "large" },
        ],
      }),
      "/requires/1/flag",
      /named twice/,
    ],
    ["no list", () => ({ requires: {} }), "/requires", /array/],
    ["no flag", () => ({ requires: [{ variant: "x" }] }), "/requires/0/flag", /is missing/],
    [
      "an unknown member",
      () => ({ requires: [{ flag: base, not: true }] }),
      "/requires/0/not",
      /unknown member/,
    ],
    ["too many", () => needs(...Array.from({ length: 21 }, () => base)), "/requires", /at most 20/],
  ] as const)("%s: refused, with where it is", async ([, body, pointer, detail]) => {
    const answer = await patch(top, body());
    expect(answer.status).toBe(422);
    expect(answer.body.errors).toEqual([{ pointer, detail: expect.stringMatching(detail) as string }]);
    expect((await create(`fresh-${count}`, body())).status).toBe(422);
  });

  test("itself: refused", async () => {
    const answer = await patch(top, needs(top));
    expect(answer.status).toBe(422);
    expect(answer.body.errors).toEqual([
      { pointer: "/requires/0/flag", detail: "a flag cannot require itself" },
    ]);
    expect((await create(`own-${count}`, needs(`own-${count}`))).status).toBe(422);
  });

  test("a circle through others is refused, and named", async () => {
    await create(`mid-${count}`, needs(top));
    const answer = await patch(base, needs(`mid-${count}`));
    expect(answer.status).toBe(422);
    expect(answer.body.errors?.[0]).toEqual({
      pointer: "/requires/0/flag",
      detail: `these flags require each other in a circle: ${[base, `mid-${count}`, top].join(", ")}`,
    });
  });

  test("of two writers at once that would close a circle, one is refused", async () => {
    for (let round = 0; round < 12; round++) {
      const pair = [`a-${count}-${round}`, `b-${count}-${round}`] as const;
      await create(pair[0]);
      await create(pair[1]);
      const answers = await Promise.all([patch(pair[0], needs(pair[1])), patch(pair[1], needs(pair[0]))]);
      expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 422]);
    }
  });

  test("of five at once in a ring, four come in", async () => {
    const ring = Array.from({ length: 5 }, (_, n) => `ring-${count}-${n}`);
    for (const key of ring) await create(key);
    const answers = await Promise.all(
      ring.map((key, n) => patch(key, needs(ring[(n + 1) % ring.length] ?? ""))),
    );
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 200, 200, 200, 422]);
  });
});

describe("what others need", () => {
  test("is not deleted, and who needs it is named", async () => {
    const refused = await system.call("DELETE", `/api/v1/flags/${base}`, { ifMatch: "*" });
    expect(refused.status).toBe(409);
    expect(refused.body.detail).toContain(`is required by ${top}`);
    expect(refused.body["used_by"]).toEqual([top]);
    await patch(top, { requires: null });
    expect((await system.call("DELETE", `/api/v1/flags/${base}`, { ifMatch: "*" })).status).toBe(200);
  });

  test("keeps the variants that are named, and only these", async () => {
    const refused = await patch(base, { variants: [{ key: "small", weight: 1 }] });
    expect(refused.status).toBe(409);
    expect(refused.body.detail).toContain(top);
    expect((await patch(base, { variants: [{ key: "large", weight: 1 }] })).status).toBe(200);
    expect((await patch(base, { variants: null })).status).toBe(409);
  });

  test("can be killed and archived: those that need it go with it", async () => {
    await turnOn(base);
    await turnOn(top);
    await patch(base, { variants: [{ key: "large", weight: 1 }] });
    expect(await explain(top)).toMatchObject({ value: true });
    expect((await system.call("POST", `/api/v1/flags/${base}/archive`)).status).toBe(200);
    expect(await explain(top)).toMatchObject({ value: false, rule: "requires" });
  });

  test("either goes, or is needed, never both", async () => {
    for (let round = 0; round < 8; round++) {
      const needed = `needed-${count}-${round}`;
      await create(needed);
      const [created, removed] = await Promise.all([
        create(`needing-${count}-${round}`, needs(needed)),
        system.call("DELETE", `/api/v1/flags/${needed}`, { ifMatch: "*" }),
      ]);
      expect([
        [201, 409],
        [422, 200],
      ]).toContainEqual([created.status, removed.status]);
    }
  });
});

describe("what plain SQL makes of them is off with its reason, and stops nobody else", () => {
  test("a circle", async () => {
    await create(`other-${count}`, needs(top));
    await system.sql("update feature_flags set requires = $2 where key = $1", [
      base,
      JSON.stringify([{ flag: top }]),
    ]);
    for (const key of [base, top]) {
      expect((await shown(key))["invalid"]).toBe(
        `requires[0].flag: these flags require each other in a circle: ${base}, ${top}`,
      );
      expect(await explain(key)).toMatchObject({ value: false, reason: "ERROR", error_code: "PARSE_ERROR" });
    }
    const other = `other-${count}`;
    expect((await shown(other))["invalid"]).toBeUndefined();
    expect(await invalidAtEdge()).toMatchObject({
      [base]: expect.stringContaining("in a circle") as string,
      [top]: expect.stringContaining("in a circle") as string,
      [other]: undefined,
    });
    // Fixed in the row that was broken.
    expect((await patch(base, { requires: null })).status).toBe(200);
    expect((await shown(top))["invalid"]).toBeUndefined();
  });

  test("a flag that is gone, a variant that is gone", async () => {
    const other = `other-${count}`;
    await create(other, needs(top));
    await system.sql("delete from feature_flags where key = $1", [base]);
    expect((await shown(top))["invalid"]).toBe(`requires[0].flag: there is no flag "${base}"`);
    expect(await invalidAtEdge()).toMatchObject({
      [top]: expect.stringContaining("there is no flag") as string,
      [other]: undefined,
    });
    await create(base);
    expect((await shown(top))["invalid"]).toBe(`requires[0].variant: the flag "${base}" has no such variant`);
    // A broken flag can be changed, except for the broken member.
    expect((await patch(top, { owner: "x" })).status).toBe(422);
    expect((await patch(top, { owner: "x", requires: [{ flag: base }] })).status).toBe(200);
    expect((await shown(top))["invalid"]).toBeUndefined();
  });

  test("a deletion in a transaction that is still open when a flag comes to need it", async () => {
    const needed = `slow-${count}`;
    const needing = `fast-${count}`;
    await create(needed);
    await withClient(system.databaseUrl, async (client) => {
      await client.query("begin");
      await client.query("delete from feature_flags where key = $1", [needed]);
      expect((await create(needing, needs(needed))).status).toBe(201);
      await client.query("commit");
    });
    expect((await shown(needing))["invalid"]).toContain("there is no flag");
    expect((await invalidAtEdge())[needing]).toContain("there is no flag");
  });
});
