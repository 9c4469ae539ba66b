import type { BindingReader } from "../../isolate/bindings.ts";
import { algorithmOf, type JwtAlgorithm } from "./jwt-algorithms.ts";
import { isKeyTypeOf, splitPems } from "./public-key-pem.ts";

/** Each is a source of keys; they exclude one another. */
export const KEY_SOURCES = ["JWT_JWKS_URL", "JWT_PUBLIC_KEY", "JWT_SECRET"] as const;

/** By what a token is checked. */
export type JwtKeySource =
  | { readonly kind: "secret"; readonly secrets: readonly string[] }
  /** One or several public keys, each a PEM text (SPKI). */
  | { readonly kind: "pem"; readonly pems: readonly string[] }
  | ({ readonly kind: "jwks" } & JwksSettings);

/** Where an issuer publishes its keys, and how they are kept. Times are in milliseconds. */
export interface JwksSettings {
  readonly url: string;
  /** From this age on they are fetched anew, behind the answer. */
  readonly refreshMs: number;
  /** How long a request whose key is not at hand waits at most. */
  readonly timeoutMs: number;
  /** Through an outage they are used up to this age. */
  readonly maxStaleMs: number;
}

/** Reads what goes with one of the sources; problems are the reader's. */
export function readKeySource(
  read: BindingReader,
  source: (typeof KEY_SOURCES)[number],
  algorithms: readonly JwtAlgorithm[],
): JwtKeySource {
  if (source === "JWT_SECRET") return { kind: "secret", secrets: readSecrets(read, algorithms) };
  if (source === "JWT_PUBLIC_KEY") {
    let pems: readonly string[] = [];
    const mend = `set it to a public key in PEM, "-----BEGIN PUBLIC KEY-----" and what follows, or to several`;
    read.text("JWT_PUBLIC_KEY", mend, (text) => (pems = splitPems(text)).length > 0);
    const unfit = pems.findIndex((pem) => !isKeyTypeOf(pem, algorithms));
    // Without algorithms those are the problem, and have been named.
    if (unfit !== -1 && algorithms.length > 0) {
      const names = algorithms.join(", ");
      read.problems.push(
        `JWT_PUBLIC_KEY: key ${unfit + 1} is for none of ${names}: set JWT_ALGORITHMS to its own`,
      );
    }
    return { kind: "pem", pems };
  }
  const refreshMs = read.integer("JWT_JWKS_REFRESH_MS", 600_000, 1_000, 86_400_000);
  const maxStaleMs = read.integer("JWT_JWKS_MAX_STALE_MS", 86_400_000, 1_000, 30 * 86_400_000);
  if (maxStaleMs < refreshMs) {
    read.problems.push("JWT_JWKS_MAX_STALE_MS must be at least JWT_JWKS_REFRESH_MS");
  }
  return {
    kind: "jwks",
    url: read.text("JWT_JWKS_URL", "set it to the https URL of the issuer's JSON Web Key Set", isKeyUrl),
    refreshMs,
    timeoutMs: read.integer("JWT_JWKS_TIMEOUT_MS", 500, 10, 10_000),
    maxStaleMs,
  };
}

function readSecrets(read: BindingReader, algorithms: readonly JwtAlgorithm[]): readonly string[] {
  const minBytes = Math.max(...algorithms.map((name) => algorithmOf(name).minBytes ?? 0));
  const mend = `use at least ${minBytes} bytes, without spaces or line ends around: \`openssl rand -base64 48\` makes one`;
  const holds = (text: string): boolean =>
    text === text.trim() && new TextEncoder().encode(text).length >= minBytes;
  const names = ["JWT_SECRET", "JWT_SECRET_PREVIOUS"] as const;
  return names.filter((name) => read.has(name)).map((name) => read.text(name, mend, holds));
}

/** Over plain http anybody on the way could be the issuer: for a local one only. */
function isKeyUrl(text: string): boolean {
  const url = /\s/.test(text) ? null : URL.parse(text);
  if (url === null || url.username !== "" || url.hash !== "") return false;
  const isLocal = ["localhost", "127.0.0.1", "[::1]"].includes(url.hostname);
  return url.protocol === "https:" || (url.protocol === "http:" && isLocal);
}
