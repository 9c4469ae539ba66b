import { describe, expect, test } from "vitest";
import { compile, type Compiled } from "../../shared/compile/compile.ts";
import { compileCondition } from "../../shared/condition/condition.ts";
import type { Fault } from "../../shared/flag/fault.ts";
import { MAX_DEPTH, MAX_NODES } from "../../shared/condition/condition-compiler.ts";
import { withTargetingKey } from "../../shared/flag/context.ts";
import { computeBuckets, decide, decisionOf } from "../../shared/evaluate/evaluate.ts";
import { explain } from "../../shared/evaluate/explain.ts";
import { faultText } from "../../shared/flag/fault.ts";
import type { Decision } from "../../shared/flag/reason.ts";
import { compileRegex } from "../../shared/condition/regex/compile-regex.ts";
import { MAX_POSITIONS } from "../../shared/condition/regex/position-automaton.ts";
import { SCHEMA } from "../../shared/snapshot/snapshot.ts";

const LEVELS = 10_000;
const MEGABYTE = 2 ** 20;

/** The fault of a condition. Its text must be short for any input. */
function faultOf(condition: unknown): Fault {
  const compiled = compileCondition(condition, () => undefined);
  if (!("fault" in compiled)) throw new Error("the condition was accepted");
  expect(compiled.fault.path.length).toBeLessThanOrEqual(MAX_DEPTH + 1);
  expect(compiled.fault.detail.length).toBeLessThan(600);
  return compiled.fault;
}

const parsed = (json: string): unknown => JSON.parse(json);

const nested = (open: string, close: string, inner = "1"): unknown =>
  parsed(open.repeat(LEVELS) + inner + close.repeat(LEVELS));

/** A value that counts how often one of its members is read. */
function counting(value: object): { readonly value: object; readonly looks: () => number } {
  let looks = 0;
  const counted = new Proxy(value, {
    get: (target, name, receiver) => {
      looks += 1;
      return Reflect.get(target, name, receiver) as unknown;
    },
  });
  return { value: counted, looks: () => looks };
}

const BYSTANDER = { key: "bystander", enabled: true, rollout_pct: 100 };

/** A flag with this condition in its second rule, and a valid flag. */
const snapshotWith = (condition: unknown, segments: readonly unknown[] = []): Compiled =>
  compile({
    schema: SCHEMA,
    flags: [
      {
        key: "hostile",
        enabled: true,
        rollout_pct: 100,
        targeting: {
          rules: [
            { id: "sound", if: {}, rollout_pct: 100 },
            { id: "hostile", if: condition, off: true },
          ],
        },
      },
      BYSTANDER,
    ],
    segments,
  });

async function decided(compiled: Compiled, key: string): Promise<Decision> {
  const context = withTargetingKey({ userId: "user-1" });
  const decision = decisionOf(
    compiled,
    decide(compiled, context, await computeBuckets(compiled, context)),
    key,
  );
  expect((await explain(compiled, key, context)).decision).toStrictEqual(decision);
  return decision;
}

async function expectOffAlone(compiled: Compiled): Promise<void> {
  expect(await decided(compiled, "hostile")).toStrictEqual({
    value: false,
    variant: "off",
    reason: "ERROR",
    errorCode: "PARSE_ERROR",
  });
  expect(await decided(compiled, "bystander")).toMatchObject({ value: true });
  const { fault } = compiled.flags.find(({ key }) => key === "hostile") ?? {};
  expect(fault?.path.slice(0, 4)).toStrictEqual(["targeting", "rules", 1, "if"]);
  expect(fault && faultText(fault).length).toBeLessThan(1_000);
}

