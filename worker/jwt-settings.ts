import type { Parsed } from "../shared/snapshot.ts";
import type { BindingReader } from "./binding-reader.ts";
import { ALGORITHMS, algorithmOf, isAlgorithm, type JwtAlgorithm } from "./jwt-algorithms.ts";
import {
  parseClaimMappings,
  parseRequiredClaims,
  type ClaimMapping,
  type RequiredClaim,
} from "./jwt-claims.ts";

/** The variables of this file. */
export interface JwtBindings {
  readonly JWT_JWKS_URL?: unknown;
  readonly JWT_PUBLIC_KEY?: unknown;
  readonly JWT_SECRET?: unknown;
  readonly JWT_SECRET_PREVIOUS?: unknown;
  readonly JWT_ALGORITHMS?: unknown;
  readonly JWT_ISSUER?: unknown;
  readonly JWT_AUDIENCE?: unknown;
  readonly JWT_REQUIRED_CLAIMS?: unknown;
  readonly JWT_COOKIE?: unknown;
  readonly JWT_CLAIMS?: unknown;
  readonly JWT_CLOCK_SKEW_S?: unknown;
  readonly JWT_JWKS_REFRESH_MS?: unknown;
  readonly JWT_JWKS_TIMEOUT_MS?: unknown;
  readonly JWT_JWKS_MAX_STALE_MS?: unknown;
}

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

/** Which tokens are believed, and what is taken from them. */
export interface JwtSettings {
  readonly keys: JwtKeySource;
  readonly algorithms: readonly JwtAlgorithm[];
  /** Any of them; absent for a shared secret alone: whoever has it is the issuer. */
  readonly issuers?: readonly string[];
  /** Any of them; `any`: whoever a token is meant for. Absent: one that names an audience is meant for somebody else. */
  readonly audiences?: readonly string[] | "any";
  readonly required: readonly RequiredClaim[];
  /** The cookie that holds a token, beside `Authorization: Bearer`. */
  readonly cookie?: string;
  readonly claims: readonly ClaimMapping[];
  /** By how much the issuer's clock may differ, in seconds. */
  readonly clockSkewS: number;
}

const KEY_SOURCES = ["JWT_JWKS_URL", "JWT_PUBLIC_KEY", "JWT_SECRET"] as const;
/** Without keys they do nothing, and who set them believes otherwise. */
const COMPANIONS = [
  "JWT_SECRET_PREVIOUS",
  "JWT_ALGORITHMS",
  "JWT_ISSUER",
  "JWT_AUDIENCE",
  "JWT_REQUIRED_CLAIMS",
  "JWT_COOKIE",
  "JWT_CLAIMS",
] as const;

const DEFAULT_ALGORITHMS = { secret: "HS256", public: "RS256,ES256,EdDSA" };
const MAX_PEMS = 8;

/** Reads the JWT_* variables; undefined while none is set, or where a problem was found and named. */
export function readJwtSettings(read: BindingReader): JwtSettings | undefined {
  const [source, ...others] = KEY_SOURCES.filter((name) => read.has(name));
  if (source === undefined) {
    const lost = COMPANIONS.filter((name) => read.has(name));
    if (lost.length > 0) {
      read.problems.push(`${lost.join(", ")} without keys: set one of ${KEY_SOURCES.join(", ")}`);
    }
    return undefined;
  }
  if (others.length > 0) {
    read.problems.push(`${[source, ...others].join(" and ")} are set: keep one of them`);
    return undefined;
  }
  if (source !== "JWT_SECRET" && read.has("JWT_SECRET_PREVIOUS")) {
    read.problems.push("JWT_SECRET_PREVIOUS goes with JWT_SECRET: remove it");
  }
  const isSecret = source === "JWT_SECRET";
  const algorithms = readAlgorithms(read, isSecret);
  const issuers = readList(read, "JWT_ISSUER", "set it to the exact `iss` of the tokens", !isSecret);
  const audiences = readList(
    read,
    "JWT_AUDIENCE",
    "set it to the `aud` of this site's tokens, or to * if they have none that tells sites apart",
    !isSecret,
  );
  const claims = readParsed(read, "JWT_CLAIMS", parseClaimMappings, "userId=sub");
  const required = readParsed(read, "JWT_REQUIRED_CLAIMS", parseRequiredClaims);
  return {
    keys: readKeys(read, source, algorithms),
    algorithms,
    ...(issuers !== undefined && { issuers }),
    ...(audiences !== undefined && { audiences: audiences.includes("*") ? "any" : audiences }),
    required: required ?? [],
    ...(read.has("JWT_COOKIE") && { cookie: readCookieName(read) }),
    claims: claims ?? [],
    clockSkewS: read.integer("JWT_CLOCK_SKEW_S", 30, 0, 300, "seconds"),
  };
}

