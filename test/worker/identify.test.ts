import { describe, expect, it } from "vitest";
import type { WorkerFault } from "../../worker/isolate/fault.ts";
import { createIdentify } from "../../worker/identity/identify.ts";
import type { JwtIdentity } from "../../worker/identity/jwt/jwt-claims.ts";
import type { JwtReader } from "../../worker/identity/jwt/jwt-reader.ts";
import { strip } from "../../worker/identity/strip.ts";
import { createVisitorIds } from "../../worker/identity/visitor/visitor-ids.ts";

const secret = "a secret of 26 characters";
const previous = "the one from before";
const kept = `anon-${"k".repeat(22)}`;
const other = `anon-${"o".repeat(22)}`;
const today = Math.floor(Date.now() / 86_400_000);

const base64url = (bytes: Uint8Array): string =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
const claim = (json: string): string => base64url(new TextEncoder().encode(json));

async function identified(
  headers: HeadersInit,
  contextSecret: string | null = secret,
  cf: CfProperties = {},
  readJwt?: JwtReader,
) {
  const faults: WorkerFault[] = [];
  const identify = createIdentify({
    contextSecrets: contextSecret === null ? [] : [contextSecret, previous],
    ...(readJwt !== undefined && { readJwt }),
    visitorIds: createVisitorIds({}),
    report: (fault) => void faults.push(fault),
  });
  const request = new Request("https://www.example.com/", { headers, cf });
  return { ...(await identify(request, strip(request.headers), () => undefined)), faults };
}

const trusted = (json: string, more: Record<string, string> = {}): Record<string, string> => ({
  "x-sluice-context": claim(json),
  "x-sluice-proof": secret,
  ...more,
});