describe(`${LEVELS} levels deep`, () => {
  test.for([
    ["$not of conditions", '{"$not":', "}", '{"a":1}'],
    ["$and", '{"$and":[', "]}", '{"a":1}'],
    ["$or beside another member", '{"b":1,"$or":[{},', "]}", '{"a":1}'],
    ["$elemMatch", '{"a":{"$elemMatch":', "}}", '{"a":1}'],
  ] as const)("%s", async ([, open, close, inner]) => {
    const condition = nested(open, close, inner);
    expect(faultOf(condition).detail).toBe(`must not be nested more than ${MAX_DEPTH} deep`);
    await expectOffAlone(snapshotWith(condition));
  });

  test.for([
    ["$not of values", { a: nested('{"$not":', "}") }],
    ["$all", { a: nested('{"$all":[', "]}") }],
    ["a list", { a: nested("[", "]") }],
    ["an object", { a: nested('{"b":', "}") }],
    ["a list in $ne", { a: { $ne: nested("[", "]") } }],
  ] as const)("%s", async ([, condition]) => {
    expect(faultOf(condition).path).toHaveLength(MAX_DEPTH + 1);
    await expectOffAlone(snapshotWith(condition));
  });

  test("an attribute: a condition only reads as deep as it needs", () => {
    const deep = { a: nested('{"b":', "}"), list: nested("[", "]") };
    const compiled = compileCondition(
      {
        "a.b.b": { $ne: { b: { b: 1 } } },
        a: { $type: "object" },
        list: { $elemMatch: { $not: { $size: 2 } } },
      },
      () => undefined,
    );
    expect("condition" in compiled && compiled.condition(deep)).toBe(true);
  });

  test("a condition that contains itself", async () => {
    const condition: Record<string, unknown> = {};
    condition["$not"] = condition;
    expect(faultOf(condition).path).toHaveLength(MAX_DEPTH + 1);
    await expectOffAlone(snapshotWith(condition));
  });
});

describe("a megabyte", () => {
  const LONG = "x".repeat(MEGABYTE);
  const many = Array.from({ length: MEGABYTE / 8 }, (_, a) => ({ a }));

  test.for([
    ["a value", { a: LONG }, ["a"]],
    ["an argument", { a: { $startsWith: LONG } }, ["a", "$startsWith"]],
    ["a pattern", { a: { $regex: LONG } }, ["a", "$regex"]],
    ["a version", { a: { $vgt: "1.".repeat(MEGABYTE / 2) } }, ["a", "$vgt"]],
    ["a timestamp", { a: { $after: `2026-01-01T00:00:00.${"0".repeat(MEGABYTE)}X` } }, ["a", "$after"]],
    ["a segment's name", { a: { $inGroup: LONG } }, ["a", "$inGroup"]],
    ["a type", { a: { $type: LONG } }, ["a", "$type"]],
    ["an item", { a: { $in: [LONG] } }, ["a", "$in", 0]],
    ["an operator", { a: { [`$${LONG}`]: 1 } }, ["a", `$${LONG}`]],
    ["a path", { [LONG]: 1 }, [LONG]],
    ["a path of many parts", { ["a.".repeat(MEGABYTE / 2)]: 1 }, ["a.".repeat(MEGABYTE / 2)]],
    ["items of $in", { a: { $in: many.map(({ a }) => a) } }, ["a", "$in"]],
  ] as const)("%s", async ([, condition, path]) => {
    expect(faultOf(condition).path).toStrictEqual(path);
    await expectOffAlone(snapshotWith(condition));
  });

  test.for([
    ["conditions of $or", (list: object) => ({ $or: list })],
    ["values of $all", (list: object) => ({ a: { $all: list } })],
    ["a list to compare with", (list: object) => ({ a: list })],
    ["a list within one", (list: object) => ({ a: { $ne: { b: list } } })],
  ] as const)("%s: reading stops at the limit of a condition", async ([, around]) => {
    const { value, looks } = counting(many);
    expect(faultOf(around(value)).detail).toContain(`${MAX_NODES} operators and compared values`);
    expect(looks()).toBeLessThan(4 * MAX_NODES);
    await expectOffAlone(snapshotWith(around(many)));
  });

  test("members", async () => {
    const members = Object.fromEntries(many.map(({ a }) => [`a${a}`, a]));
    expect(faultOf(members).path).toStrictEqual([`a${MAX_NODES}`]);
    await expectOffAlone(snapshotWith(members));
  });
});

