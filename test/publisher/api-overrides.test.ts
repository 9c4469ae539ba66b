import { decodeProtectedHeader, jwtVerify } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startApiSystem, type ApiSystem } from "../support/api-system.ts";

let system: ApiSystem;

const create = async (key: string, patch: object, enabled = true): Promise<void> => {
  await system.call("POST", "/api/v1/flags", { body: { key } });
  await system.call("PATCH", `/api/v1/flags/${key}`, { body: patch, ifMatch: "*" });
  if (!enabled) return;
  await system.call("PATCH", `/api/v1/flags/${key}/toggle`, { body: { enabled: true }, ifMatch: "*" });
};

beforeAll(async () => {
  system = await startApiSystem();
  await create("ai_search", { description: "Answers by a model" });
  await create("copilot", {
    variants: [
      { key: "small", weight: 1 },
      { key: "large", weight: 1 },
    ],
  });
  await create("everybody", {});
  await system.call("PATCH", "/api/v1/flags/everybody/rollout", { body: { rollout_pct: 100 }, ifMatch: "*" });
  await create("half", {});
  await system.call("PATCH", "/api/v1/flags/half/rollout", { body: { rollout_pct: 99 }, ifMatch: "*" });
  await create("disabled", {}, false);
  await create("by_company", {
    bucket_by: "organization",
    variants: [
      { key: "a", weight: 1 },
      { key: "b", weight: 1 },
    ],
  });
  const needing = (flag: string, variant?: string) => ({ requires: [{ flag, ...(variant && { variant }) }] });
  await create("needs_nobody", needing("ai_search"));
  await create("needs_half", needing("half"));
  await create("needs_all", needing("everybody"));
  await create("needs_disabled", needing("disabled"));
  await create("needs_large", needing("copilot", "large"));
  await create("needs_killed", needing("killed"));
  await create("killed", {});
  await create("needs_killed", needing("killed"));
  await system.call("PATCH", "/api/v1/flags/needs_killed", { body: needing("killed"), ifMatch: "*" });
  // Only at the edge: Postgres has not recorded it.
  await system.redisCommand("SET", "sluice:test:off", '{"killed":null}');
  await create("broken", {});
  await system.sql(`UPDATE feature_flags SET targeting = '{"regions": ["eu"]}' WHERE key = 'broken'`);
});
afterAll(() => system.stop());

const sign = (flags: unknown, expires_in: unknown = 7_200) =>
  system.call("POST", "/api/v1/overrides", { body: { flags, expires_in } });

interface Signed {
  readonly id: string;
  readonly token: string;
  readonly path: string;
  readonly ends_at: string;
  readonly flags: readonly {
    readonly flag_key: string;
    readonly in_force: string;
    readonly detail?: string;
  }[];
}
const signed = async (flags: object, seconds?: number): Promise<Signed> => {
  const answer = await sign(flags, seconds);
  expect([answer.status, answer.text]).toEqual([200, expect.any(String)]);
  return answer.body as unknown as Signed;
};

test("signs a token of its own kind, for this environment, that ends", async () => {
  const { id, token, path, ends_at, flags } = await signed({ ai_search: "on", copilot: "large" });
  expect(path).toBe(`/.well-known/sluice/override?token=${token}`);
  expect(decodeProtectedHeader(token)).toEqual({ alg: "HS256", typ: "sluice-override+jwt", kid: "test" });
  const { payload } = await jwtVerify(token, Buffer.alloc(32, "override"), { audience: "sluice:test" });
  expect(payload).toEqual({
    flags: { ai_search: "on", copilot: "large" },
    aud: "sluice:test",
    jti: id,
    iat: expect.any(Number) as number,
    exp: Date.parse(ends_at) / 1000,
  });
  expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(7_200);
  expect(flags).toEqual([
    { flag_key: "ai_search", forced: "on", in_force: "always" },
    { flag_key: "copilot", forced: "large", in_force: "always" },
  ]);
});

test("every one is in the audit and in the log, without the token", async () => {
  const { id, token, ends_at } = await signed({ ai_search: "off" });
  const [row] = await system.sql("SELECT * FROM override_audit WHERE id = $1", [id]);
  expect(row).toMatchObject({ actor: "admin", flags: { ai_search: "off" }, ends_at: new Date(ends_at) });
  const line = system.logLines.find((text) => text.includes(id)) ?? "";
  expect(JSON.parse(line)).toEqual({
    event: "override.signed",
    id,
    actor: "admin",
    flags: { ai_search: "off" },
    ends_at,
  });
  expect(system.logLines.join("\n")).not.toContain(token.split(".")[2]);
  const everything = JSON.stringify(await system.sql("SELECT * FROM override_audit"));
  expect(everything).not.toContain(token.split(".")[2]);
  await expect(system.sql("DELETE FROM override_audit")).rejects.toThrow("append-only");
  await expect(system.sql("UPDATE override_audit SET actor = 'x'")).rejects.toThrow("append-only");
  await expect(system.sql("TRUNCATE override_audit")).rejects.toThrow("append-only");
});