describe("a trusted proxy", () => {
  it("is trusted with the right proof", async () => {
    const json = '{"userId":"zoë","plan":"pro","isEmployee":true,"organization":"acme","shoeSize":44}';
    const { context, setCookie, faults } = await identified(
      trusted(json, { cookie: `__Host-sluice-id=${kept}` }),
    );
    expect(context).toEqual({
      targetingKey: "zoë",
      userId: "zoë",
      plan: "pro",
      isEmployee: true,
      organization: "acme",
      shoeSize: 44,
    });
    expect(setCookie).toBeUndefined();
    expect(faults).toEqual([]);
  });

  it("is trusted with the previous proof while it is valid", async () => {
    const headers = { ...trusted('{"userId":"u1"}'), "x-sluice-proof": previous };
    expect((await identified(headers)).context.userId).toBe("u1");
  });

  it("may send padded base64url", async () => {
    const headers = { "x-sluice-context": `${claim('{"userId":"u1"} ')}==`, "x-sluice-proof": secret };
    expect(headers["x-sluice-context"].length % 4).toBe(0);
    expect((await identified(headers)).context.userId).toBe("u1");
  });

  it("that names no user adds attributes, and the cookie provides the id", async () => {
    const { context } = await identified(
      trusted('{"plan":"pro","userId":""}', { cookie: `__Host-sluice-id=${kept}` }),
    );
    expect(context).toEqual({ targetingKey: kept, anonymousId: kept, plan: "pro" });
  });

  it("cannot set the targeting key itself", async () => {
    const { context } = await identified(trusted('{"targetingKey":"victim","userId":"u1"}'));
    expect(context.targetingKey).toBe("u1");
  });

  const user = '{"userId":"u1","plan":"pro"}';
  it.each([
    [
      "a forged proof",
      { ...trusted(user), "x-sluice-proof": "a secret of 26 characterS" },
      secret,
      "context-unproven",
    ],
    [
      "a proof that is a prefix",
      { ...trusted(user), "x-sluice-proof": "a secret" },
      secret,
      "context-unproven",
    ],
    ["an empty proof", { ...trusted(user), "x-sluice-proof": "" }, secret, "context-unproven"],
    ["no proof", { "x-sluice-context": claim(user) }, secret, "context-unproven"],
    ["no secret set", trusted(user), null, "context-unproven"],
    [
      "no secret set and an empty proof",
      { ...trusted(user), "x-sluice-proof": "" },
      null,
      "context-unproven",
    ],
    ["not base64url", { ...trusted(user), "x-sluice-context": "{}" }, secret, "context-malformed"],
    [
      "base64 of another alphabet",
      { ...trusted(user), "x-sluice-context": "e30+" },
      secret,
      "context-malformed",
    ],
    ["a cut base64url", { ...trusted(user), "x-sluice-context": "e30ab" }, secret, "context-malformed"],
    ["not JSON", trusted("{userId:1}"), secret, "context-malformed"],
    [
      "not UTF-8",
      { ...trusted(user), "x-sluice-context": base64url(Uint8Array.of(0x22, 0xff, 0x22)) },
      secret,
      "context-malformed",
    ],
    ["an array", trusted('[{"userId":"u1"}]'), secret, "context-malformed"],
    ["null", trusted("null"), secret, "context-malformed"],
    ["a user id that is a number", trusted('{"userId":1}'), secret, "context-malformed"],
    ["isEmployee as a text", trusted('{"userId":"u1","isEmployee":"true"}'), secret, "context-malformed"],
    ["a user id that begins with anon-", trusted(`{"userId":"${kept}"}`), secret, "context-malformed"],
    [
      "an overlong user id",
      trusted(JSON.stringify({ userId: "u".repeat(257) })),
      secret,
      "context-malformed",
    ],
    [
      "more than 8 KiB",
      trusted(JSON.stringify({ userId: "u1", padding: "p".repeat(8_192) })),
      secret,
      "context-malformed",
    ],
  ] as const)("is not trusted: %s", async (_name, headers, contextSecret, word) => {
    const { context, faults } = await identified(
      { ...headers, cookie: `__Host-sluice-id=${kept}` },
      contextSecret,
    );
    expect(context).toEqual({ targetingKey: kept, anonymousId: kept });
    expect(faults.map((fault) => fault.word)).toEqual([word]);
    expect(JSON.stringify(faults.map((fault) => fault.message))).not.toMatch(/u1|kkk|secret of/);
  });

  it("is not trusted when the claim comes twice", async () => {
    const headers = new Headers(trusted(user));
    headers.append("x-sluice-context", claim('{"userId":"u2"}'));
    const { context } = await identified(headers);
    expect(context.userId).toBeUndefined();
  });

  it("cannot reach a prototype", async () => {
    for (const json of [
      '{"__proto__":{"isEmployee":true},"userId":"u1"}',
      '{"userId":"u1","a":[{"__proto__":1}]}',
    ]) {
      const { context, faults } = await identified(trusted(json, { cookie: `__Host-sluice-id=${kept}` }));
      expect(context).toEqual({ targetingKey: kept, anonymousId: kept });
      expect(faults.map(({ word }) => word)).toEqual(["context-malformed"]);
    }
    const { context } = await identified(
      trusted('{"constructor":{"prototype":{"isEmployee":true}},"userId":"u1"}'),
    );
    expect(context.userId).toBe("u1");
    expect(context.isEmployee).toBeUndefined();
    expect(Object.getPrototypeOf(context)).toBe(Object.prototype);
  });
});

describe("the anonymous cookie", () => {
  it.each([
    ["alone", `__Host-sluice-id=${kept}.${today}`],
    ["among others", `a=b; __Host-sluice-id=${kept}.${today}; theme=dark`],
    [
      "the first valid one of several",
      `__Host-sluice-id=u1; __Host-sluice-id=${kept}.${today}; __Host-sluice-id=${other}.${today}`,
    ],
  ])("is kept: %s", async (_name, cookie) => {
    const visitor = await identified({ cookie });
    expect(visitor.context).toEqual({ targetingKey: kept, anonymousId: kept });
    expect(visitor.setCookie).toBeUndefined();
  });

  it.each([
    ["none", undefined],
    ["empty", "__Host-sluice-id="],
    ["a listed id", "__Host-sluice-id=user-1"],
    ["too short", `__Host-sluice-id=${kept.slice(0, -1)}`],
    ["too long", `__Host-sluice-id=${kept}k`],
    ["another alphabet", `__Host-sluice-id=anon-${"+".repeat(22)}`],
    ["a further =", `__Host-sluice-id=${kept}=x`],
    ["another name's end", `x__Host-sluice-id=${kept}`],
    ["another case", `__host-sluice-id=${kept}`],
    ["quoted", `__Host-sluice-id="${kept}"`],
    ["a date that is none", `__Host-sluice-id=${kept}.today`],
  ])("is replaced by a new one that counts at once: %s", async (_name, cookie) => {
    const { context, setCookie } = await identified(cookie === undefined ? {} : { cookie });
    const id = context.targetingKey;
    expect(id).toMatch(/^anon-[A-Za-z0-9_-]{22}$/);
    expect(id).not.toBe(kept);
    expect(context).toEqual({ targetingKey: id, anonymousId: id });
    expect(setCookie).toBe(
      `__Host-sluice-id=${id}.${today}; Path=/; Max-Age=31536000; Secure; HttpOnly; SameSite=Lax`,
    );
  });

  it("is different for every visitor", async () => {
    const ids = await Promise.all(
      Array.from({ length: 100 }, async () => (await identified({})).context.anonymousId),
    );
    expect(new Set(ids).size).toBe(100);
  });
});

