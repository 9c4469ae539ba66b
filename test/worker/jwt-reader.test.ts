import { base64url, exportSPKI, generateKeyPair, SignJWT, type CryptoKey, type JWTPayload } from "jose";
import { beforeAll, describe, expect, it } from "vitest";
import { readBindings, type Bindings } from "../../worker/isolate/bindings.ts";
import type { WorkerFault } from "../../worker/isolate/fault.ts";
import { createJwtReader } from "../../worker/identity/jwt/jwt-reader.ts";
import { readJwtSettings } from "../../worker/identity/jwt/jwt-settings.ts";

const now = Date.UTC(2026, 10, 26);
const nowS = now / 1000;
const secret = "a shared secret of 35 characters...";
const encoder = new TextEncoder();

/** What a token says unless a test says otherwise. */
const user = { sub: "u1", exp: nowS + 600 };

function sign(
  claims: JWTPayload,
  {
    alg = "HS256",
    key = secret,
    ...header
  }: { alg?: string; key?: string | CryptoKey; [name: string]: unknown } = {},
): Promise<string> {
  return new SignJWT(claims)
    .setProtectedHeader({ alg, typ: "JWT", ...header })
    .sign(typeof key === "string" ? encoder.encode(key) : key);
}

/** A token put together by hand, where no library would make it. */
const assemble = (header: object, claims: object | string, signature = ""): string =>
  [
    base64url.encode(JSON.stringify(header)),
    base64url.encode(typeof claims === "string" ? claims : JSON.stringify(claims)),
    signature,
  ].join(".");

/** A token whose claims are this very text. */
async function signText(claims: string, header: object = { alg: "HS256" }): Promise<string> {
  const unsigned = assemble(header, claims).slice(0, -1);
  const key = await crypto.subtle.importKey(
    "raw",
    encoder.encode(secret),
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["sign"],
  );
  const signature = new Uint8Array(await crypto.subtle.sign("HMAC", key, encoder.encode(unsigned)));
  return `${unsigned}.${base64url.encode(signature)}`;
}

function readerOf(bindings: Bindings) {
  const bindingReader = readBindings(bindings);
  const settings = readJwtSettings(bindingReader);
  if (settings === undefined) throw new Error(bindingReader.problems.join("; ") || "no settings");
  expect(bindingReader.problems).toEqual([]);
  const faults: WorkerFault[] = [];
  const read = createJwtReader(settings, { report: (fault) => faults.push(fault), now: () => now });
  return async (headers: HeadersInit) => {
    faults.length = 0;
    const identity = await read(new Headers(headers), () => undefined);
    return { identity, faults: faults.map(({ word, message }) => ({ word, message })) };
  };
}

const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });

describe("a token", () => {
  const read = readerOf({ JWT_SECRET: secret });

  it("that is valid identifies its sender", async () => {
    const { identity, faults } = await read(bearer(await sign(user)));
    expect(identity).toEqual({ context: { targetingKey: "u1", userId: "u1" } });
    expect(faults).toEqual([]);
  });

  it("is valid for 30 more seconds, since clocks differ", async () => {
    expect((await read(bearer(await sign({ ...user, exp: nowS - 29 })))).identity?.context.userId).toBe("u1");
    expect((await read(bearer(await sign({ ...user, nbf: nowS + 29 })))).identity?.context.userId).toBe("u1");
  });

  it.each(["JWT", "jwt", "at+jwt", "application/at+jwt", undefined])("may have the type %s", async (typ) => {
    expect((await read(bearer(await sign(user, { typ })))).identity?.context.userId).toBe("u1");
  });

  it("is not reported when there is none", async () => {
    for (const headers of [
      {},
      { authorization: "Basic dTpw" },
      { authorization: "Bearer opaque" },
      { authorization: "Bearer v4.public.abc" },
      { authorization: "Bearer a.b.c" },
      { authorization: `Bearer ${btoa("[1]").replaceAll("=", "")}.e30.x` },
      { authorization: "Bearer" },
      { authorization: "" },
      { cookie: `session=${await sign(user)}` },
    ]) {
      expect(await read(headers)).toEqual({ identity: undefined, faults: [] });
    }
  });
});

