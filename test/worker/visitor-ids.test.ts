import { describe, expect, it } from "vitest";
import { createCookieSigner } from "../../worker/identity/visitor/cookie-signer.ts";
import type { SigningKeys } from "../../shared/x-flags/signing-keys.ts";
import { createVisitorIds, type VisitorIdOptions } from "../../worker/identity/visitor/visitor-ids.ts";

const DAY_MS = 86_400_000;
const noon = Date.UTC(2026, 10, 26, 12);
const today = Math.floor(noon / DAY_MS);
const key = (id: string, byte = 1) => ({ id, secret: new Uint8Array(32).fill(byte) });
const keys: SigningKeys = [key("k1")];
const fresh = /^anon-[\w-]{22}$/;
const mine = `anon-${"m".repeat(22)}`;

function visitorIds(signingKeys: SigningKeys | undefined = keys, more: Partial<VisitorIdOptions> = {}) {
  return createVisitorIds({
    ...(signingKeys !== undefined && { signer: createCookieSigner(signingKeys) }),
    now: () => noon,
    ...more,
  });
}
const unsigned = (now = noon) => createVisitorIds({ now: () => now });

/** The pair that a browser sends back. */
const pairOf = (setCookie: string | undefined): string => setCookie?.split(";")[0] ?? "";
const pair = (value: string): string => `__Host-sluice-id=${value}`;

describe("without keys", () => {
  it("an id is kept with its day, and sent again after 30 days", async () => {
    for (const [age, renewed] of [
      [0, false],
      [30, false],
      [31, true],
      [400, true],
      [-1, false],
      [-2, true],
    ] as const) {
      const { anonymousId, setCookie } = await unsigned().ofAnonymous(pair(`${mine}.${today - age}`));
      expect(anonymousId).toBe(mine);
      expect(pairOf(setCookie)).toBe(renewed ? pair(`${mine}.${today}`) : "");
    }
  });

  it("an id without a day is kept, and gets one", async () => {
    const { anonymousId, setCookie } = await unsigned().ofAnonymous(pair(mine));
    expect(anonymousId).toBe(mine);
    expect(pairOf(setCookie)).toBe(pair(`${mine}.${today}`));
  });

  it("a cookie from a time with keys is kept unchanged", async () => {
    const signed = await visitorIds().ofAnonymous(null);
    const { anonymousId, setCookie } = await unsigned().ofAnonymous(pairOf(signed.setCookie));
    expect(anonymousId).toBe(signed.anonymousId);
    expect(setCookie).toBeUndefined();
  });
});