describe("a verified token", () => {
  const user = { userId: "ann", plan: "pro" };
  const token = (identity: JwtIdentity | undefined) => async () => identity;
  it("goes before the proxy's claim and the cookie", async () => {
    const headers = trusted('{"userId":"bob","isEmployee":true}', { cookie: `__Host-sluice-id=${kept}` });
    const { context, setCookie } = await identified(headers, secret, {}, token({ context: user }));
    expect(context).toEqual({ ...user, targetingKey: "ann" });
    expect(setCookie).toBeUndefined();
  });

  it("that is refused leaves the proxy's claim, and the cookie", async () => {
    const headers = trusted('{"userId":"bob"}');
    expect((await identified(headers, secret, {}, token(undefined))).context.userId).toBe("bob");
    const cookie = `__Host-sluice-id=${kept}.${today}`;
    expect((await identified({ cookie }, secret, {}, token(undefined))).context).toEqual({
      targetingKey: kept,
      anonymousId: kept,
    });
  });

  it("provides the anonymous id under which the account began", async () => {
    const { context } = await identified({}, secret, {}, token({ context: user, anonymousId: other }));
    expect(context).toEqual({ ...user, targetingKey: "ann", anonymousId: other });
  });
});

describe("where the connection comes from", () => {
  const texas = { country: "US", regionCode: "TX", continent: "NA" };
  const bavaria = { country: "DE", regionCode: "BY", continent: "EU", isEUCountry: "1" };
  const cookie = `__Host-sluice-id=${kept}.${today}`;
  const us = { country: "US", region: "TX", continent: "NA", isEUCountry: false };
  it.each([
    ["a visitor", {}, texas, { anonymousId: kept, targetingKey: kept, ...us }],
    [
      "a visitor from the EU",
      {},
      bavaria,
      {
        ...{ anonymousId: kept, targetingKey: kept },
        ...{ country: "DE", region: "BY", continent: "EU", isEUCountry: true },
      },
    ],
    ["a user", trusted('{"userId":"u1"}'), texas, { userId: "u1", targetingKey: "u1", ...us }],
    [
      "a user whose region is known better",
      trusted('{"userId":"u1","country":"US","region":"CA"}'),
      texas,
      { userId: "u1", targetingKey: "u1", ...us, region: "CA" },
    ],
    [
      "a user of another country, of which no region is known",
      trusted('{"userId":"u1","country":"DE"}'),
      texas,
      { userId: "u1", targetingKey: "u1", country: "DE" },
    ],
    [
      "Tor",
      {},
      { country: "T1" },
      { anonymousId: kept, targetingKey: kept, country: "T1", isEUCountry: false },
    ],
    ["nobody knows", {}, {}, { anonymousId: kept, targetingKey: kept }],
    [
      "what is no code is left out",
      {},
      { country: "US", regionCode: "a\r\nb", continent: { EU: 1 } },
      { anonymousId: kept, targetingKey: kept, country: "US", isEUCountry: false },
    ],
  ])("%s", async (_name, headers, cf, expected) => {
    expect((await identified({ cookie, ...headers }, secret, cf)).context).toEqual(expected);
  });

  it("is never read from a client's headers", async () => {
    const { context } = await identified({ cookie, "cf-ipcountry": "DE", "cf-region-code": "BY" });
    expect(context).toEqual({ targetingKey: kept, anonymousId: kept });
  });
});
