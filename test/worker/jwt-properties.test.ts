import fc from "fast-check";
import { SignJWT } from "jose";
import { expect, it } from "vitest";
import { readBindings } from "../../worker/isolate/bindings.ts";
import { createJwtReader } from "../../worker/identity/jwt/jwt-reader.ts";
import { readJwtSettings } from "../../worker/identity/jwt/jwt-settings.ts";
import { isFull, runs } from "../support/thoroughness.ts";

const RUNS = runs(10_000);
const now = Date.UTC(2026, 10, 26);
const secret = "a shared secret of 35 characters...";

const settings = readJwtSettings(
  readBindings({ JWT_SECRET: secret, JWT_COOKIE: "session", JWT_CLAIMS: "plan" }),
);
if (settings === undefined) throw new Error("no settings");
const read = createJwtReader(settings, { report: () => undefined, now: () => now });

const token = await new SignJWT({ sub: "u1", plan: "free", exp: now / 1_000 + 600 })
  .setProtectedHeader({ alg: "HS256" })
  .sign(new TextEncoder().encode(secret));
const genuine = { context: { targetingKey: "u1", userId: "u1", plan: "free" } };

/** What may stand in a header, and some of what must not. */
const character = fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code));
const text = fc.string({ unit: character, maxLength: 300 });

const mutation = fc.oneof(
  fc
    .record({ at: fc.nat(token.length - 1), by: character })
    .map(({ at, by }) => token.slice(0, at) + by + token.slice(at + 1)),
  fc
    .record({ at: fc.nat(token.length), by: text })
    .map(({ at, by }) => token.slice(0, at) + by + token.slice(at)),
  fc
    .record({ from: fc.nat(token.length), to: fc.nat(token.length) })
    .map(({ from, to }) => token.slice(0, from) + token.slice(to)),
  fc
    .array(fc.constantFrom(...token.split("."), "", "e30", "eyJhbGciOiJub25lIn0"), { maxLength: 6 })
    .map((parts) => parts.join(".")),
);

it("a changed token is refused, or has exactly the same claims", async () => {
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(mutation, async (changed) => {
      const identity = await read(new Headers({ authorization: `Bearer ${changed}` }), () => undefined);
      if (identity === undefined) refused += 1;
      // The last character of a signature has bits that mean nothing.
      else expect(identity).toEqual(genuine);
    }),
    { numRuns: RUNS },
  );
  expect(refused).toBeGreaterThan(RUNS / 2);
});

it("any other header identifies nobody and never fails", async () => {
  const anything = fc.oneof(
    text,
    mutation,
    text.map((some) => `Bearer ${some}`),
    fc
      .tuple(text, mutation, text)
      .map(([before, changed, after]) => `${before}; session=${changed};${after}`),
  );
  await fc.assert(
    fc.asyncProperty(anything, anything, async (authorization, cookie) => {
      const identity = await read(new Headers({ authorization, cookie }), () => undefined);
      expect([undefined, genuine]).toContainEqual(identity);
    }),
    { numRuns: RUNS },
  );
});

it("claims of any shape make an identity of the right types, or none", async () => {
  const value = fc.oneof(fc.string(), fc.anything());
  const claims = fc.record({ sub: value, plan: value, anonymous_id: value }, { requiredKeys: [] });
  let identities = 0;
  await fc.assert(
    fc.asyncProperty(fc.oneof(claims, fc.object()), async (given) => {
      let signed: string;
      try {
        signed = await new SignJWT({
          ...(JSON.parse(JSON.stringify(given)) as object),
          exp: now / 1_000 + 600,
        })
          .setProtectedHeader({ alg: "HS256" })
          .sign(new TextEncoder().encode(secret));
      } catch {
        // No JSON: a bigint, a circle.
        return;
      }
      const identity = await read(new Headers({ authorization: `Bearer ${signed}` }), () => undefined);
      if (identity === undefined) return;
      identities += 1;
      expect(typeof identity.context.userId).toBe("string");
      expect(["string", "undefined"]).toContain(typeof identity.context.plan);
      expect(["string", "undefined"]).toContain(typeof identity.anonymousId);
      expect(Object.getPrototypeOf(identity.context)).toBe(Object.prototype);
    }),
    { numRuns: runs(1_000) },
  );
  if (isFull) expect(identities).toBeGreaterThan(100);
});
