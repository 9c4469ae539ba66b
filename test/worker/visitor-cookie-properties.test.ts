import fc from "fast-check";
import { expect, test } from "vitest";
import { createCookieSigner } from "../../worker/identity/visitor/cookie-signer.ts";
import { findCookies } from "../../worker/isolate/find-cookies.ts";
import {
  VISITOR_COOKIE,
  formatVisitorCookie,
  parseVisitorCookie,
  type VisitorCookie,
} from "../../worker/identity/visitor/visitor-cookie.ts";
import { createVisitorIds } from "../../worker/identity/visitor/visitor-ids.ts";
import { runs } from "../support/thoroughness.ts";

const signer = createCookieSigner([{ id: "k1", secret: new Uint8Array(32).fill(7) }]);
const visitorIds = createVisitorIds({ signer, now: () => Date.UTC(2026, 10, 26) });
const id = `anon-${"a".repeat(22)}`;

const characters = (min: number, max: number) =>
  fc.stringMatching(new RegExp(`^[A-Za-z0-9_-]{${min},${max}}$`));
const cookies: fc.Arbitrary<VisitorCookie> = fc.record(
  {
    id: characters(22, 22).map((text) => `anon-${text}`),
    day: fc.integer({ min: 0, max: 999_999 }),
    seal: fc.record({ keyId: characters(1, 32), mac: characters(22, 22) }),
  },
  { requiredKeys: ["id", "day"] },
);

/** Headers made of the pieces that mean something, and of what does not belong there. */
const pieces = [
  VISITOR_COOKIE,
  "=",
  id,
  ".20783",
  ".k1",
  ".",
  "A".repeat(43),
  "A".repeat(22),
  ";",
  "; ",
  ",",
  '"',
  "\u00a0",
];
const headers = fc
  .array(fc.oneof(fc.constantFrom(...pieces), fc.string({ maxLength: 8 })), { maxLength: 30 })
  .map((parts) => parts.join(""));

test("a written cookie is read back", () => {
  fc.assert(
    fc.property(cookies, characters(1, 32), characters(43, 43), (cookie, keyId, mac) => {
      const content = formatVisitorCookie(cookie, keyId);
      expect(parseVisitorCookie(`${content}.${mac}`)).toEqual({ cookie, signature: { keyId, mac, content } });
      const { seal: _seal, ...unsealed } = cookie;
      expect(parseVisitorCookie(formatVisitorCookie(cookie))).toEqual({ cookie: unsealed });
    }),
  );
});

test("an unsigned header never identifies a known visitor and never fails", async () => {
  await fc.assert(
    fc.asyncProperty(headers, async (header) => {
      const { anonymousId, setCookie } = await visitorIds.ofAnonymous(header);
      expect(anonymousId).toMatch(/^anon-[A-Za-z0-9_-]{22}$/);
      expect(anonymousId).not.toBe(id);
      expect(setCookie).toMatch(
        /^__Host-sluice-id=[\w.-]+; Path=\/; Max-Age=31536000; Secure; HttpOnly; SameSite=Lax$/,
      );
    }),
    { numRuns: runs(10_000) },
  );
});

test("only pairs between semicolons are found", () => {
  fc.assert(
    fc.property(headers, (header) => {
      const pairs = header.split(";").map((pair) => pair.replace(/^[ \t]+/, "").replace(/[ \t]+$/, ""));
      const expected = pairs
        .filter((pair) => pair.startsWith(`${VISITOR_COOKIE}=`))
        .map((pair) => pair.slice(VISITOR_COOKIE.length + 1));
      expect(findCookies(header, VISITOR_COOKIE)).toEqual(expected.slice(0, 4));
    }),
    { numRuns: runs(10_000) },
  );
});
