import type { EvaluationContext } from "../../shared/flag/context.ts";

/** Where the connection comes from, as Cloudflare reports in `request.cf`. */
interface Cf {
  readonly country?: unknown;
  readonly regionCode?: unknown;
  readonly continent?: unknown;
  readonly isEUCountry?: unknown;
}

/** Codes of ISO 3166 and of Cloudflare's own (`T1` is Tor); they need no escaping anywhere. */
const CODE = /^[A-Za-z0-9-]{1,8}$/;

/**
 * The attributes `country` (ISO 3166-1 alpha-2), `region` (the part behind the dash of ISO 3166-2: `CA`, `BY`),
 * `continent` (`EU`) and `isEUCountry`. A client cannot change them.
 *
 * @param cf `request.cf`; absent outside Cloudflare, where nothing is known
 */
export function toLocation(cf: unknown): EvaluationContext {
  const { country, regionCode, continent, isEUCountry }: Cf = typeof cf === "object" && cf !== null ? cf : {};
  if (!isCode(country)) return {};
  return {
    country,
    ...(isCode(regionCode) && { region: regionCode }),
    ...(isCode(continent) && { continent }),
    // Cloudflare sends "1", or nothing.
    isEUCountry: isEUCountry === "1",
  };
}

function isCode(value: unknown): value is string {
  return typeof value === "string" && CODE.test(value);
}

/**
 * Adds a location to a verified source's attributes, which take precedence. When the source names another country, the
 * whole location is dropped: a region of one country must not be combined with another country.
 */
export function withLocation(verified: EvaluationContext, location: EvaluationContext): EvaluationContext {
  const { country = location.country } = verified;
  return country === location.country ? { ...location, ...verified } : verified;
}
