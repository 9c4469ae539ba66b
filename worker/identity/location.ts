import type { EvaluationContext } from "../../shared/flag/context.ts";

/** Where the connection comes from, as Cloudflare says in `request.cf`. */
interface Cf {
  readonly country?: unknown;
  readonly regionCode?: unknown;
  readonly continent?: unknown;
  readonly isEUCountry?: unknown;
}

/** Codes of ISO 3166 and of Cloudflare's own (`T1` is Tor), as texts that need no care anywhere. */
const CODE = /^[A-Za-z0-9-]{1,8}$/;

/**
 * The attributes `country` (ISO 3166-1 alpha-2), `region` (the part behind the dash of ISO 3166-2: `CA`, `BY`),
 * `continent` (`EU`) and `isEUCountry`. Nothing that a client sends can change them.
 *
 * @param cf `request.cf`; absent outside Cloudflare, and then nothing is known
 */
export function toLocation(cf: unknown): EvaluationContext {
  const { country, regionCode, continent, isEUCountry }: Cf = typeof cf === "object" && cf !== null ? cf : {};
  if (!isCode(country)) return {};
  return {
    country,
    ...(isCode(regionCode) && { region: regionCode }),
    ...(isCode(continent) && { continent }),
    // Cloudflare says "1", or nothing.
    isEUCountry: isEUCountry === "1",
  };
}

function isCode(value: unknown): value is string {
  return typeof value === "string" && CODE.test(value);
}

/**
 * Puts a location under what a verified source says: its own attributes win. Where it names another country, nothing
 * of the location counts, or there would be a region of one country in another.
 */
export function withLocation(verified: EvaluationContext, location: EvaluationContext): EvaluationContext {
  const { country = location.country } = verified;
  return country === location.country ? { ...location, ...verified } : verified;
}