function readKeys(
  read: BindingReader,
  source: (typeof KEY_SOURCES)[number],
  algorithms: readonly JwtAlgorithm[],
): JwtKeySource {
  if (source === "JWT_SECRET") return { kind: "secret", secrets: readSecrets(read, algorithms) };
  if (source === "JWT_PUBLIC_KEY") {
    let pems: readonly string[] = [];
    const mend = `set it to a public key in PEM, "-----BEGIN PUBLIC KEY-----" and what follows, or to several`;
    read.text("JWT_PUBLIC_KEY", mend, (text) => (pems = splitPems(text)).length > 0);
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

/** A public key as an HMAC's secret is what everybody knows: the two kinds never meet. */
function readAlgorithms(read: BindingReader, isSecret: boolean): readonly JwtAlgorithm[] {
  const known = Object.keys(ALGORITHMS)
    .filter(isAlgorithm)
    .filter((name) => (algorithmOf(name).kty === "oct") === isSecret);
  let names = isSecret ? DEFAULT_ALGORITHMS.secret : DEFAULT_ALGORITHMS.public;
  if (read.has("JWT_ALGORITHMS")) {
    const mend = `use some of ${known.join(", ")}, separated by commas: those that ${
      isSecret ? "a shared secret" : "a public key"
    } checks`;
    names = read.text("JWT_ALGORITHMS", mend, (text) =>
      splitList(text).every((name) => known.some((one) => one === name)),
    );
  }
  return splitList(names).filter(isAlgorithm);
}

function readList(
  read: BindingReader,
  name: "JWT_ISSUER" | "JWT_AUDIENCE",
  mend: string,
  isNeeded: boolean,
): readonly string[] | undefined {
  if (!isNeeded && !read.has(name)) return undefined;
  return splitList(read.text(name, mend, (text) => splitList(text).every((item) => item !== "")));
}

function readParsed<T>(
  read: BindingReader,
  name: "JWT_CLAIMS" | "JWT_REQUIRED_CLAIMS",
  parse: (text: string) => Parsed<T>,
  fallback?: string,
): T | undefined {
  const text = read.has(name) ? read.text(name, "must be a text", () => true) : fallback;
  if (text === undefined || text === "") return undefined;
  const parsed = parse(text);
  if ("value" in parsed) return parsed.value;
  read.problems.push(`${name}: ${parsed.problem}`);
  return undefined;
}

function readCookieName(read: BindingReader): string {
  return read.text(
    "JWT_COOKIE",
    "must be the name of a cookie, and none of Sluice's own",
    (name) => /^[\w!#$%&'*+.^`|~-]{1,128}$/.test(name) && !name.toLowerCase().startsWith("__host-sluice-"),
  );
}

/** Over plain http anybody on the way could be the issuer: for a local one only. */
function isKeyUrl(text: string): boolean {
  const url = /\s/.test(text) ? null : URL.parse(text);
  if (url === null || url.username !== "" || url.hash !== "") return false;
  const isLocal = ["localhost", "127.0.0.1", "[::1]"].includes(url.hostname);
  return url.protocol === "https:" || (url.protocol === "http:" && isLocal);
}

/** Secrets stores and `.env` files often keep line ends as `\n`. */
function splitPems(text: string): readonly string[] {
  const begin = "-----BEGIN PUBLIC KEY-----";
  const end = "-----END PUBLIC KEY-----";
  const blocks = text.replaceAll("\\n", "\n").split(begin);
  const pems = blocks.slice(1).map((block) => `${begin}${block.trimEnd()}`);
  const isWhole = (pem: string): boolean =>
    pem.endsWith(end) && /^[A-Za-z0-9+/=\s]+$/.test(pem.slice(begin.length, -end.length));
  return blocks[0]?.trim() === "" && pems.length <= MAX_PEMS && pems.every(isWhole) ? pems : [];
}

function splitList(text: string): readonly string[] {
  return text.split(",").map((item) => item.trim());
}