describe("a token that is not valid", () => {
  const read = readerOf({ JWT_SECRET: secret });

  it.each<[string, () => string | Promise<string>, string, RegExp]>([
    ["another secret", () => sign(user, { key: `${secret}.` }), "jwt-refused", /none of the keys/],
    [
      "a changed claim",
      async () => (await sign(user)).replace(/\..*\./, `.${base64url.encode('{"sub":"u2"}')}.`),
      "jwt-refused",
      /none of the keys/,
    ],
    ["no signature", async () => (await sign(user)).replace(/[^.]*$/, ""), "jwt-refused", /none of the keys/],
    ["a cut signature", async () => (await sign(user)).slice(0, -4), "jwt-refused", /none of the keys/],
    ["alg none", () => assemble({ alg: "none" }, user), "jwt-refused", /algorithm/],
    ["alg None", () => assemble({ alg: "None" }, user), "jwt-refused", /algorithm/],
    ["alg none with a signature", () => assemble({ alg: "none" }, user, "AAAA"), "jwt-refused", /algorithm/],
    ["another HMAC", () => sign(user, { alg: "HS512", key: secret.repeat(2) }), "jwt-refused", /algorithm/],
    ["alg __proto__", () => assemble({ alg: "__proto__" }, user, "AAAA"), "jwt-refused", /algorithm/],
    ["expired", () => sign({ ...user, exp: nowS - 31 }), "jwt-expired", /expired/],
    ["not valid yet", () => sign({ ...user, nbf: nowS + 31 }), "jwt-refused", /nbf/],
    ["without an end", () => sign({ sub: "u1" }), "jwt-refused", /no exp/],
    ["an end as a text", () => signText('{"sub":"u1","exp":"9999999999"}'), "jwt-refused", /no exp/],
    ["an end that is null", () => signText('{"sub":"u1","exp":null}'), "jwt-refused", /no exp/],
    [
      "an end at infinity",
      () => signText('{"sub":"u1","exp":1e999}', { alg: "HS256" }),
      "jwt-refused",
      /no exp/,
    ],
    [
      "for somebody, and no JWT_AUDIENCE",
      () => sign({ ...user, aud: "another" }),
      "jwt-refused",
      /JWT_AUDIENCE is not set/,
    ],
    ["a logout token", () => sign(user, { typ: "logout+jwt" }), "jwt-refused", /typ/],
    ["an override token", () => sign(user, { typ: "sluice-override+jwt" }), "jwt-refused", /typ/],
    [
      "an unknown critical header",
      () => signText(JSON.stringify(user), { alg: "HS256", crit: ["exp"], exp: 1 }),
      "jwt-refused",
      /malformed/,
    ],
    [
      "an unencoded payload",
      () => signText(JSON.stringify(user), { alg: "HS256", crit: ["b64"], b64: false }),
      "jwt-refused",
      /./,
    ],
    ["no user", () => sign({ exp: user.exp }), "jwt-refused", /names no user/],
    ["an empty user", () => sign({ ...user, sub: "" }), "jwt-refused", /names no user/],
    ["a user that is a number", () => signText(`{"sub":1,"exp":${user.exp}}`), "jwt-refused", /userId/],
    ["a user that is a list", () => signText(`{"sub":["u1"],"exp":${user.exp}}`), "jwt-refused", /userId/],
    [
      "a user that begins with anon-",
      () => sign({ ...user, sub: `anon-${"k".repeat(22)}` }),
      "jwt-refused",
      /anon-/,
    ],
    ["an overlong user", () => sign({ ...user, sub: "u".repeat(257) }), "jwt-refused", /userId/],
    ["claims that are a list", () => signText("[]"), "jwt-refused", /malformed/],
    ["claims that are no JSON", () => signText("{"), "jwt-refused", /malformed/],
    ["more than 8,192 characters", () => sign({ ...user, pad: "p".repeat(8_192) }), "jwt-refused", /longer/],
    ["100 KB", () => sign({ ...user, pad: "p".repeat(75_000) }), "jwt-refused", /longer/],
  ])("is refused: %s", async (_name, make, word, words) => {
    const { identity, faults } = await read(bearer(await make()));
    expect(identity).toBeUndefined();
    expect(faults.map((fault) => fault.word)).toEqual([word]);
    expect(faults[0]?.message).toMatch(words);
    expect(faults[0]?.message).not.toMatch(/u1|u2|kkk|uuu|ppp|eyJ|shared secret of/);
  });
});

