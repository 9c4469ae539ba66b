import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { TOTAL } from "../../shared/bucketing/bucket.ts";
import { redisKey, startApiSystem, type ApiSystem } from "../support/api-system.ts";

let system: ApiSystem;
let key: string;
let flag: string;
let count = 0;

beforeAll(async () => {
  system = await startApiSystem();
});
afterAll(() => system.stop());

beforeEach(async () => {
  key = `flag-${++count}`;
  flag = `/api/v1/flags/${key}`;
  await system.call("POST", "/api/v1/flags", { body: { key } });
});

const patch = (body: unknown) => system.call("PATCH", flag, { body, ifMatch: "*" });
const weigh = (weights: Readonly<Record<string, number>>) =>
  patch({ variants: Object.entries(weights).map(([name, weight]) => ({ key: name, weight })) });

interface Published {
  readonly key: string;
  readonly invalid?: string;
  readonly variants?: readonly {
    readonly key: string;
    readonly ranges: readonly (readonly [number, number])[];
  }[];
}

async function published(): Promise<Published | undefined> {
  const text = String(await system.redisCommand("GET", redisKey("snapshot")));
  return (JSON.parse(text) as { flags: readonly Published[] }).flags.find((one) => one.key === key);
}

/** Whose each of 10,000 places is. */
async function owners(): Promise<readonly (string | undefined)[]> {
  const places = Array.from<string | undefined>({ length: TOTAL });
  for (const variant of (await published())?.variants ?? []) {
    for (const [from, to] of variant.ranges) places.fill(variant.key, from, to);
  }
  return places;
}
const moved = (before: readonly unknown[], after: readonly unknown[]): number =>
  before.filter((owner, place) => owner !== after[place]).length;

describe("variants", () => {
  const VARIANTS = [
    { key: "small", weight: 1, value: { model: "small-1", prompt: "Be brief.\nBe kind: \u00e4 \u{1f600}" } },
    { key: "large", weight: 3, value: null },
    { key: "none", weight: 0 },
  ];

  test("are kept as written, and published as shares of all users", async () => {
    const { status, body } = await patch({ variants: VARIANTS });
    expect([status, body.flag["variants"], body.published]).toEqual([200, VARIANTS, true]);
    expect(await published()).toMatchObject({
      variants: [
        { key: "small", ranges: [[0, 2_500]], value: VARIANTS[0]?.value },
        { key: "large", ranges: [[2_500, 10_000]], value: null },
        { key: "none", ranges: [] },
      ],
    });
  });

  test("can come with the flag; null takes them away, and their shares with them", async () => {
    const other = `${key}-b`;
    const created = await system.call("POST", "/api/v1/flags", { body: { key: other, variants: VARIANTS } });
    expect([created.status, created.body.flag["variants"]]).toEqual([201, VARIANTS]);
    await patch({ variants: VARIANTS });
    await patch({ variants: null });
    expect(await published()).toEqual({ key, enabled: false, rollout_pct: 0 });
    const [row] = await system.sql("select variants, variant_ranges from feature_flags where key = $1", [
      key,
    ]);
    expect(row).toEqual({ variants: [], variant_ranges: {} });
  });

  test("new weights move as few users as possible, through any number of steps", async () => {
    await weigh({ a: 50, b: 50 });
    let before = await owners();
    for (const [weights, share] of [
      [{ a: 40, b: 60 }, 1_000],
      [{ a: 40, b: 50, c: 10 }, 1_000],
      [{ a: 40, b: 40, c: 20 }, 1_000],
      [{ c: 20, b: 40, a: 40 }, 0],
      [{ b: 40, c: 60 }, 4_000],
    ] as const) {
      await weigh(weights);
      const after = await owners();
      expect(moved(before, after)).toBe(share);
      before = after;
    }
  });

  test("another change leaves everybody where they are", async () => {
    await weigh({ a: 50, b: 50 });
    await weigh({ a: 30, b: 70 });
    const before = await owners();
    await patch({ description: "new", targeting: { plans: ["pro"] } });
    expect(moved(before, await owners())).toBe(0);
  });

  test("weights that plain SQL changes are worked out from what was saved", async () => {
    await weigh({ a: 50, b: 50 });
    const before = await owners();
    await system.sql(
      `update feature_flags set variants = '[{"key": "a", "weight": 25}, {"key": "b", "weight": 75}]' where key = $1`,
      [key],
    );
    await expect.poll(async () => moved(before, await owners())).toBe(2_500);
    const after = await owners();
    // Saved with the next write, just as they were published.
    await patch({ owner: "somebody" });
    expect(moved(after, await owners())).toBe(0);
  });

  test.for(["{}", '{"a": "x"}', '{"a": [[0, 5]]}', '{"a": [[0, 10000]], "b": [[0, 10000]]}'])(
    "saved shares that are none (%s) count as none",
    async (ranges) => {
      await weigh({ a: 50, b: 50 });
      await system.sql("update feature_flags set variant_ranges = $2 where key = $1", [key, ranges]);
      const later = await system.call("POST", "/api/v1/flags", { body: { key: `${key}-later` } });
      expect(later.body.published).toBe(true);
      expect((await published())?.variants).toEqual([
        { key: "a", ranges: [[0, 5_000]] },
        { key: "b", ranges: [[5_000, 10_000]] },
      ]);
      expect((await system.call("GET", flag)).body.flag["invalid"]).toBeUndefined();
    },
  );

  test("what changed names no shares, which nobody wrote", async () => {
    const { etag } = await system.call("GET", flag);
    await weigh({ a: 1, b: 1 });
    const late = await system.call("PATCH", flag, { body: {}, ifMatch: etag });
    expect(late.body.changes).toEqual([expect.objectContaining({ changed: ["variants"] })]);
  });
});

