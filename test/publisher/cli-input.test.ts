import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { collectAttributes, withAttributes } from "../../publisher/cli/input/attribute.ts";
import { parseCsv } from "../../publisher/cli/input/text/csv.ts";
import { findJsonFault } from "../../publisher/cli/input/text/json-fault.ts";

describe("the position of a JSON error", () => {
  test.each([
    { text: "", line: 1, column: 1, isEnd: true },
    { text: " \n ", line: 2, column: 2, isEnd: true },
    { text: "{a: 1}", line: 1, column: 2, isEnd: false },
    { text: '{"a": 1,}', line: 1, column: 9, isEnd: false },
    { text: '{"a" 1}', line: 1, column: 6, isEnd: false },
    { text: '{"a": 1]', line: 1, column: 8, isEnd: false },
    { text: "[1, 2", line: 1, column: 6, isEnd: true },
    { text: "[,]", line: 1, column: 2, isEnd: false },
    { text: "[1 2]", line: 1, column: 4, isEnd: false },
    { text: '{\n  "a": tru\n}', line: 2, column: 8, isEnd: false },
    { text: '{"a": "x\ny"}', line: 1, column: 7, isEnd: false },
    { text: String.raw`{"a": "\q"}`, line: 1, column: 7, isEnd: false },
    { text: '{"a": 01}', line: 1, column: 7, isEnd: false },
    { text: '{"a": 1} {"a": 2}', line: 1, column: 10, isEnd: false },
    { text: "\u00a0{}", line: 1, column: 1, isEnd: false },
  ])("$text: line $line, column $column", ({ text, ...fault }) => {
    expect(() => JSON.parse(text) as unknown).toThrow(SyntaxError);
    expect(findJsonFault(text)).toEqual(fault);
  });

  test("is at the end for every text that was cut off", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.nat(), (value, at) => {
        const whole = JSON.stringify(value, null, 1);
        const cut = whole.slice(0, at % whole.length);
        const { line, column } = findJsonFault(cut);
        // A string or a word that was cut off is faulty from where it begins.
        const lines = cut.split("\n");
        expect(line).toBe(lines.length);
        expect(column).toBeLessThanOrEqual((lines.at(-1)?.length ?? 0) + 1);
      }),
    );
  });

  test("is found in megabytes, and in a hundred thousand levels", () => {
    expect(findJsonFault(`{"a": "${"x".repeat(8_000_000)}" 1}`)).toMatchObject({ column: 8_000_010 });
    expect(findJsonFault("[".repeat(100_000))).toEqual({ line: 1, column: 100_001, isEnd: true });
  });
});

describe("an attribute", () => {
  test.each([
    { text: "country=DE", context: { country: "DE" } },
    { text: "age=18", context: { age: 18 } },
    { text: "score=-0.5", context: { score: -0.5 } },
    { text: "beta=true", context: { beta: true } },
    { text: "gone=null", context: { gone: null } },
    { text: 'word="true"', context: { word: "true" } },
    { text: 'roles=["a","b"]', context: { roles: ["a", "b"] } },
    { text: "words=two words", context: { words: "two words" } },
    { text: "formula=a=b", context: { formula: "a=b" } },
    { text: "empty=", context: { empty: "" } },
    { text: "broken={", context: { broken: "{" } },
    { text: "company.size=5", context: { company: { size: 5 } } },
    // What would lose something as a number is a text.
    { text: "version=1.10", context: { version: "1.10" } },
    { text: "zip=01067", context: { zip: "01067" } },
    { text: "id=12345678901234567890", context: { id: "12345678901234567890" } },
    // Always a text.
    { text: "userId=42", context: { userId: "42" } },
    { text: "plan=true", context: { plan: "true" } },
  ])("$text", ({ text, context }) => {
    expect(withAttributes({}, collectAttributes(text))).toEqual(context);
  });

  test("goes beside others in the same object", () => {
    const attributes = collectAttributes("company.plan=pro", collectAttributes("company.size=5"));
    expect(withAttributes({ company: { name: "acme" } }, attributes)).toEqual({
      company: { name: "acme", size: 5, plan: "pro" },
    });
  });

  test.each(["country", "=DE", ".a=1", "a..b=1", "a b=1", "$or=1", "__proto__=1", "a.__proto__.b=1"])(
    "%s is none",
    (text) => {
      expect(() => collectAttributes(text)).toThrow(/name/i);
    },
  );
});

describe("CSV", () => {
  test.each([
    {
      text: "a,b\n1,2\n",
      records: [
        ["a", "b"],
        ["1", "2"],
      ],
    },
    {
      text: "a,b\r\n1,2",
      records: [
        ["a", "b"],
        ["1", "2"],
      ],
    },
    { text: '"x,1","say ""hi""\nthere"\n', records: [["x,1", 'say "hi"\nthere']] },
    { text: "a\n\n\nb\n", records: [["a"], ["b"]] },
    {
      text: "a,b\n1,\n,\n",
      records: [
        ["a", "b"],
        ["1", ""],
        ["", ""],
      ],
    },
    { text: '""\n', records: [[""]] },
    { text: "", records: [] },
  ])("$text", ({ text, records }) => {
    const parsed = parseCsv(text);
    expect("faultyLine" in parsed ? parsed : parsed.map(({ fields }) => fields)).toEqual(records);
  });

  test("knows the line that each record begins on", () => {
    const parsed = parseCsv('a\n"two\nlines"\n\nb\n');
    expect("faultyLine" in parsed ? parsed : parsed.map(({ line }) => line)).toEqual([1, 2, 5]);
  });

  test.each([
    { text: 'a\n"b', line: 2 },
    { text: 'a,b"c\n', line: 1 },
    { text: 'a\nb\n"c"d\n', line: 3 },
  ])("$text is not CSV, at line $line", ({ text, line }) => {
    expect(parseCsv(text)).toEqual({ faultyLine: line });
  });

  test("returns every field unchanged", () => {
    const field = fc.string();
    fc.assert(
      fc.property(fc.array(fc.array(field, { minLength: 2, maxLength: 4 })), (rows) => {
        const quoted = rows.map((row) => row.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(","));
        const parsed = parseCsv(quoted.join("\r\n"));
        expect("faultyLine" in parsed ? parsed : parsed.map(({ fields }) => fields)).toEqual(rows);
      }),
    );
  });
});