describe("which token counts", () => {
  const read = readerOf({ JWT_SECRET: secret, JWT_COOKIE: "session" });
  const good = (sub: string): Promise<string> => sign({ ...user, sub });
  const bad = (): Promise<string> => sign(user, { key: `${secret}.` });

  it.each<[string, () => Promise<HeadersInit>, string | undefined]>([
    ["the cookie", async () => ({ cookie: `a=b; session=${await good("c")}; d` }), "c"],
    [
      "the cookie beside Basic",
      async () => ({ authorization: "Basic dTpw", cookie: `session=${await good("c")}` }),
      "c",
    ],
    [
      "the cookie beside an opaque token",
      async () => ({ authorization: "Bearer xyz", cookie: `session=${await good("c")}` }),
      "c",
    ],
    [
      "Authorization before the cookie",
      async () => ({ ...bearer(await good("a")), cookie: `session=${await good("c")}` }),
      "a",
    ],
    [
      "nobody: a bad Authorization falls back to nothing",
      async () => ({ ...bearer(await bad()), cookie: `session=${await good("c")}` }),
      undefined,
    ],
    [
      "nobody: an expired one neither",
      async () => ({ ...bearer(await sign({ ...user, exp: 1 })), cookie: `session=${await good("c")}` }),
      undefined,
    ],
    ["the scheme in any case", async () => ({ authorization: `bearer  ${await good("a")}` }), "a"],
    [
      "nobody: Authorization twice",
      async () => [
        ["authorization", `Bearer ${await good("a")}`],
        ["authorization", `Bearer ${await good("b")}`],
      ],
      undefined,
    ],
    [
      "nobody: Authorization twice, one opaque",
      async () => [
        ["authorization", "Bearer xyz"],
        ["authorization", `Bearer ${await good("b")}`],
      ],
      undefined,
    ],
    [
      "nobody: two cookies that differ",
      async () => ({ cookie: `session=${await good("a")}; session=${await good("b")}` }),
      undefined,
    ],
    [
      "nobody: two cookies, the first broken",
      async () => ({ cookie: `session=x; session=${await good("b")}` }),
      undefined,
    ],
    [
      "one cookie twice",
      async () => {
        const pair = `session=${await good("c")}`;
        return { cookie: `${pair}; ${pair}` };
      },
      "c",
    ],
    [
      "the cookie beside an emptied one",
      async () => ({ cookie: `session=; session=${await good("c")}` }),
      "c",
    ],
    [
      "nobody: a cookie's name in another case",
      async () => ({ cookie: `Session=${await good("c")}` }),
      undefined,
    ],
    ["nobody: another name's end", async () => ({ cookie: `my_session=${await good("c")}` }), undefined],
    [
      "nobody: a token in the query of a cookie",
      async () => ({ cookie: `session=x=${await good("c")}` }),
      undefined,
    ],
  ])("%s", async (_name, make, userId) => {
    expect((await read(await make())).identity?.context.userId).toBe(userId);
  });

  it("an empty cookie counts as absent, and a cookie without a JWT is reported", async () => {
    expect(await read({ cookie: "session=" })).toEqual({ identity: undefined, faults: [] });
    expect((await read({ cookie: "session=deleted" })).faults[0]?.message).toBe(
      "the cookie session holds no signed JWT",
    );
    expect((await read({ cookie: `session=${"x".repeat(100_000)}` })).faults).toHaveLength(1);
  });
});

