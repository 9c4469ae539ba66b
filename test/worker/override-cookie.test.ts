import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  findOverrideToken,
  overrideCookie,
  withoutOverrideCookie,
} from "../../worker/override/override-cookie.ts";
import { runs } from "../support/thoroughness.ts";

const OURS = "__Host-sluice-override";
const pairs = fc.array(
  fc.oneof(
    fc.constantFrom(`${OURS}=a.b.c`, `${OURS}=`, `x${OURS}=1`, `${OURS}x=1`, `a=${OURS}=1`, OURS, "", "="),
    fc.stringMatching(/^[!-~]{0,12}$/).map((text) => text.replaceAll(";", "")),
  ),
  { maxLength: 8 },
);
const blanks = fc.stringMatching(/^[ \t]{0,3}$/);
const headers = fc.tuple(pairs, fc.array(blanks, { minLength: 8, maxLength: 8 })).map(([list, before]) =>
  list
    .map((pair, at) => `${before[at] ?? ""}${pair}`)
    .join(";")
    .trim(),
);

describe("in any Cookie header", () => {
  it("our cookie is removed, and every other cookie stays", () => {
    fc.assert(
      fc.property(headers, (header) => {
        const left = withoutOverrideCookie(header);
        expect(findOverrideToken(left)).toBeUndefined();
        const others = header.split(";").filter((pair) => !pair.trim().startsWith(`${OURS}=`));
        expect(left.trim()).toBe(others.join(";").trim());
        if (findOverrideToken(header) === undefined) expect(left).toBe(header);
      }),
      { numRuns: runs(2_000) },
    );
  });

  it("a token that was set is found", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[\w.-]{1,40}$/), headers, (token, header) => {
        const [pair = ""] = overrideCookie(token, 60).split(";");
        expect(findOverrideToken(`${pair}; ${header}`)).toBe(token);
      }),
    );
  });

  it.each([
    ["pairs", "a=b; ".repeat(20_000)],
    ["blanks", `a=b;${" ".repeat(100_000)}c=d`],
    ["semicolons", ";".repeat(100_000)],
    ["our name without an end", `${OURS}=`.repeat(5_000)],
    ["our pairs", `${OURS}=x; `.repeat(5_000)],
  ])("100 KB of %s are read to their end", (_name, header) => {
    expect(findOverrideToken(`${withoutOverrideCookie(header)}; ${OURS}=last`)).toBe("last");
  });
});
