import { describe, expect, it } from "vitest";
import { readBindings } from "../../worker/isolate/bindings.ts";
import { readJwtSettings } from "../../worker/identity/jwt/jwt-settings.ts";

const secret = "hunter2-hunter2-hunter2-hunter2-hunter2";
const pem = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----";
const pinned = { JWT_ISSUER: "https://i.example/", JWT_AUDIENCE: "a" };
const jwks = { JWT_JWKS_URL: "https://i.example/.well-known/jwks.json", ...pinned };

function read(bindings: object) {
  const reader = readBindings(bindings);
  return { settings: readJwtSettings(reader), problems: reader.problems };
}

describe("readJwtSettings", () => {
  it("accepts no token unless keys are set", () => {
    expect(read({})).toEqual({ settings: undefined, problems: [] });
    expect(read({ JWT_SECRET: "", JWT_ISSUER: "" })).toEqual({ settings: undefined, problems: [] });
  });

  it("has safe defaults for published keys", () => {
    const { settings, problems } = read(jwks);
    expect(problems).toEqual([]);
    expect(settings).toMatchObject({
      keys: {
        kind: "jwks",
        url: jwks.JWT_JWKS_URL,
        refreshMs: 600_000,
        timeoutMs: 500,
        maxStaleMs: 86_400_000,
      },
      algorithms: ["RS256", "ES256", "EdDSA"],
      issuers: ["https://i.example/"],
      audiences: ["a"],
      required: [],
      clockSkewS: 30,
    });
    expect(settings?.cookie).toBeUndefined();
    expect(settings?.claims.map(({ attribute }) => attribute)).toEqual(["userId"]);
  });

  it("requires neither issuer nor audience with a shared secret", () => {
    const { settings, problems } = read({ JWT_SECRET: secret });
    expect(problems).toEqual([]);
    expect(settings).toMatchObject({ keys: { kind: "secret", secrets: [secret] }, algorithms: ["HS256"] });
    expect(settings).not.toHaveProperty("issuers");
    expect(settings).not.toHaveProperty("audiences");
  });

  it("reads * alone as any audience", () => {
    expect(read({ ...jwks, JWT_AUDIENCE: "*" }).settings?.audiences).toBe("any");
    expect(read({ ...jwks, JWT_AUDIENCE: "a,*" }).settings?.audiences).toEqual(["a", "*"]);
  });

  it.each([
    ["JWT_JWKS_URL", "https://[::1]/keys"],
    ["JWT_JWKS_URL", "http://localhost:9/keys?x=1"],
    ["JWT_JWKS_URL", "http://127.0.0.1:9"],
    ["JWT_ALGORITHMS", "PS512, ES512"],
    ["JWT_AUDIENCE", "*"],
    ["JWT_COOKIE", "__Secure-next-auth.session"],
    ["JWT_CLAIMS", "userId=https://example.com/a=b.c, plan = app_metadata.plan"],
    ["JWT_REQUIRED_CLAIMS", "azp=https://www.example.com/?a=b"],
    ["JWT_CLOCK_SKEW_S", "0"],
  ])("accepts %s = %s", (name, value) => {
    expect(read({ ...jwks, [name]: value })).toMatchObject({ settings: {}, problems: [] });
  });

  it.each<[string, object]>([
    ["JWT_JWKS_URL", { ...jwks, JWT_JWKS_URL: "http://i.example/hunter2" }],
    ["JWT_JWKS_URL", { ...jwks, JWT_JWKS_URL: "http://localhost.example/hunter2" }],
    ["JWT_JWKS_URL", { ...jwks, JWT_JWKS_URL: "https://user:hunter2@i.example/" }],
    ["JWT_JWKS_URL", { ...jwks, JWT_JWKS_URL: "https://i.example/\n" }],
    ["JWT_JWKS_URL", { ...jwks, JWT_JWKS_URL: "ftp://localhost/" }],
    ["JWT_JWKS_URL", { ...jwks, JWT_JWKS_URL: 7 }],
    ["JWT_SECRET", { JWT_SECRET: "hunter2" }],
    ["JWT_SECRET", { JWT_SECRET: `${secret}\n` }],
    ["JWT_SECRET", { JWT_SECRET: secret, JWT_ALGORITHMS: "HS512" }],
    ["JWT_SECRET_PREVIOUS", { JWT_SECRET: secret, JWT_SECRET_PREVIOUS: "hunter2" }],
    ["JWT_SECRET_PREVIOUS", { ...jwks, JWT_SECRET_PREVIOUS: secret }],
    ["JWT_SECRET_PREVIOUS", { JWT_SECRET_PREVIOUS: secret }],
    ["JWT_PUBLIC_KEY", { JWT_PUBLIC_KEY: "hunter2", ...pinned }],
    ["JWT_PUBLIC_KEY", { JWT_PUBLIC_KEY: `hunter2${pem}`, ...pinned }],
    ["JWT_PUBLIC_KEY", { JWT_PUBLIC_KEY: `${pem}hunter2`, ...pinned }],
    ["JWT_PUBLIC_KEY", { JWT_PUBLIC_KEY: pem.replaceAll("PUBLIC", "PRIVATE"), ...pinned }],
    ["JWT_PUBLIC_KEY", { JWT_PUBLIC_KEY: `${pem}\n`.repeat(9), ...pinned }],
    ["JWT_PUBLIC_KEY", { JWT_PUBLIC_KEY: pem, JWT_ALGORITHMS: "ES256", ...pinned }],
    ["JWT_PUBLIC_KEY", { JWT_PUBLIC_KEY: pem.replace("MCow", "MC=w"), ...pinned }],
    ["JWT_PUBLIC_KEY", { ...jwks, JWT_PUBLIC_KEY: pem }],
    ["JWT_SECRET", { ...jwks, JWT_SECRET: secret }],
    ["JWT_ISSUER", { ...jwks, JWT_ISSUER: "" }],
    ["JWT_ISSUER", { ...jwks, JWT_ISSUER: undefined }],
    ["JWT_ISSUER", { ...jwks, JWT_ISSUER: "a,,b" }],
    ["JWT_ISSUER", { JWT_ISSUER: "hunter2" }],
    ["JWT_AUDIENCE", { ...jwks, JWT_AUDIENCE: undefined }],
    ["JWT_AUDIENCE", { JWT_PUBLIC_KEY: pem, JWT_ISSUER: "i" }],
    ["JWT_ALGORITHMS", { ...jwks, JWT_ALGORITHMS: "none" }],
    ["JWT_ALGORITHMS", { ...jwks, JWT_ALGORITHMS: "RS256,HS256" }],
    ["JWT_ALGORITHMS", { ...jwks, JWT_ALGORITHMS: "rs256" }],
    ["JWT_ALGORITHMS", { ...jwks, JWT_ALGORITHMS: "RS256," }],
    ["JWT_ALGORITHMS", { ...jwks, JWT_ALGORITHMS: "__proto__" }],
    ["JWT_ALGORITHMS", { JWT_SECRET: secret, JWT_ALGORITHMS: "HS256,RS256" }],
    ["JWT_COOKIE", { ...jwks, JWT_COOKIE: "a b" }],
    ["JWT_COOKIE", { ...jwks, JWT_COOKIE: "a=hunter2" }],
    ["JWT_COOKIE", { ...jwks, JWT_COOKIE: "__Host-sluice-id" }],
    ["JWT_COOKIE", { JWT_COOKIE: "session" }],
    ["JWT_CLAIMS", { ...jwks, JWT_CLAIMS: "plan=" }],
    ["JWT_CLAIMS", { ...jwks, JWT_CLAIMS: "plan=a b" }],
    ["JWT_CLAIMS", { ...jwks, JWT_CLAIMS: "plan=a..b" }],
    ["JWT_CLAIMS", { ...jwks, JWT_CLAIMS: "plan,plan" }],
    ["JWT_CLAIMS", { ...jwks, JWT_CLAIMS: "plan," }],
    ["JWT_CLAIMS", { ...jwks, JWT_CLAIMS: "targetingKey=sub" }],
    ["JWT_CLAIMS", { ...jwks, JWT_CLAIMS: "anonymousId=sub" }],
    ["JWT_CLAIMS", { ...jwks, JWT_CLAIMS: "__proto__=sub" }],
    ["JWT_CLAIMS", { ...jwks, JWT_CLAIMS: "https://example.com/hunter2" }],
    ["JWT_CLAIMS", { ...jwks, JWT_CLAIMS: Array.from({ length: 51 }, (_, at) => `a${at}`).join(",") }],
    ["JWT_CLAIMS", { ...jwks, JWT_CLAIMS: 7 }],
    ["JWT_REQUIRED_CLAIMS", { ...jwks, JWT_REQUIRED_CLAIMS: "azp" }],
    ["JWT_REQUIRED_CLAIMS", { ...jwks, JWT_REQUIRED_CLAIMS: "azp=" }],
    ["JWT_REQUIRED_CLAIMS", { ...jwks, JWT_REQUIRED_CLAIMS: "=hunter2" }],
    ["JWT_CLOCK_SKEW_S", { ...jwks, JWT_CLOCK_SKEW_S: "301" }],
    ["JWT_JWKS_REFRESH_MS", { ...jwks, JWT_JWKS_REFRESH_MS: "10" }],
    ["JWT_JWKS_MAX_STALE_MS", { ...jwks, JWT_JWKS_MAX_STALE_MS: "5000" }],
    ["JWT_JWKS_TIMEOUT_MS", { ...jwks, JWT_JWKS_TIMEOUT_MS: "1s" }],
  ])("rejects %s with a problem that quotes no value: %j", (name, bindings) => {
    const { problems } = read(bindings);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(name);
    expect(problems[0]).not.toContain("hunter2");
  });
});
