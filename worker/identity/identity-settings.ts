import type { BindingReader } from "../isolate/bindings.ts";

/** The shortest secret: whoever guesses it is any user he likes. */
const MIN_SECRET_LENGTH = 16;

/**
 * Reads `CONTEXT_SECRET`, and `CONTEXT_SECRET_PREVIOUS`, which holds while the proxies change over.
 *
 * @returns what a proxy may prove itself by; nothing where no proxy is believed
 */
export function readContextSecrets(read: BindingReader): readonly string[] {
  const names = ["CONTEXT_SECRET", "CONTEXT_SECRET_PREVIOUS"] as const;
  const mend = `use at least ${MIN_SECRET_LENGTH} characters, or remove it if no proxy is to be believed`;
  return names
    .filter((name) => read.has(name))
    .map((name) => read.text(name, mend, (value) => value.length >= MIN_SECRET_LENGTH));
}

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