describe("claims", () => {
  const token = (claims: object): Promise<string> => signText(JSON.stringify({ ...user, ...claims }));

  it("become the attributes that JWT_CLAIMS names, and no others", async () => {
    const read = readerOf({
      JWT_SECRET: secret,
      JWT_CLAIMS:
        "email, plan=app_metadata.plan, isEmployee=custom:is_employee, organization=https://example.com/org.id, groups, role=roles.0, missing",
    });
    const { identity } = await read(
      bearer(
        await token({
          email: "u1@example.com",
          app_metadata: { plan: "pro", credits: 3 },
          "custom:is_employee": "true",
          "https://example.com/org.id": "acme",
          groups: ["beta"],
          roles: ["admin", "dev"],
          isAdmin: true,
          targetingKey: "victim",
          userId: "victim",
          anonymousId: "victim",
        }),
      ),
    );
    expect(identity).toEqual({
      context: {
        targetingKey: "u1",
        userId: "u1",
        email: "u1@example.com",
        plan: "pro",
        isEmployee: true,
        organization: "acme",
        groups: ["beta"],
        role: "admin",
      },
    });
  });

  it("may name the user", async () => {
    const read = readerOf({ JWT_SECRET: secret, JWT_CLAIMS: "userId=user.id" });
    expect((await read(bearer(await token({ user: { id: "u7" } })))).identity?.context.userId).toBe("u7");
    expect((await read(bearer(await token({})))).identity).toBeUndefined();
  });

  it.each<[unknown, string | undefined]>([
    [true, "e"],
    ["true", "e"],
    [undefined, "e"],
    [false, undefined],
    ["false", undefined],
    [null, undefined],
    [1, undefined],
  ])("with email_verified %j provide the email %s", async (verified, email) => {
    const read = readerOf({ JWT_SECRET: secret, JWT_CLAIMS: "email" });
    const { identity } = await read(bearer(await token({ email: "e", email_verified: verified })));
    expect(identity?.context.userId).toBe("u1");
    expect(identity?.context.email).toBe(email);
  });

  it.each<[unknown, unknown]>([
    [true, true],
    ["true", true],
    [false, false],
    ["false", false],
    ["yes", "refused"],
    [1, "refused"],
    ["constructor", "refused"],
  ])("make isEmployee of %j: %s", async (claim, isEmployee) => {
    const read = readerOf({ JWT_SECRET: secret, JWT_CLAIMS: "isEmployee" });
    const { identity } = await read(bearer(await token({ isEmployee: claim })));
    expect(identity === undefined ? "refused" : identity.context.isEmployee).toBe(isEmployee);
  });

  it("reach no prototype", async () => {
    const read = readerOf({
      JWT_SECRET: secret,
      JWT_CLAIMS: "isEmployee=isEmployee, app, plan=app.constructor.name",
    });
    const exp = String(user.exp);
    const cases = [
      `{"sub":"u1","exp":${exp},"__proto__":{"isEmployee":true}}`,
      `{"sub":"u1","exp":${exp},"app":{"x":1}}`,
    ];
    for (const claims of cases) {
      const { identity } = await read(bearer(await signText(claims)));
      expect(identity?.context.isEmployee).toBeUndefined();
      expect(identity?.context.plan).toBeUndefined();
      expect(Object.getPrototypeOf(identity?.context)).toBe(Object.prototype);
    }
    const { identity, faults } = await read(
      bearer(await signText(`{"sub":"u1","exp":${exp},"app":{"__proto__":{"a":1}}}`)),
    );
    expect(identity).toBeUndefined();
    expect(faults.map(({ word }) => word)).toEqual(["jwt-refused"]);
    // Whoever is named so by a claim of the prototype's name has to be named by an own claim.
    const byProto = readerOf({ JWT_SECRET: secret, JWT_CLAIMS: "userId=__proto__.sub" });
    expect((await byProto(bearer(await signText(`{"exp":${exp}}`)))).identity).toBeUndefined();
  });

  it("provide the anonymous id, if it has the right form", async () => {
    const read = readerOf({ JWT_SECRET: secret });
    const ours = `anon-${"k".repeat(22)}`;
    expect((await read(bearer(await token({ anonymous_id: ours })))).identity).toEqual({
      context: { targetingKey: "u1", userId: "u1" },
      anonymousId: ours,
    });
    for (const other of ["u2", `${ours}k`, `x${ours}`, `${ours}\n`, "", 7, null, [ours]]) {
      expect((await read(bearer(await token({ anonymous_id: other })))).identity).toEqual({
        context: { targetingKey: "u1", userId: "u1" },
      });
    }
  });

  it("that are required must be there", async () => {
    const read = readerOf({
      JWT_SECRET: secret,
      JWT_REQUIRED_CLAIMS: "token_use=access, azp=https://a.example, azp=https://b.example, scope.x=1",
    });
    const good = { token_use: "access", azp: "https://b.example", scope: { x: 1 } };
    expect((await read(bearer(await token(good)))).identity?.context.userId).toBe("u1");
    for (const bad of [
      { token_use: "id" },
      { token_use: undefined },
      { token_use: null },
      { azp: "https://c.example" },
      { azp: { toString: "https://a.example" } },
      { scope: {} },
    ]) {
      const { identity, faults } = await read(bearer(await token({ ...good, ...bad })));
      expect(identity).toBeUndefined();
      expect(faults[0]?.message).toMatch(/JWT_REQUIRED_CLAIMS/);
    }
    expect(
      (await read(bearer(await token({ ...good, azp: ["x", "https://a.example"] })))).identity,
    ).toBeDefined();
  });
});

