import { ENVIRONMENT_PATTERN } from "../shared/snapshot/snapshot.ts";
import { parseSigningKeys, type SigningKeys } from "../shared/x-flags/signing-keys.ts";
import { readExposureSettings, type ExposureSettings } from "./decide/expose.ts";
import { readStaticPaths, type StaticPaths } from "./decide/static-evaluation.ts";
import { readJwtSettings, type JwtSettings } from "./identity/jwt/jwt-settings.ts";
import { readContextSecrets } from "./identity/trusted-context.ts";
import { readUnsignedUntil } from "./identity/visitor/visitor-ids.ts";
import { readBindings, secureUrl, type Bindings, type Checked } from "./isolate/bindings.ts";
import type { SiteOrigin } from "./origin/proxy.ts";
import { readOverrideKeys } from "./override/override-settings.ts";

/** The settings of the flags. Times are in milliseconds. */
export interface FlagSettings {
  readonly environment: string;
  readonly redisUrl: string;
  readonly redisToken: string;
  readonly refreshMs: number;
  readonly redisTimeoutMs: number;
  readonly maxStaleMs: number;
  /** The secrets with which a proxy may prove itself; none: no proxy is trusted. */
  readonly contextSecrets: readonly string[];
  /** Undefined: no token is accepted. */
  readonly jwt: JwtSettings | undefined;
  /** Undefined: nothing is signed. */
  readonly signingKeys: SigningKeys | undefined;
  /** Undefined: every request is evaluated. */
  readonly staticPaths: StaticPaths | undefined;
  /** Undefined: no test override is accepted. */
  readonly overrideKeys: SigningKeys | undefined;
  /** Until when unsigned cookies are accepted despite keys, in milliseconds since the epoch. */
  readonly unsignedUntil: number | undefined;
  /** Undefined: exposures are not logged. */
  readonly exposures: ExposureSettings | undefined;
}

/** The two halves fail separately: without flags everything is off, without an origin there is no site. */
export interface Environment {
  readonly origin: Checked<SiteOrigin>;
  readonly flags: Checked<FlagSettings>;
}

/** Validates every binding. Never throws. */
export function readEnvironment(bindings: Bindings): Environment {
  return { origin: readOrigin(bindings), flags: readFlagSettings(bindings) };
}

function readOrigin({ ORIGIN: fetcher, ORIGIN_URL: given }: Bindings): Checked<SiteOrigin> {
  if (typeof fetcher === "object" && fetcher !== null) return { value: { kind: "binding", fetcher } };
  if (given === undefined || given === "") {
    return {
      problems: ["ORIGIN_URL is not set: set it (or a service binding named ORIGIN) in wrangler.toml"],
    };
  }
  const url = typeof given === "string" && !/\s/.test(given) ? URL.parse(given) : null;
  if (url === null || !["http:", "https:"].includes(url.protocol)) {
    return { problems: ["ORIGIN_URL must be an http or https URL such as https://origin.example.com"] };
  }
  if (url.pathname !== "/" || url.search !== "" || url.hash !== "" || url.username !== "") {
    return {
      problems: ["ORIGIN_URL must be scheme, host and port only: remove path, query and user name"],
    };
  }
  return { value: { kind: "url", base: url.origin } };
}

function readFlagSettings(bindings: Bindings): Checked<FlagSettings> {
  const read = readBindings(bindings);
  const jwt = readJwtSettings(read);
  const signingKeys = read.parsed("SIGNING_KEYS", parseSigningKeys);
  const jwtSecrets = jwt?.keys.kind === "secret" ? jwt.keys.secrets : [];
  const settings: FlagSettings = {
    jwt,
    signingKeys,
    staticPaths: readStaticPaths(read),
    overrideKeys: readOverrideKeys(read, { signingKeys, jwtSecrets }),
    unsignedUntil: readUnsignedUntil(read),
    exposures: readExposureSettings(read),
    environment: read.text(
      "SLUICE_ENV",
      `set it in wrangler.toml to the publisher's SLUICE_ENV, matching ${ENVIRONMENT_PATTERN.source}`,
      (value) => ENVIRONMENT_PATTERN.test(value),
    ),
    redisUrl: read.text(
      "UPSTASH_REDIS_REST_URL",
      "run `wrangler secret put UPSTASH_REDIS_REST_URL` with the https URL of the database's REST API",
      (value) => secureUrl(value)?.search === "",
    ),
    redisToken: read.text(
      "UPSTASH_REDIS_REST_TOKEN",
      "run `wrangler secret put UPSTASH_REDIS_REST_TOKEN` with the read-only token, without spaces or line ends",
      (value) => /^[\x21-\x7e]+$/.test(value),
    ),
    refreshMs: read.integer("REFRESH_MS", 5_000, 20, 600_000),
    redisTimeoutMs: read.integer("REDIS_TIMEOUT_MS", 150, 10, 10_000),
    maxStaleMs: read.integer("MAX_STALE_MS", 3_600_000, 100, 30 * 86_400_000),
    contextSecrets: readContextSecrets(read),
  };
  if (settings.maxStaleMs < 3 * settings.refreshMs) {
    // Flags would turn off between two ordinary refreshes.
    read.problems.push("MAX_STALE_MS must be at least 3 times REFRESH_MS");
  }
  return read.problems.length > 0 ? { problems: read.problems } : { value: settings };
}
