import type { Parsed } from "../../../shared/flag/fault.ts";
import type { BindingReader } from "../../isolate/bindings.ts";
import { ALGORITHMS, algorithmOf, isAlgorithm, type JwtAlgorithm } from "./jwt-algorithms.ts";
import {
  parseClaimMappings,
  parseRequiredClaims,
  type ClaimMapping,
  type RequiredClaim,
} from "./jwt-claims.ts";
import { KEY_SOURCES, readKeySource, type JwtKeySource } from "./jwt-key-settings.ts";

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
    keys: readKeySource(read, source, algorithms),
    algorithms,
    ...(issuers !== undefined && { issuers }),
    ...(audiences !== undefined && { audiences: audiences.join() === "*" ? "any" : audiences }),
    required: required ?? [],
    ...(read.has("JWT_COOKIE") && { cookie: readCookieName(read) }),
    claims: claims ?? [],
    clockSkewS: read.integer("JWT_CLOCK_SKEW_S", 30, 0, 300, "seconds"),
  };
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

function splitList(text: string): readonly string[] {
  return text.split(",").map((item) => item.trim());
}