describe("the effect of an override now", () => {
  test.for<[flags: Record<string, string>, key: string, inForce: string, detail: RegExp | undefined]>([
    [{ ai_search: "on" }, "ai_search", "always", undefined],
    [{ copilot: "on" }, "copilot", "always", undefined],
    [{ killed: "on" }, "killed", "never", /^it was killed$/],
    [{ disabled: "on" }, "disabled", "never", /^it is switched off$/],
    [{ broken: "on" }, "broken", "never", /regions/],
    [{ broken: "large" }, "broken", "never", /regions/],
    [{ by_company: "on" }, "by_company", "depends", /depends on organization.*name a variant/],
    [{ by_company: "a" }, "by_company", "always", undefined],
    [{ needs_all: "on" }, "needs_all", "always", undefined],
    [
      { needs_half: "on" },
      "needs_half",
      "depends",
      /needs half, which not every visitor has: name half as well, like half=on$/,
    ],
    [{ needs_nobody: "on" }, "needs_nobody", "depends", /needs ai_search, which not every visitor has/],
    [{ needs_nobody: "on", ai_search: "on" }, "needs_nobody", "always", undefined],
    [
      { needs_nobody: "on", ai_search: "off" },
      "needs_nobody",
      "depends",
      /needs ai_search, which is off or has another variant under this override/,
    ],
    [
      { needs_disabled: "on", disabled: "on" },
      "needs_disabled",
      "never",
      /needs disabled, which is switched off/,
    ],
    [{ needs_killed: "on" }, "needs_killed", "never", /needs killed, which was killed/],
    [
      { needs_large: "on", copilot: "small" },
      "needs_large",
      "depends",
      /needs copilot with large, which is off or has another variant under this override/,
    ],
    [{ needs_large: "on" }, "needs_large", "depends", /name copilot as well, like copilot=large$/],
    [{ needs_large: "on", copilot: "large" }, "needs_large", "always", undefined],
  ])("%j: %s %s", async ([flags, key, inForce, detail]) => {
    const found = (await signed(flags)).flags.find(({ flag_key }) => flag_key === key);
    expect(found).toMatchObject({ in_force: inForce });
    if (detail === undefined) expect(found).not.toHaveProperty("detail");
    else expect(found?.detail).toMatch(detail);
  });
});

describe("refuses", () => {
  test.for<[name: string, flags: unknown, expiresIn: unknown, pointer: string, detail: RegExp]>([
    ["a flag that is not there", { ai_serch: "on" }, 60, "/flags/ai_serch", /there is no such flag/],
    [
      "a variant that is not there",
      { copilot: "huge" },
      60,
      "/flags/copilot",
      /must be one of on, off, small, large$/,
    ],
    [
      "a variant of a boolean flag",
      { ai_search: "large" },
      60,
      "/flags/ai_search",
      /must be one of on, off$/,
    ],
    ["a key that is none", { "AI search": "on" }, 60, "/flags/AI search", /./],
    ["a value that is no text", { ai_search: true }, 60, "/flags/ai_search", /"on", "off"/],
    ["a value that is no key", { ai_search: "On" }, 60, "/flags/ai_search", /"on", "off"/],
    ["no flag", {}, 60, "/flags", /name a flag/],
    ["a list", ["ai_search"], 60, "/flags", /object/],
    [
      "too many",
      Object.fromEntries(Array.from({ length: 21 }, (_, at) => [`f${at}`, "on"])),
      60,
      "/flags",
      /at most 20/,
    ],
    ["less than a minute", { ai_search: "on" }, 59, "/expires_in", /at least 60/],
    ["more than a week", { ai_search: "on" }, 604_801, "/expires_in", /at most 604800/],
    ["a fraction", { ai_search: "on" }, 60.5, "/expires_in", /whole number/],
    ["a text", { ai_search: "on" }, "2h", "/expires_in", /whole number/],
  ])("%s", async ([, flags, expiresIn, pointer, detail]) => {
    const answer = await sign(flags, expiresIn);
    expect([answer.status, answer.body.errors?.[0]]).toEqual([
      422,
      { pointer, detail: expect.stringMatching(detail) as string },
    ]);
  });

  test.for(['{"__proto__": "on", "ai_search": "on"}', '{"__proto__": "on"}', '{"__proto__": {}}'])(
    "__proto__, which names no flag: %s",
    async (flags) => {
      const answer = await system.call("POST", "/api/v1/overrides", {
        body: `{"flags": ${flags}, "expires_in": 60}`,
      });
      expect(answer.status).toBe(422);
      expect(answer.body.errors).toContainEqual({
        pointer: "/flags/__proto__",
        detail: expect.stringMatching(/^cannot be used/) as string,
      });
    },
  );

  test("without keys, and says how to mend it", async () => {
    const other = await startApiSystem({
      databaseUrl: system.databaseUrl,
      redis: system.redis,
      signsOverrides: false,
    });
    try {
      const answer = await other.call("POST", "/api/v1/overrides", {
        body: { flags: { ai_search: "on" }, expires_in: 60 },
      });
      expect([answer.status, answer.body.detail]).toEqual([409, expect.stringContaining("OVERRIDE_KEYS")]);
    } finally {
      await other.stop();
    }
  });

  test("without the admin token", async () => {
    const headers = { authorization: "Bearer guess" };
    const answer = await system.call("POST", "/api/v1/overrides", {
      headers,
      body: { flags: { ai_search: "on" }, expires_in: 60 },
    });
    expect(answer.status).toBe(401);
  });
});

test("the longest that may be asked for fits into a cookie", async () => {
  const keys = Array.from({ length: 20 }, (_, at) => `f${at}_`.padEnd(64, "x"));
  const variant = "v".repeat(64);
  for (const key of keys) {
    await create(key, { in_header: false, variants: [{ key: variant, weight: 1 }] }, false);
  }
  const { token } = await signed(Object.fromEntries(keys.map((key) => [key, variant])));
  expect(`__Host-sluice-override=${token}`.length).toBeLessThanOrEqual(4_096);
});
