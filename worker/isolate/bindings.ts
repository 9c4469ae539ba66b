import type { Parsed } from "../../shared/flag/fault.ts";

/** The variables, secrets and bindings that wrangler provides. Any of them may be missing or wrong. */
export interface Bindings {
  readonly ORIGIN?: Fetcher;
  readonly ORIGIN_URL?: unknown;
  readonly UPSTASH_REDIS_REST_URL?: unknown;
  readonly UPSTASH_REDIS_REST_TOKEN?: unknown;
  readonly SLUICE_ENV?: unknown;
  readonly REFRESH_MS?: unknown;
  readonly REDIS_TIMEOUT_MS?: unknown;
  readonly MAX_STALE_MS?: unknown;
  readonly CONTEXT_SECRET?: unknown;
  readonly CONTEXT_SECRET_PREVIOUS?: unknown;
  readonly SIGNING_KEYS?: unknown;
  readonly STATIC_PATHS?: unknown;
  readonly OVERRIDE_KEYS?: unknown;
  readonly UNSIGNED_COOKIES_UNTIL?: unknown;
  readonly EXPOSURES_SAMPLE?: unknown;
  readonly EXPOSURES_HMAC_KEY?: unknown;
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

/** A problem names the variable and how to fix it; never its value, which may be a secret. */
export type Checked<T> = { readonly value: T } | { readonly problems: readonly string[] };

/** Reads bindings and collects every problem, so that one log line lists them all. */
export interface BindingReader {
  /** Each names the variable and how to fix it; never a value, which may be a secret. */
  readonly problems: string[];
  /** Whether the variable is set; an empty text counts as not set. */
  has(name: keyof Bindings): boolean;
  /** A required text. Where it is missing or not valid, `fix` says what to do. */
  text(name: keyof Bindings, fix: string, isValid: (value: string) => boolean): string;
  /** A text that `parse` accepts; undefined when the variable is not set or not valid. */
  parsed<T>(name: keyof Bindings, parse: (text: string) => Parsed<T>): T | undefined;
  /** A whole number from `min` to `max`, of `unit`. */
  integer(name: keyof Bindings, fallback: number, min: number, max: number, unit?: string): number;
}

/**
 * Parses a URL with secrets or keys behind it. Over plain http they could be read or replaced on the way, so http is
 * allowed for a local server only.
 */
export function secureUrl(text: string): URL | undefined {
  const url = /\s/.test(text) ? null : URL.parse(text);
  if (url === null || url.username !== "" || url.hash !== "") return undefined;
  const isLocal = ["localhost", "127.0.0.1", "[::1]"].includes(url.hostname);
  return url.protocol === "https:" || (url.protocol === "http:" && isLocal) ? url : undefined;
}

export function readBindings(bindings: Bindings): BindingReader {
  const problems: string[] = [];
  const has = (name: keyof Bindings): boolean => bindings[name] !== undefined && bindings[name] !== "";
  return {
    problems,
    has,
    text(name, fix, isValid) {
      const value = bindings[name];
      if (typeof value === "string" && value !== "" && isValid(value)) return value;
      problems.push(has(name) ? `${name}: ${fix}` : `${name} is not set: ${fix}`);
      return "";
    },
    parsed(name, parse) {
      if (!has(name)) return undefined;
      const value = bindings[name];
      const parsed = typeof value === "string" ? parse(value) : { problem: "must be a text" };
      if ("value" in parsed) return parsed.value;
      problems.push(`${name}: ${parsed.problem}`);
      return undefined;
    },
    integer(name, fallback, min, max, unit = "milliseconds") {
      const value = bindings[name] ?? fallback;
      const number = typeof value === "string" && /^\d{1,12}$/.test(value) ? Number(value) : value;
      if (typeof number === "number" && Number.isInteger(number) && number >= min && number <= max) {
        return number;
      }
      problems.push(`${name} must be a whole number of ${unit} from ${min} to ${max}`);
      return fallback;
    },
  };
}
