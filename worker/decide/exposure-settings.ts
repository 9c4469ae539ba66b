import type { BindingReader } from "../isolate/bindings.ts";

/** Which exposures the worker writes into its log. */
export interface ExposureSettings {
  /** The share of people, in hundredths of a percent, from 1 to 10,000. */
  readonly basisPoints: number;
  /** Written in place of targeting keys is their HMAC by this; absent: they are written as they are. */
  readonly hmacKey?: string;
}

/** Shorter ones can be found by trying; `openssl rand -base64 32` gives 44 characters. */
const MIN_KEY_LENGTH = 32;

/** EXPOSURES_SAMPLE and EXPOSURES_HMAC_KEY; undefined when nothing is to be written. */
export function readExposureSettings(read: BindingReader): ExposureSettings | undefined {
  if (!read.has("EXPOSURES_SAMPLE")) return undefined;
  const sample = read.text(
    "EXPOSURES_SAMPLE",
    'use the share of people as a text from "0" to "1" with at most four decimals, as "0.05"',
    (value) => /^(?:0(?:\.\d{1,4})?|1(?:\.0{1,4})?)$/.test(value),
  );
  const hmacKey = read.has("EXPOSURES_HMAC_KEY")
    ? read.text(
        "EXPOSURES_HMAC_KEY",
        `use at least ${MIN_KEY_LENGTH} characters, or remove it if targeting keys may stand in the log`,
        (value) => value.length >= MIN_KEY_LENGTH,
      )
    : undefined;
  const basisPoints = Math.round(Number(sample) * 10_000);
  return basisPoints === 0 ? undefined : { basisPoints, ...(hmacKey !== undefined && { hmacKey }) };
}
