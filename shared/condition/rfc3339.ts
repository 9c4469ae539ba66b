/** A moment: whole seconds since 1970-01-01T00:00:00Z, plus nanoseconds. */
export interface Instant {
  readonly seconds: number;
  readonly nanoseconds: number;
}

// The date, the time with an optional fraction, and "Z" or an offset (RFC 3339, section 5.6).
const TIMESTAMP = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;

const DAYS_BEFORE_MONTH = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
const DAYS_OF_MONTH = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Days from 0000-01-01 to 1970-01-01 in the proleptic Gregorian calendar. */
const DAYS_TO_1970 = 719_528;

const DAY = 86_400;

/**
 * Reads an RFC 3339 timestamp such as `2026-07-01T00:00:00Z` or `2026-07-01t02:00:00.25+02:00`. It does not use `Date`,
 * which accepts many other formats and has no nanoseconds. Digits beyond nanoseconds are cut off.
 *
 * @returns undefined for everything else, such as February 30 or a time without an offset
 */
export function parseTimestamp(value: unknown): Instant | undefined {
  const parts = typeof value === "string" ? TIMESTAMP.exec(value) : null;
  if (parts === null) return undefined;
  const part = (index: number): number => Number(parts[index] ?? 0);

  const [year, month, day] = [part(1), part(2), part(3)];
  const [hour, minute, second] = [part(4), part(5), part(6)];
  const [offsetHours, offsetMinutes] = [part(9), part(10)];
  if (month < 1 || month > 12 || day < 1 || day > daysOfMonth(year, month)) return undefined;
  if (hour > 23 || minute > 59 || second > 60 || offsetHours > 23 || offsetMinutes > 59) return undefined;

  const offset = (offsetHours * 60 + offsetMinutes) * 60 * (parts[8] === "-" ? -1 : 1);
  const seconds = daysSince1970(year, month, day) * DAY + (hour * 60 + minute) * 60 + second - offset;
  // A leap second is only valid at the end of a UTC month. It counts as the first second of the next month.
  if (second === 60 && !isMonthBoundary(seconds, year, month)) return undefined;
  return { seconds, nanoseconds: Number((parts[7] ?? "").slice(0, 9).padEnd(9, "0")) };
}

/** @returns below, equal to or above 0 */
export function compareInstants(left: Instant, right: Instant): number {
  return left.seconds - right.seconds || left.nanoseconds - right.nanoseconds;
}

function isLeapYear(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

function daysOfMonth(year: number, month: number): number {
  return month === 2 && isLeapYear(year) ? 29 : (DAYS_OF_MONTH[month - 1] ?? 0);
}

function daysSince1970(year: number, month: number, day: number): number {
  const past = year - 1;
  // Leap days of the years before this one. The quotients leave out the year 0, hence + 1.
  const leapDays = Math.floor(past / 4) - Math.floor(past / 100) + Math.floor(past / 400) + 1;
  const leapDay = month > 2 && isLeapYear(year) ? 1 : 0;
  return year * 365 + leapDays + (DAYS_BEFORE_MONTH[month - 1] ?? 0) + leapDay + day - 1 - DAYS_TO_1970;
}

/** Whether a moment is midnight UTC on the first of a month: the given one or the next, because offsets are below a day. */
function isMonthBoundary(seconds: number, year: number, month: number): boolean {
  const next = month === 12 ? daysSince1970(year + 1, 1, 1) : daysSince1970(year, month + 1, 1);
  return seconds === daysSince1970(year, month, 1) * DAY || seconds === next * DAY;
}