describe("with keys", () => {
  it("a new id is signed, kept, and sent again after 30 days", async () => {
    const first = await visitorIds().ofAnonymous(null);
    expect(first.anonymousId).toMatch(fresh);
    expect(first.setCookie).toMatch(
      new RegExp(
        `^__Host-sluice-id=${first.anonymousId}\\.${today}\\.k1\\.[\\w-]{43}; Path=/; Max-Age=31536000; Secure; HttpOnly; SameSite=Lax$`,
      ),
    );
    const cookie = pairOf(first.setCookie);
    expect(await visitorIds().ofAnonymous(cookie)).toEqual({ anonymousId: first.anonymousId });
    const later = await visitorIds(keys, { now: () => noon + 31 * DAY_MS }).ofAnonymous(cookie);
    expect(later.anonymousId).toBe(first.anonymousId);
    expect(later.setCookie).toContain(`${first.anonymousId}.${today + 31}.k1.`);
  });

  const forged: readonly [name: string, forge: (signed: string) => string][] = [
    ["none", () => ""],
    ["an unsigned one", () => pair(mine)],
    ["an unsigned one with a day", () => pair(`${mine}.${today}`)],
    ["another id under a signature", (signed) => signed.replace(/anon-[\w-]{22}/, mine)],
    ["another day under a signature", (signed) => signed.replace(`.${today}.`, `.${today + 1}.`)],
    ["another key's name", (signed) => signed.replace(".k1.", ".k2.")],
    ["a key's name that every object has", (signed) => signed.replace(".k1.", ".__proto__.")],
    ["another signature", (signed) => `${signed.slice(0, -43)}${"A".repeat(43)}`],
    ["half a signature", (signed) => signed.slice(0, -20)],
    ["a signature of no bytes", (signed) => signed.slice(0, -43)],
    ["without its key", (signed) => signed.replace(".k1.", ".")],
    ["a seal that was put in", (signed) => signed.replace(".k1.", `.k1.${"s".repeat(22)}.k1.`)],
    ["more behind it", (signed) => `${signed}.x`],
    ["a blank in it", (signed) => signed.replace(".k1.", ". k1.")],
    ["100 KB", (signed) => `${signed}${"A".repeat(100_000)}`],
    ["100 KB of dots", () => pair(`${mine}${".1".repeat(50_000)}`)],
  ];
  it.each(forged)("is replaced by a new one: %s", async (_name, forge) => {
    const signed = await visitorIds().ofAnonymous(null);
    const { anonymousId, setCookie } = await visitorIds().ofAnonymous(forge(pairOf(signed.setCookie)));
    expect(anonymousId).toMatch(fresh);
    expect([mine, signed.anonymousId]).not.toContain(anonymousId);
    expect(setCookie).toContain(`${anonymousId}.`);
  });

  it("every character counts", async () => {
    const { anonymousId, setCookie } = await visitorIds().ofAnonymous(null);
    const cookie = pairOf(setCookie);
    const from = pair("").length;
    for (let at = from; at < cookie.length; at++) {
      for (const other of ["A", "z", "0", "-", ".", "~"]) {
        if (cookie[at] === other) continue;
        const changed = `${cookie.slice(0, at)}${other}${cookie.slice(at + 1)}`;
        const visitorId = await visitorIds().ofAnonymous(changed);
        // The last one of a signature has two bits too many: another spelling of the same.
        const isSpelling = at === cookie.length - 1 && visitorId.anonymousId === anonymousId;
        expect(visitorId.anonymousId === anonymousId).toBe(isSpelling);
      }
      expect((await visitorIds().ofAnonymous(cookie.slice(0, at))).anonymousId).not.toBe(anonymousId);
    }
  });

  it("a cookie that another secret signed under the same key id is replaced", async () => {
    const theirs = await visitorIds([key("k1", 2)]).ofAnonymous(null);
    expect((await visitorIds().ofAnonymous(pairOf(theirs.setCookie))).anonymousId).not.toBe(
      theirs.anonymousId,
    );
  });

  it("of several cookies the first valid one counts", async () => {
    const a = await visitorIds().ofAnonymous(null);
    const b = await visitorIds().ofAnonymous(null);
    const header = [pair(mine), pairOf(a.setCookie), pairOf(b.setCookie)].join("; ");
    expect(await visitorIds().ofAnonymous(header)).toEqual({ anonymousId: a.anonymousId });
  });

  it("unsigned cookies are accepted and signed until UNSIGNED_COOKIES_UNTIL", async () => {
    const cookie = pair(mine);
    const before = await visitorIds(keys, { unsignedUntil: noon + 1 }).ofAnonymous(cookie);
    expect(before.anonymousId).toBe(mine);
    expect(before.setCookie).toContain(`${mine}.${today}.k1.`);
    const after = visitorIds(keys, { unsignedUntil: noon });
    expect((await after.ofAnonymous(cookie)).anonymousId).not.toBe(mine);
    expect(await after.ofAnonymous(pairOf(before.setCookie))).toEqual({ anonymousId: mine });
    // A forged signature is none from before there were keys.
    const grace = visitorIds(keys, { unsignedUntil: noon + 1 });
    const bad = pair(`${mine}.${today}.k1.${"A".repeat(43)}`);
    expect((await grace.ofAnonymous(bad)).anonymousId).not.toBe(mine);
  });

  it("a newer key signs the cookie again; a cookie of a removed key is replaced", async () => {
    const first = await visitorIds([key("old", 1)]).ofAnonymous(null);
    const both = await visitorIds([key("new", 2), key("old", 1)]).ofAnonymous(pairOf(first.setCookie));
    expect(both.anonymousId).toBe(first.anonymousId);
    expect(both.setCookie).toContain(".new.");
    const after = visitorIds([key("new", 2)]);
    expect(await after.ofAnonymous(pairOf(both.setCookie))).toEqual({ anonymousId: first.anonymousId });
    expect((await after.ofAnonymous(pairOf(first.setCookie))).anonymousId).not.toBe(first.anonymousId);
  });
});