describe("what is refused, with where it is", () => {
  const long = JSON.stringify("x".repeat(4_095));
  const deep = `${"[".repeat(11)}${"]".repeat(11)}`;
  test.for([
    ["no list", '{"a": 1}', "/variants"],
    [
      "too many",
      `[${Array.from({ length: 21 }, (_, n) => `{"key": "v${n}", "weight": 1}`).join()}]`,
      "/variants",
    ],
    ["no key", '[{"weight": 1}]', "/variants/0/key"],
    ["a key that is none", '[{"key": "A", "weight": 1}]', "/variants/0/key"],
    ["off", '[{"key": "off", "weight": 1}]', "/variants/0/key"],
    ["a key twice", '[{"key": "a", "weight": 1}, {"key": "a", "weight": 1}]', "/variants/1/key"],
    ["no weight", '[{"key": "a"}]', "/variants/0/weight"],
    ["half a weight", '[{"key": "a", "weight": 0.5}]', "/variants/0/weight"],
    ["a weight too large", '[{"key": "a", "weight": 10001}]', "/variants/0/weight"],
    ["no weight above 0", '[{"key": "a", "weight": 0}]', "/variants"],
    ["ranges", '[{"key": "a", "weight": 1, "ranges": [[0, 10000]]}]', "/variants/0/ranges"],
    ["__proto__", '[{"key": "a", "weight": 1, "__proto__": {}}]', "/variants/0/__proto__"],
    ["a value too long", `[{"key": "a", "weight": 1, "value": ${long}}]`, "/variants/0/value"],
    ["a value too deep", `[{"key": "a", "weight": 1, "value": ${deep}}]`, "/variants/0/value"],
    [
      "__proto__ in a value",
      '[{"key": "a", "weight": 1, "value": {"x": {"__proto__": 1}}}]',
      "/variants/0/value/x/__proto__",
    ],
    ["an infinite number", '[{"key": "a", "weight": 1, "value": [1e400]}]', "/variants/0/value/0"],
    ["a NUL", '[{"key": "a", "weight": 1, "value": "\\u0000"}]', "/variants/0/value"],
    [
      "a lone surrogate as a name",
      '[{"key": "a", "weight": 1, "value": {"\\ud800": 1}}]',
      "/variants/0/value/\ufffd",
    ],
  ] as const)("%s", async ([, variants, pointer]) => {
    for (const answer of [
      await patch(`{"variants": ${variants}}`),
      await system.call("POST", "/api/v1/flags", { body: `{"key": "fresh", "variants": ${variants}}` }),
    ]) {
      expect([answer.status, answer.body.errors?.[0]?.pointer]).toEqual([422, pointer]);
      expect(answer.text).not.toContain("^[a-z]");
    }
  });

  test("taking a variant away that a rule of the flag names", async () => {
    const rules = [{ id: "r", if: { plan: "pro" }, variant: "b" }];
    await weigh({ a: 1, b: 1 });
    expect((await patch({ targeting: { rules } })).status).toBe(200);
    const refused = await weigh({ a: 1 });
    expect([refused.status, refused.body.errors?.[0]?.pointer]).toEqual([422, "/targeting/rules/0/variant"]);
    const both = await patch({ variants: [{ key: "a", weight: 1 }], targeting: { rules: null } });
    expect(both.status).toBe(200);
  });
});