describe("regular expressions", () => {
  test.for([
    "(.*)*x",
    "(a*)*",
    "(b?)+",
    "(.*a){20}.*(.*)*",
    "(a|a?)+$",
    "a{100000}",
    "(?:a{1,1000}){1,1000}",
    "((a{9}){9}){9}",
    "a{4294967296}",
    `${"(".repeat(120)}a${"+)".repeat(60)}`,
  ])("%s is refused", async (pattern) => {
    const { path, detail } = faultOf({ email: { $regex: pattern } });
    expect(path).toStrictEqual(["email", "$regex"]);
    expect(detail).toMatch(/may be empty|when its repetitions are written out|is not closed|longer than/);
    await expectOffAlone(snapshotWith({ email: { $regex: pattern } }));
  });

  /** A text that counts how often one of its characters is read. */
  function countingText(text: string): { readonly text: string; readonly looks: () => number } {
    let looks = 0;
    const counted = {
      length: text.length,
      charCodeAt: (index: number) => {
        looks += 1;
        return text.charCodeAt(index);
      },
    };
    return { text: counted as unknown as string, looks: () => looks };
  }

  // For these patterns the time of backtracking engines grows with a power of the text's length, or exponentially.
  test.for([
    ["a*a*a*a*b", "a"],
    ["(?:a?){100}a{100}b", "a"],
    ["(a{0,5}){0,40}b", "a"],
    [".*.*.*=.*x", "="],
    ["\\s+$x", " "],
    ["^(?:a|b)*a(?:a|b){40}c", "ab"],
    ["(?:[a-z0-9-]+\\.)+example\\.com$", "a."],
    ["x[^y]{0,120}y", "x"],
    ["(?:ab|a)*c", "ab"],
    ["(a+)+b", "a"],
    ["(a|a)*b", "a"],
    ["(a|aa)+b", "a"],
    ["([a-zA-Z]+)*1", "aB"],
    ["^(([a-z])+.)+[A-Z]([a-z])+$", "a"],
    ["(x+x+)+y", "x"],
    ["(.*a){20}.*(.+)*b", "a"],
    ["^(\\w+\\s?)*$", "a !"],
    ["^(\\w+\\.?)+@", "a."],
    ["(?:\\s*,\\s*)*x", " ,"],
    ["((((((((((a+)+)+)+)+)+)+)+)+)+)+b", "a"],
    ["(?:aa|aaa)*b", "a"],
    [`${"(?:".repeat(50)}a${"+)".repeat(50)}b`, "a"],
    [`(?:${"a?".repeat(120)}a)+b`, "a"],
    ["(?:(?:a{1,15}){1,16})+b", "a"],
  ] as const)("%s: every character is read at most once", ([pattern, part]) => {
    const compiled = compileRegex(pattern, false);
    if ("problem" in compiled) throw new Error(compiled.problem);
    expect(compiled.size).toBeLessThanOrEqual(MAX_POSITIONS);
    const { text, looks } = countingText(part.repeat(100_000 / part.length));
    expect(compiled.test(text)).toBe(false);
    expect(looks()).toBeLessThanOrEqual(100_000);
  });
});

