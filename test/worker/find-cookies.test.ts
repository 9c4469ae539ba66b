import { describe, expect, it } from "vitest";
import { findCookies } from "../../worker/isolate/find-cookies.ts";

const name = "__Host-sluice-id";

describe("findCookies", () => {
  it.each<[string, string | null, readonly string[]]>([
    ["no header", null, []],
    ["an empty header", "", []],
    ["alone", `${name}=1`, ["1"]],
    ["among others", `a=b; ${name}=1; c=d`, ["1"]],
    ["without a blank", `a=b;${name}=1;c=d`, ["1"]],
    ["with blanks and tabs", `a=b; \t ${name}=1 \t; c=d`, ["1"]],
    ["empty", `${name}=; a=b`, [""]],
    ["with a = in it", `${name}=1=2`, ["1=2"]],
    ["several, in their order", `${name}=1; a=b; ${name}=2`, ["1", "2"]],
    ["four at most", Array.from({ length: 9 }, (_, at) => `${name}=${at}`).join("; "), ["0", "1", "2", "3"]],
  ])("%s", (_name, header, expected) => {
    expect(findCookies(header, name)).toEqual(expected);
  });

  // What a neighbouring host can set for the whole domain, in spite of the prefix.
  it.each([
    ["the end of another name", `x${name}=1`],
    ["another case", `__host-sluice-id=1`],
    ["a value that spells it", `a=${name}=1`],
    ["a value that spells it behind a comma", `a=b, ${name}=1`],
    ["a value that spells it behind a blank", `a=b ${name}=1`],
    ["a quoted value that spells it", `a="b ${name}=1"`],
    ["a blank of Unicode's before it", `\u00a0${name}=1`],
    ["the same, not the first", `a=b; \u2000${name}=1`],
    ["a vertical tab before it", `a=b; \v${name}=1`],
    ["a blank before the =", `${name} =1`],
    ["another sign for =", `${name}\uff1d1`],
  ])("finds no cookie in %s", (_name, header) => {
    expect(findCookies(header, name)).toEqual([]);
  });

  it("reads any 100 KB in linear time", () => {
    for (const piece of [`${name}=`, `x${name}=`, ";", " ", "; ", ";   ", "a"]) {
      const header = piece.repeat(Math.ceil(100_000 / piece.length));
      expect(findCookies(`${header}; ${name}=1`, name).length).toBeLessThanOrEqual(4);
    }
  });
});
