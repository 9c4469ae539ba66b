import { toFault, type Report } from "../../isolate/fault.ts";
import type { WaitUntil } from "../../isolate/wait-until.ts";
import { createJwksKeys } from "./jwks-keys.ts";
import { toIdentity, type JwtIdentity } from "./jwt-claims.ts";
import { createFixedKeys, importPems, importSecrets, type FindKeys } from "./jwt-keys.ts";
import type { JwtSettings } from "./jwt-settings.ts";
import { findToken } from "./jwt-token.ts";
import { verifyJwt } from "./verify-jwt.ts";

/**
 * Returns the identity in a request's token; undefined when there is no valid token. Never rejects: a refused token is
 * reported, and its sender stays anonymous.
 */
export type JwtReader = (headers: Headers, waitUntil: WaitUntil) => Promise<JwtIdentity | undefined>;

export interface JwtReaderOptions {
  readonly report: Report;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  readonly fetch?: typeof globalThis.fetch;
  readonly random?: () => number;
}

/** Makes the reader that all requests of an isolate share. */
export function createJwtReader(settings: JwtSettings, options: JwtReaderOptions): JwtReader {
  const { report, now = Date.now } = options;
  const findKeys = createFindKeys(settings, options);

  return async function readJwt(headers, waitUntil) {
    try {
      const token = findToken(headers, settings.cookie);
      if (token === undefined) return undefined;
      const claims = await verifyJwt(token, settings, (hint) => findKeys(hint, waitUntil), now());
      return toIdentity(claims, settings.claims);
    } catch (error) {
      report(toFault(error));
      return undefined;
    }
  };
}

function createFindKeys(settings: JwtSettings, options: JwtReaderOptions): FindKeys {
  const { keys, algorithms } = settings;
  const { report, now = Date.now, fetch = globalThis.fetch, random = Math.random } = options;
  if (keys.kind === "secret") return createFixedKeys(() => importSecrets(keys.secrets, algorithms));
  if (keys.kind === "pem") return createFixedKeys(() => importPems(keys.pems, algorithms));
  return createJwksKeys({ jwks: keys, algorithms, report, now, fetch, random });
}
