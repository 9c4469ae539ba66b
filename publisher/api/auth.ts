import { createHash, timingSafeEqual } from "node:crypto";
import { createMiddleware } from "hono/factory";
import { Problem } from "../problem/problem.ts";

/** Refuses requests without the token in `Authorization: Bearer …` (RFC 6750). */
export function requireBearerToken(token: string) {
  const expected = sha256(token);
  return createMiddleware(async function bearerToken(context, next) {
    const [, given] = /^Bearer +(\S+) *$/i.exec(context.req.header("authorization") ?? "") ?? [];
    // Comparing digests takes equal time for every token, so the time reveals nothing.
    if (given === undefined || !timingSafeEqual(sha256(given), expected)) {
      throw new Problem(
        "unauthorized",
        given === undefined
          ? "the admin token is missing: send `Authorization: Bearer <token>`"
          : "this is not the admin token",
      );
    }
    await next();
  });
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
