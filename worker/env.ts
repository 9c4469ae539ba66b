import { ENVIRONMENT_PATTERN } from "../shared/snapshot/snapshot.ts";
import { readBindings, type Bindings, type Checked } from "./isolate/bindings.ts";
import { readExposureSettings, type ExposureSettings } from "./decide/exposure-settings.ts";
import { readContextSecrets, readUnsignedUntil } from "./identity/identity-settings.ts";
import { readJwtSettings, type JwtSettings } from "./identity/jwt/jwt-settings.ts";
import type { Origin } from "./origin/proxy.ts";
import { readOverrideKeys } from "./override/override-settings.ts";
import { readSigningKeys, type SigningKeys } from "./isolate/signing-settings.ts";
import { readStaticPaths, type StaticPaths } from "./decide/static-paths.ts";

/** What the flags need. Times are in milliseconds. */
export interface FlagSettings {
  readonly environment: string;
  readonly redisUrl: string;
  readonly redisToken: string;
  readonly refreshMs: number;
  readonly redisTimeoutMs: number;
  readonly maxStaleMs: number;
  /** What a proxy may prove itself by; none: no proxy is believed. */
  readonly contextSecrets: readonly string[];
  /** Absent: no token is believed. */
  readonly jwt?: JwtSettings;
  /** Absent: nothing is signed. */
  readonly signingKeys?: SigningKeys;
  /** Absent: every request is evaluated. */
  readonly staticPaths?: StaticPaths;
  /** Absent: no test override is believed. */
  readonly overrideKeys?: SigningKeys;
  /** Until when unsigned cookies are taken beside keys, in milliseconds since the epoch. */
  readonly unsignedUntil?: number;
  /** Absent: exposures are not written down. */
  readonly exposures?: ExposureSettings;
}

/** The two halves are apart since they fail apart: without flags all is off, without an origin there is no site. */
export interface Environment {
  readonly origin: Checked<Origin>;
  readonly flags: Checked<FlagSettings>;
}

/** Validates every binding. Never throws. */
export function readEnvironment(bindings: Bindings): Environment {
  return { origin: readOrigin(bindings), flags: readFlagSettings(bindings) };
}

function readOrigin({ ORIGIN: fetcher, ORIGIN_URL: given }: Bindings): Checked<Origin> {
  if (typeof fetcher === "object" && fetcher !== null) return { value: { kind: "binding", fetcher } };
  if (given === undefined || given === "") {
    return {
      problems: ["ORIGIN_URL is not set: set it (or a service binding named ORIGIN) in wrangler.toml"],
    };
  }
  const url = parseUrl(given);
  if (url === undefined) {
    return { problems: ["ORIGIN_URL must be an http or https URL such as https://origin.example.com"] };
  }
  if (url.pathname !== "/" || url.search !== "" || url.hash !== "" || url.username !== "") {
    return {
      problems: ["ORIGIN_URL must be scheme, host and port only: leave out path, query and user name"],
    };
  }
  return { value: { kind: "url", base: url.origin } };
}

function readFlagSettings(bindings: Bindings): Checked<FlagSettings> {
  const read = readBindings(bindings);
  const jwt = readJwtSettings(read);
  const signingKeys = readSigningKeys(read);
  const jwtSecrets = jwt?.keys.kind === "secret" ? jwt.keys.secrets : [];
  const staticPaths = readStaticPaths(read);
  const overrideKeys = readOverrideKeys(read, { signingKeys, jwtSecrets });
  const unsignedUntil = readUnsignedUntil(read);
  const exposures = readExposureSettings(read);
  const settings: FlagSettings = {
    environment: read.text(
      "SLUICE_ENV",
      `set it in wrangler.toml to the publisher's SLUICE_ENV, matching ${ENVIRONMENT_PATTERN.source}`,
      (value) => ENVIRONMENT_PATTERN.test(value),
    ),
    redisUrl: read.text(
      "UPSTASH_REDIS_REST_URL",
      "run `wrangler secret put UPSTASH_REDIS_REST_URL` with the https URL of the database's REST API",
      isRestUrl,
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
    ...(jwt !== undefined && { jwt }),
    ...(signingKeys !== undefined && { signingKeys }),
    ...(staticPaths !== undefined && { staticPaths }),
    ...(overrideKeys !== undefined && { overrideKeys }),
    ...(unsignedUntil !== undefined && { unsignedUntil }),
    ...(exposures !== undefined && { exposures }),
  };
  if (settings.maxStaleMs < 3 * settings.refreshMs) {
    // Flags would switch off between two ordinary refreshes.
    read.problems.push("MAX_STALE_MS must be at least 3 times REFRESH_MS");
  }
  return read.problems.length > 0 ? { problems: read.problems } : { value: settings };
}

/** Over plain http the token could be read on the way: for a local Redis end only. */
function isRestUrl(value: string): boolean {
  const url = parseUrl(value);
  if (url === undefined || url.username !== "" || url.search !== "" || url.hash !== "") return false;
  return url.protocol === "https:" || ["localhost", "127.0.0.1", "[::1]"].includes(url.hostname);
}

function parseUrl(value: unknown): URL | undefined {
  const url = typeof value === "string" && !/\s/.test(value) ? URL.parse(value) : null;
  return url !== null && ["http:", "https:"].includes(url.protocol) ? url : undefined;
}
