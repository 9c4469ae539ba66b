import { createHash, timingSafeEqual } from "node:crypto";
import { createMiddleware } from "hono/factory";
import { Problem } from "../problem/problem.ts";

/** Lets requests through that carry the token as `Authorization: Bearer …` (RFC 6750). */
export function requireBearerToken(token: string) {
  const expected = sha256(token);
  return createMiddleware(async function bearerToken(context, next) {
    const [, given] = /^Bearer +(\S+) *$/i.exec(context.req.header("authorization") ?? "") ?? [];
    // Digests have one length, and comparing them takes the same time whatever was sent.
    if (given === undefined || !timingSafeEqual(sha256(given), expected)) {
      throw new Problem(
        "unauthorized",
        given === undefined
          ? "send the admin token as `Authorization: Bearer <token>`"
          : "this is not the admin token",
      );
    }
    await next();
  });
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
