import type { BindingReader } from "./binding-reader.ts";

/**
 * Reads `UNSIGNED_COOKIES_UNTIL`: until the beginning of that day (UTC), cookies from before there were SIGNING_KEYS are
 * taken and signed.
 *
 * @returns milliseconds since the epoch; undefined when it is not set, or wrong
 */
export function readUnsignedUntil(read: BindingReader): number | undefined {
  if (!read.has("UNSIGNED_COOKIES_UNTIL")) return undefined;
  const text = read.text(
    "UNSIGNED_COOKIES_UNTIL",
    "must be a date such as 2027-03-31, or be removed",
    isDate,
  );
  return text === "" ? undefined : Date.parse(text);
}

/** Whether a text is a day that there is: `Date.parse` alone would make 2027-03-03 of 2027-02-31. */
function isDate(text: string): boolean {
  const day = /^\d{4}-\d{2}-\d{2}$/.test(text) ? new Date(text) : undefined;
  return day !== undefined && !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text);
}