describe("issuer and audience", () => {
  const read = readerOf({ JWT_SECRET: secret, JWT_ISSUER: "https://i.example/, i", JWT_AUDIENCE: "a, b" });
  const good = { ...user, iss: "https://i.example/", aud: ["x", "b"] };

  it("may be any of the configured ones", async () => {
    for (const claims of [good, { ...good, iss: "i", aud: "a" }]) {
      expect((await read(bearer(await sign(claims)))).identity?.context.userId).toBe("u1");
    }
  });

  it.each<[string, object, RegExp]>([
    ["another issuer", { iss: "https://i.example" }, /JWT_ISSUER/],
    ["an issuer in a list", { iss: ["i"] }, /JWT_ISSUER/],
    ["no issuer", { iss: undefined }, /JWT_ISSUER/],
    ["another audience", { aud: "c" }, /JWT_AUDIENCE/],
    ["no audience", { aud: undefined }, /JWT_AUDIENCE/],
    ["an empty audience", { aud: [] }, /JWT_AUDIENCE/],
    ["an audience that is an object", { aud: { a: "a" } }, /JWT_AUDIENCE/],
  ])("are refused: %s", async (_name, claims, words) => {
    const { identity, faults } = await read(bearer(await signText(JSON.stringify({ ...good, ...claims }))));
    expect(identity).toBeUndefined();
    expect(faults[0]?.message).toMatch(words);
  });

  it("* accepts a token for any audience", async () => {
    const anybody = readerOf({ JWT_SECRET: secret, JWT_AUDIENCE: "*" });
    for (const aud of ["x", ["y"], undefined]) {
      expect(
        (await anybody(bearer(await signText(JSON.stringify({ ...user, aud }))))).identity?.context.userId,
      ).toBe("u1");
    }
  });
});

describe("two secrets", () => {
  it("verify during a rotation", async () => {
    const read = readerOf({ JWT_SECRET: `${secret}new`, JWT_SECRET_PREVIOUS: secret });
    expect((await read(bearer(await sign(user)))).identity?.context.userId).toBe("u1");
    expect((await read(bearer(await sign(user, { key: `${secret}new` })))).identity?.context.userId).toBe(
      "u1",
    );
    expect((await read(bearer(await sign(user, { key: `${secret}old` })))).identity).toBeUndefined();
  });
});

describe("a public key", () => {
  const algorithms = ["RS256", "PS256", "ES256", "ES384", "EdDSA"];
  const pairs = new Map<string, { privateKey: CryptoKey; pem: string }>();
  beforeAll(async () => {
    for (const algorithm of algorithms) {
      const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true });
      pairs.set(algorithm, { privateKey, pem: await exportSPKI(publicKey) });
    }
  });
  const pair = (algorithm: string) => {
    const found = pairs.get(algorithm);
    if (found === undefined) throw new Error(algorithm);
    return found;
  };
  const pinned = { JWT_ISSUER: "i", JWT_AUDIENCE: "a" };
  const claims = { ...user, iss: "i", aud: "a" };

  it.each(algorithms)("checks %s", async (alg) => {
    const { privateKey, pem } = pair(alg);
    const read = readerOf({ JWT_PUBLIC_KEY: pem, JWT_ALGORITHMS: alg, ...pinned });
    expect((await read(bearer(await sign(claims, { alg, key: privateKey })))).identity?.context.userId).toBe(
      "u1",
    );
    const { privateKey: other } = await generateKeyPair(alg);
    expect((await read(bearer(await sign(claims, { alg, key: other })))).identity).toBeUndefined();
  });

  it("never serves as the secret of an HMAC", async () => {
    const { pem } = pair("RS256");
    const read = readerOf({ JWT_PUBLIC_KEY: pem, ...pinned });
    for (const key of [pem, pem.trim(), `${pem}\n`]) {
      const { identity, faults } = await read(bearer(await sign(claims, { alg: "HS256", key })));
      expect(identity).toBeUndefined();
      expect(faults[0]?.message).toMatch(/algorithm/);
    }
  });

  it("may be one of several, with line ends as backslash and n", async () => {
    const text = `${pair("ES256").pem}\n${pair("RS256").pem}`.replaceAll("\n", "\\n");
    const read = readerOf({ JWT_PUBLIC_KEY: text, ...pinned });
    for (const alg of ["ES256", "RS256"]) {
      const token = await sign(claims, { alg, key: pair(alg).privateKey, kid: "whatever" });
      expect((await read(bearer(token))).identity?.context.userId).toBe("u1");
    }
  });

  it.each([{}, { JWT_ALGORITHMS: "RS256" }])(
    "too weak to be relied on is a fault of the keys: %j",
    async (more) => {
      const rsa = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256", publicExponent: new Uint8Array([1, 0, 1]) };
      const weak = await crypto.subtle.generateKey({ ...rsa, modulusLength: 1_024 }, true, [
        "sign",
        "verify",
      ]);
      if (!("publicKey" in weak)) throw new Error("RSA has pairs of keys");
      const pem = await exportSPKI(weak.publicKey);
      const read = readerOf({ JWT_PUBLIC_KEY: pem, ...more, ...pinned });
      const { identity, faults } = await read(
        bearer(await sign(claims, { alg: "RS256", key: pair("RS256").privateKey })),
      );
      expect(identity).toBeUndefined();
      expect(faults.map(({ word }) => word)).toEqual(["jwt-keys"]);
    },
  );
});