describe("names with a meaning in JavaScript", () => {
  const NAMES = [
    "__proto__",
    "constructor",
    "hasOwnProperty",
    "toString",
    "valueOf",
    "prototype",
    "__defineGetter__",
  ];

  test.for(NAMES)("%s", async (name) => {
    const member = (value: unknown): unknown => parsed(`{${JSON.stringify(name)}:${JSON.stringify(value)}}`);

    const asked = compileCondition(member({ $exists: true }), () => undefined);
    if (!("condition" in asked)) throw new Error("refused");
    expect(asked.condition({})).toBe(false);
    expect(asked.condition({ a: 1 })).toBe(false);
    expect(asked.condition(member(1) as Record<string, unknown>)).toBe(true);

    // As an operator, as a member next to operators, as a segment.
    expect(faultOf(parsed(`{"a":{${JSON.stringify(`$${name}`)}:1}}`)).path).toStrictEqual(["a", `$${name}`]);
    expect(faultOf({ a: { $gt: 1, ...(member(1) as object), [name]: 1 } }).path).toStrictEqual(["a"]);
    expect(faultOf({ a: { $inGroup: name } }).path).toStrictEqual(["a", "$inGroup"]);

    // As a member of a rule, of targeting and of a flag.
    const flag = `{"key":"hostile","enabled":true,"rollout_pct":100`;
    for (const json of [
      `${flag},${JSON.stringify(name)}:{"enabled":true}}`,
      `${flag},"targeting":{${JSON.stringify(name)}:{"employees_only":true}}}`,
      `${flag},"targeting":{"rules":[{"id":"a","if":{},"off":true,${JSON.stringify(name)}:1}]}}`,
      `${flag},"requires":[{"flag":"bystander",${JSON.stringify(name)}:1}]}`,
      `${flag},"variants":[{"key":"a","ranges":[[0,10000]],${JSON.stringify(name)}:1}]}`,
    ]) {
      const compiled = compile({ schema: SCHEMA, flags: [parsed(json), BYSTANDER] });
      expect(await decided(compiled, "hostile")).toMatchObject({ value: false, errorCode: "PARSE_ERROR" });
      expect(await decided(compiled, "bystander")).toMatchObject({ value: true });
      expect(faultText(compiled.flags[1]?.fault ?? { path: [], detail: "" })).toContain(name);
    }
    expect(Object.keys(Object.prototype)).toStrictEqual([]);
  });
});

describe("circular references", () => {
  const asks = (name: string, other: string): object => ({ name, condition: { a: { $inGroup: other } } });

  test.for([
    ["a segment of itself", [asks("one", "one")]],
    ["two of each other", [asks("one", "two"), asks("two", "one")]],
    [
      "a long circle",
      Array.from({ length: 2_000 }, (_, at) => asks(`s${at}`, `s${(at + 1) % 2_000}`)).concat(
        asks("one", "s0"),
      ),
    ],
    ["within $not", [{ name: "one", condition: { $not: { a: { $notInGroup: "one" } } } }]],
  ] as const)("%s", async ([, segments]) => {
    const compiled = snapshotWith({ a: { $inGroup: "one" } }, segments);
    await expectOffAlone(compiled);
    expect(compiled.flags[1]?.fault?.detail).toBe('the segment "one" is not valid');
  });

  test("ten thousand flags in a circle, and ten thousand in a chain", async () => {
    const flags = Array.from({ length: LEVELS }, (_, at) => ({
      key: `f${at}`,
      enabled: true,
      rollout_pct: 100,
      requires: [{ flag: `f${(at + 1) % LEVELS}` }],
    }));
    const circle = compile({ schema: SCHEMA, flags: [...flags, BYSTANDER] });
    expect(circle.flags.filter(({ fault }) => fault === undefined).map(({ key }) => key)).toStrictEqual([
      "bystander",
    ]);
    expect(await decided(circle, "bystander")).toMatchObject({ value: true });
    expect(circle.flags[1]?.fault?.detail.length).toBeLessThan(200);

    const chain = compile({
      schema: SCHEMA,
      flags: [...flags.slice(0, -1), { ...BYSTANDER, key: `f${LEVELS - 1}` }],
    });
    expect(await decided(chain, "f0")).toMatchObject({ value: true });
  });
});
