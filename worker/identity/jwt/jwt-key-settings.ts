import { secureUrl, type BindingReader } from "../../isolate/bindings.ts";
import { hmacOf, isKeyTypeOf, splitPems, type JwtAlgorithm } from "./jwt-algorithms.ts";

/** The settings that name keys; exactly one of them may be set. */
export const KEY_SOURCES = ["JWT_JWKS_URL", "JWT_PUBLIC_KEY", "JWT_SECRET"] as const;

/** The keys that check tokens. */
export type JwtKeySource =
  | { readonly kind: "secret"; readonly secrets: readonly string[] }
  /** One or several public keys, each a PEM text (SPKI). */
  | { readonly kind: "pem"; readonly pems: readonly string[] }
  | ({ readonly kind: "jwks" } & JwksSettings);

/** Where an issuer publishes its keys, and how long they are cached. Times are in milliseconds. */
export interface JwksSettings {
  readonly url: string;
  /** From this age on they are fetched again, behind the answer. */
  readonly refreshMs: number;
  /** How long a request whose key is not cached waits. */
  readonly timeoutMs: number;
  /** In an outage they are used up to this age. */
  readonly maxStaleMs: number;
}

/** Reads the keys and what belongs to them; problems are added to `read`. */
export function readKeySource(
  read: BindingReader,
  source: (typeof KEY_SOURCES)[number],
  algorithms: readonly JwtAlgorithm[],
): JwtKeySource {
  if (source === "JWT_SECRET") return { kind: "secret", secrets: readSecrets(read, algorithms) };
  if (source === "JWT_PUBLIC_KEY") return { kind: "pem", pems: readPems(read, algorithms) };
  const refreshMs = read.integer("JWT_JWKS_REFRESH_MS", 600_000, 1_000, 86_400_000);
  const maxStaleMs = read.integer("JWT_JWKS_MAX_STALE_MS", 86_400_000, 1_000, 30 * 86_400_000);
  if (maxStaleMs < refreshMs) {
    read.problems.push("JWT_JWKS_MAX_STALE_MS must be at least JWT_JWKS_REFRESH_MS");
  }
  return {
    kind: "jwks",
    url: read.text(
      "JWT_JWKS_URL",
      "set it to the https URL of the issuer's JSON Web Key Set",
      (text) => secureUrl(text) !== undefined,
    ),
    refreshMs,
    timeoutMs: read.integer("JWT_JWKS_TIMEOUT_MS", 500, 10, 10_000),
    maxStaleMs,
  };
}

function readPems(read: BindingReader, algorithms: readonly JwtAlgorithm[]): readonly string[] {
  let pems: readonly string[] = [];
  const fix = `set it to one or several public keys in PEM, each from "-----BEGIN PUBLIC KEY-----" to "-----END PUBLIC KEY-----"`;
  read.text("JWT_PUBLIC_KEY", fix, (text) => (pems = splitPems(text)).length > 0);
  const unfit = pems.findIndex((pem) => !isKeyTypeOf(pem, algorithms));
  // Without valid algorithms those are the problem, and it is in the list already.
  if (unfit !== -1 && algorithms.length > 0) {
    read.problems.push(
      `JWT_PUBLIC_KEY: key ${unfit + 1} does not fit ${algorithms.join(", ")}: set JWT_ALGORITHMS to the key's own algorithm`,
    );
  }
  return pems;
}

function readSecrets(read: BindingReader, algorithms: readonly JwtAlgorithm[]): readonly string[] {
  const minBytes = Math.max(...algorithms.map((name) => hmacOf(name).minBytes));
  const fix = `use at least ${minBytes} bytes without spaces or line ends around them: \`openssl rand -base64 48\` makes one`;
  const isValid = (text: string): boolean =>
    text === text.trim() && new TextEncoder().encode(text).length >= minBytes;
  const names = ["JWT_SECRET", "JWT_SECRET_PREVIOUS"] as const;
  return names.filter((name) => read.has(name)).map((name) => read.text(name, fix, isValid));
}
