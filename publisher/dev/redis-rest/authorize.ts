import { createHash, timingSafeEqual } from "node:crypto";
import { RestError } from "./command.ts";

/** The rights of a token. */
export type Access = "full" | "read-only";

/** Checks tokens in constant time; throws Upstash's 401 for a missing or wrong one. */
export function createAuthorize(
  token: string,
  readOnlyToken: string,
): (presented: string | undefined) => Access {
  const known: readonly (readonly [Buffer, Access])[] = [
    [digest(token), "full"],
    [digest(readOnlyToken), "read-only"],
  ];
  return function authorize(presented) {
    const given = digest(presented ?? "");
    // Always compares both, so that the time reveals nothing.
    const matches = known.filter(([expected]) => timingSafeEqual(expected, given));
    const access = matches[0]?.[1];
    if (presented === undefined || presented === "" || access === undefined) {
      throw new RestError(401, "WRONGPASS invalid or missing auth token");
    }
    return access;
  };
}

/** The token of `Authorization: Bearer …`. */
export function bearerToken(header: string | undefined): string | undefined {
  return header === undefined ? undefined : /^Bearer +(\S+)$/i.exec(header.trim())?.[1];
}

/** timingSafeEqual needs inputs of equal length. */
function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
