import { describe, expect, it } from "vitest";
import { readEnvironment } from "../../worker/env.ts";

const good = {
  ORIGIN_URL: "https://origin.example.com",
  UPSTASH_REDIS_REST_URL: "https://eu1-sluice.upstash.io",
  UPSTASH_REDIS_REST_TOKEN: "AaBbCc==",
  SLUICE_ENV: "production",
};
const fetcher = { fetch, connect: () => undefined } as unknown as Fetcher;

describe("readEnvironment", () => {
  it("uses the documented defaults", () => {
    expect(readEnvironment(good)).toEqual({
      origin: { value: { kind: "url", base: "https://origin.example.com" } },
      flags: {
        value: {
          environment: "production",
          redisUrl: good.UPSTASH_REDIS_REST_URL,
          redisToken: good.UPSTASH_REDIS_REST_TOKEN,
          refreshMs: 5_000,
          redisTimeoutMs: 150,
          maxStaleMs: 3_600_000,
          contextSecrets: [],
        },
      },
    });
  });

  it("reads signing keys in their order", () => {
    const [a, b] = ["a", "b"].map((letter) => btoa(letter.repeat(32)));
    const { flags } = readEnvironment({ ...good, SIGNING_KEYS: `new:${a},old:${b}` });
    expect(flags).toMatchObject({ value: { signingKeys: [{ id: "new" }, { id: "old" }] } });
    expect(readEnvironment({ ...good, SIGNING_KEYS: "" })).toEqual(readEnvironment(good));
  });

  it.each([
    ["1", 10_000],
    ["0.05", 500],
    ["0.0001", 1],
  ])("reads %s as the share of people whose exposures are logged", (sample, basisPoints) => {
    const { flags } = readEnvironment({ ...good, EXPOSURES_SAMPLE: sample });
    expect(flags).toMatchObject({ value: { exposures: { basisPoints } } });
  });

  it("logs no exposures without a share, with any key", () => {
    const key = { EXPOSURES_HMAC_KEY: "k".repeat(32) };
    for (const sample of ["0", "0.0000", ""]) {
      expect(readEnvironment({ ...good, ...key, EXPOSURES_SAMPLE: sample })).toEqual(readEnvironment(good));
    }
    const { flags } = readEnvironment({ ...good, ...key, EXPOSURES_SAMPLE: "0.5" });
    expect(flags).toMatchObject({ value: { exposures: { hmacKey: key.EXPOSURES_HMAC_KEY } } });
  });

  it.each([
    { EXPOSURES_SAMPLE: "5%" },
    { EXPOSURES_SAMPLE: "1.5" },
    { EXPOSURES_SAMPLE: "-0.1" },
    { EXPOSURES_SAMPLE: ".5" },
    { EXPOSURES_SAMPLE: "0.00001" },
    { EXPOSURES_SAMPLE: 0.5 },
    { EXPOSURES_SAMPLE: "0.5", EXPOSURES_HMAC_KEY: "k".repeat(31) },
  ])("names the problem of %j and quotes no key", (bindings) => {
    const { flags } = readEnvironment({ ...good, ...bindings });
    const [problem = ""] = "problems" in flags ? flags.problems : [];
    expect(problem).toMatch(
      "EXPOSURES_HMAC_KEY" in bindings ? /^EXPOSURES_HMAC_KEY: / : /^EXPOSURES_SAMPLE: /,
    );
    expect(problem).not.toContain("kkk");
  });

  it("reads override keys, which must differ from the other secrets", () => {
    const [a, b] = ["a", "b"].map((letter) => btoa(letter.repeat(32)));
    const { flags } = readEnvironment({ ...good, SIGNING_KEYS: `s:${a}`, OVERRIDE_KEYS: `o:${b}` });
    expect(flags).toMatchObject({ value: { overrideKeys: [{ id: "o" }] } });
    expect(readEnvironment({ ...good, OVERRIDE_KEYS: "" })).toEqual(readEnvironment(good));
    // The origin holds SIGNING_KEYS, too.
    expect(
      readEnvironment({ ...good, SIGNING_KEYS: `s:${a}`, OVERRIDE_KEYS: `o:${b},p:${a}` }).flags,
    ).toEqual({
      problems: ["OVERRIDE_KEYS holds a secret of SIGNING_KEYS or JWT_SECRET: make a secret of its own"],
    });
    // A shared secret as bytes, and as the text that it is.
    for (const text of [btoa("c".repeat(32)), "c".repeat(48)]) {
      for (const OVERRIDE_KEYS of [`o:${text}`, `o:${btoa(text)}`]) {
        expect(readEnvironment({ ...good, JWT_SECRET: text, OVERRIDE_KEYS }).flags).toMatchObject({
          problems: [expect.stringContaining("OVERRIDE_KEYS holds a secret")],
        });
      }
    }
    expect(readEnvironment({ ...good, OVERRIDE_KEYS: "o:short" }).flags).toHaveProperty(
      "problems.0",
      expect.stringMatching(/^OVERRIDE_KEYS: key 1 /),
    );
  });

  it("trusts no proxy with an empty secret, and two secrets during a change", () => {
    expect(readEnvironment({ ...good, CONTEXT_SECRET: "" })).toEqual(readEnvironment(good));
    const [now, before] = ["a secret of 26 characters", "another of 24 characters"];
    const secrets = { CONTEXT_SECRET: now, CONTEXT_SECRET_PREVIOUS: before };
    expect(readEnvironment({ ...good, ...secrets }).flags).toMatchObject({
      value: { contextSecrets: [now, before] },
    });
  });

  it("reads the last day for unsigned cookies", () => {
    const { flags } = readEnvironment({ ...good, UNSIGNED_COOKIES_UNTIL: "2027-03-31" });
    expect(flags).toMatchObject({ value: { unsignedUntil: Date.UTC(2027, 2, 31) } });
  });

  it("reads numbers written as texts and as numbers", () => {
    const { flags } = readEnvironment({
      ...good,
      REFRESH_MS: "1000",
      REDIS_TIMEOUT_MS: 50,
      MAX_STALE_MS: "60000",
    });
    expect(flags).toMatchObject({ value: { refreshMs: 1_000, redisTimeoutMs: 50, maxStaleMs: 60_000 } });
  });

  it.each(["http://localhost:8079", "http://127.0.0.1:8079", "http://[::1]:8079"])(
    "takes a local Redis end: %s",
    (UPSTASH_REDIS_REST_URL) => {
      expect(readEnvironment({ ...good, UPSTASH_REDIS_REST_URL }).flags).toHaveProperty("value");
    },
  );

  it("prefers the service binding", () => {
    const { origin } = readEnvironment({ ...good, ORIGIN: fetcher });
    expect(origin).toEqual({ value: { kind: "binding", fetcher } });
  });

  it.each([
    ["UPSTASH_REDIS_REST_URL", undefined],
    ["UPSTASH_REDIS_REST_URL", ""],
    ["UPSTASH_REDIS_REST_URL", "http://eu1-sluice.upstash.io"],
    ["UPSTASH_REDIS_REST_URL", "redis://localhost:6379"],
    ["UPSTASH_REDIS_REST_URL", "https://user:pass-hunter2@eu1-sluice.upstash.io"],
    ["UPSTASH_REDIS_REST_URL", "https://eu1-sluice.upstash.io\n"],
    ["UPSTASH_REDIS_REST_URL", 7],
    ["UPSTASH_REDIS_REST_TOKEN", undefined],
    ["UPSTASH_REDIS_REST_TOKEN", "hunter2 "],
    ["UPSTASH_REDIS_REST_TOKEN", "hunter2\n"],
    ["SLUICE_ENV", undefined],
    ["SLUICE_ENV", "Production"],
    ["SLUICE_ENV", "a:b"],
    ["REFRESH_MS", "5s"],
    ["REFRESH_MS", ""],
    ["REFRESH_MS", "0"],
    ["REFRESH_MS", "-1"],
    ["REFRESH_MS", 1.5],
    ["REDIS_TIMEOUT_MS", "60000"],
    ["MAX_STALE_MS", "14999"],
    ["CONTEXT_SECRET", "hunter2"],
    ["CONTEXT_SECRET_PREVIOUS", "hunter2"],
    ["SIGNING_KEYS", "hunter2"],
    ["SIGNING_KEYS", "k1:aHVudGVyMg=="],
    ["SIGNING_KEYS", 7],
    ["UNSIGNED_COOKIES_UNTIL", "next year"],
    ["UNSIGNED_COOKIES_UNTIL", "2027-02-31"],
    ["UNSIGNED_COOKIES_UNTIL", "2027-13-01"],
    ["UNSIGNED_COOKIES_UNTIL", "2027-03-31T00:00:00Z"],
    ["UNSIGNED_COOKIES_UNTIL", 20270331],
  ])("rejects %s = %j with a problem that does not quote the value", (name, value) => {
    const { flags, origin } = readEnvironment({ ...good, [name]: value });
    if (!("problems" in flags)) throw new Error("was accepted");
    expect(flags.problems).toHaveLength(1);
    expect(flags.problems[0]).toContain(name);
    expect(flags.problems[0]).not.toContain("hunter2");
    expect(origin).toHaveProperty("value");
  });

  it("lists every problem at once", () => {
    const { flags } = readEnvironment({ ORIGIN_URL: good.ORIGIN_URL });
    expect(flags).toHaveProperty("problems.length", 3);
  });

  it.each([
    [undefined, "is not set"],
    ["", "is not set"],
    ["origin.example.com", "must be an http or https URL"],
    ["ftp://origin.example.com", "must be an http or https URL"],
    ["https://origin.example.com/app", "remove path"],
    ["https://origin.example.com?x", "remove path"],
    ["https://user@origin.example.com", "remove path"],
  ])("rejects ORIGIN_URL = %j and still reads the flags' settings", (ORIGIN_URL, words) => {
    const { origin, flags } = readEnvironment({ ...good, ORIGIN_URL });
    expect(JSON.stringify(origin)).toContain(words);
    expect(flags).toHaveProperty("value");
  });
});
