import type { BindingReader } from "../../isolate/bindings.ts";
import { algorithmsOf, isAlgorithm, type JwtAlgorithm } from "./jwt-algorithms.ts";
import {
  SUBJECT_IS_USER,
  parseClaimMappings,
  parseRequiredClaims,
  type ClaimMapping,
  type RequiredClaim,
} from "./jwt-claims.ts";
import { KEY_SOURCES, readKeySource, type JwtKeySource } from "./jwt-key-settings.ts";

/** Which tokens are accepted, and which of their claims are used. */
export interface JwtSettings {
  readonly keys: JwtKeySource;
  readonly algorithms: readonly JwtAlgorithm[];
  /** Any of them; absent for a shared secret alone: everyone who has it is the issuer. */
  readonly issuers?: readonly string[];
  /** Any of them; `any`: a token for any audience. Absent: a token that names an audience is refused. */
  readonly audiences?: readonly string[] | "any";
  readonly required: readonly RequiredClaim[];
  /** The cookie that holds a token, besides `Authorization: Bearer`. */
  readonly cookie?: string;
  readonly claims: readonly ClaimMapping[];
  /** By how much the issuer's clock may differ, in seconds. */
  readonly clockSkewS: number;
}

/** Without keys they have no effect, so setting them is a mistake. */
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

/** Reads the JWT_* variables; undefined while none is set, or where a problem was found and added to `read`. */
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
    read.problems.push("JWT_SECRET_PREVIOUS is only used with JWT_SECRET: remove it");
  }
  const isSecret = source === "JWT_SECRET";
  const algorithms = readAlgorithms(read, isSecret ? "secret" : "public");
  const issuers = readList(read, "JWT_ISSUER", "set it to the exact `iss` of the tokens", !isSecret);
  const audiences = readList(
    read,
    "JWT_AUDIENCE",
    "set it to the `aud` of this site's tokens, or to * if their `aud` does not tell sites apart",
    !isSecret,
  );
  return {
    claims: read.parsed("JWT_CLAIMS", parseClaimMappings) ?? [SUBJECT_IS_USER],
    required: read.parsed("JWT_REQUIRED_CLAIMS", parseRequiredClaims) ?? [],
    keys: readKeySource(read, source, algorithms),
    algorithms,
    ...(issuers !== undefined && { issuers }),
    ...(audiences !== undefined && { audiences: audiences.join() === "*" ? "any" : audiences }),
    ...(read.has("JWT_COOKIE") && { cookie: readCookieName(read) }),
    clockSkewS: read.integer("JWT_CLOCK_SKEW_S", 30, 0, 300, "seconds"),
  };
}

/** Everyone knows a public key, so it must never serve as the secret of an HMAC: the two kinds are never mixed. */
function readAlgorithms(read: BindingReader, kind: "secret" | "public"): readonly JwtAlgorithm[] {
  const known = algorithmsOf(kind);
  const fix = `use some of ${known.join(", ")}, separated by commas: the algorithms of ${
    kind === "secret" ? "a shared secret" : "public keys"
  }`;
  const areKnown = (text: string): boolean =>
    splitList(text).every((name) => isAlgorithm(name) && known.includes(name));
  const names = read.has("JWT_ALGORITHMS")
    ? read.text("JWT_ALGORITHMS", fix, areKnown)
    : DEFAULT_ALGORITHMS[kind];
  return splitList(names).filter(isAlgorithm);
}

function readList(
  read: BindingReader,
  name: "JWT_ISSUER" | "JWT_AUDIENCE",
  fix: string,
  isRequired: boolean,
): readonly string[] | undefined {
  if (!isRequired && !read.has(name)) return undefined;
  return splitList(read.text(name, fix, (text) => splitList(text).every((item) => item !== "")));
}

function readCookieName(read: BindingReader): string {
  return read.text(
    "JWT_COOKIE",
    "must be the name of a cookie, and not one of Sluice's own cookies",
    (name) => /^[\w!#$%&'*+.^`|~-]{1,128}$/.test(name) && !name.toLowerCase().startsWith("__host-sluice-"),
  );
}

function splitList(text: string): readonly string[] {
  return text.split(",").map((item) => item.trim());
}
