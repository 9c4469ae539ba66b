import { bucketU32, isWithin } from "../../shared/bucketing/bucket.ts";
import type { BindingReader } from "../isolate/bindings.ts";
import { toHex } from "../isolate/bytes.ts";
import { toFault, type Report } from "../isolate/fault.ts";
import type { Evaluation } from "./evaluation.ts";

/** Which exposures the worker logs. */
export interface ExposureSettings {
  /** The share of people, in hundredths of a percent, from 1 to 10,000. */
  readonly basisPoints: number;
  /** The log shows the HMAC of each targeting key with this secret; absent: it shows targeting keys as they are. */
  readonly hmacKey?: string;
}

/** Logs a request's exposures, behind the answer. Never rejects. */
export type Expose = (evaluation: Evaluation) => Promise<void>;

interface ExposeOptions extends ExposureSettings {
  readonly report: Report;
  /** Where lines go. */
  readonly write?: (line: string) => void;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/** One line of the log. */
interface Line {
  readonly sluice: "exposure";
  readonly at: string;
  readonly epoch: number;
  readonly revision: number;
  readonly targeting_key?: string;
  /** Lower-case hex of HMAC-SHA256 over the UTF-8 of the targeting key. */
  readonly targeting_key_hmac?: string;
  /** "off" is the control group. */
  readonly flags: readonly (readonly [flagKey: string, variant: string])[];
}

/** Shorter keys can be found by trying; `openssl rand -base64 32` makes 44 characters. */
const MIN_KEY_LENGTH = 32;

/** The salt of the sample. No flag can have it, so the sample is independent of every flag's buckets. */
const SAMPLE_SALT = "sluice:exposures";

/** For this long an isolate does not repeat a line for the same person: a page is many requests. */
const QUIET_MS = 600_000;

/** Longer lines could be cut off: Logpush keeps 16,384 characters of a request. */
const MAX_FLAGS = 100;

/** About 200 bytes each. */
const MAX_REMEMBERED = 5_000;

const encoder = new TextEncoder();

/** Reads EXPOSURES_SAMPLE and EXPOSURES_HMAC_KEY; undefined when nothing is logged. */
export function readExposureSettings(read: BindingReader): ExposureSettings | undefined {
  if (!read.has("EXPOSURES_SAMPLE")) return undefined;
  const sample = read.text(
    "EXPOSURES_SAMPLE",
    'set it to the share of people as a text from "0" to "1" with at most four decimals, such as "0.05"',
    (value) => /^(?:0(?:\.\d{1,4})?|1(?:\.0{1,4})?)$/.test(value),
  );
  const hmacKey = read.has("EXPOSURES_HMAC_KEY")
    ? read.text(
        "EXPOSURES_HMAC_KEY",
        `use at least ${MIN_KEY_LENGTH} characters, or remove it if the log may contain targeting keys`,
        (value) => value.length >= MIN_KEY_LENGTH,
      )
    : undefined;
  const basisPoints = Math.round(Number(sample) * 10_000);
  return basisPoints === 0 ? undefined : { basisPoints, ...(hmacKey !== undefined && { hmacKey }) };
}

/**
 * Logs one line per request, and one more for each further hundred flags: logs are billed by the line. Logs only
 * percentage decisions: users admitted by a list, plan or unconditional rule have no control group. The sample is chosen
 * by targeting key, so that it contains all exposures of a person, or none.
 */
export function createExpose(options: ExposeOptions): Expose {
  const { basisPoints, hmacKey, report, write = console.log, now = Date.now } = options;
  const quietUntil = new Map<string, number>();

  function isNews(line: string): boolean {
    const at = now();
    if (at < (quietUntil.get(line) ?? 0)) return false;
    const [oldest] = quietUntil.keys();
    if (oldest !== undefined && quietUntil.size >= MAX_REMEMBERED) quietUntil.delete(oldest);
    // Deleted first: a map keeps a key at its old position when it is set again.
    quietUntil.delete(line);
    quietUntil.set(line, at + QUIET_MS);
    return true;
  }

  async function toPerson(targetingKey: string): Promise<Pick<Line, "targeting_key" | "targeting_key_hmac">> {
    if (hmacKey === undefined) return { targeting_key: targetingKey };
    return { targeting_key_hmac: await hmacHex(hmacKey, targetingKey) };
  }

  return async function expose({ visitor, reading, decided }) {
    try {
      const { targetingKey } = visitor.context;
      const flags = percentageDecisions(decided);
      if (targetingKey === undefined || reading.cached === undefined || flags.length === 0) return;
      if (!isWithin(await bucketU32(SAMPLE_SALT, targetingKey), basisPoints)) return;
      if (!isNews(JSON.stringify([targetingKey, flags]))) return;
      const { epoch, revision } = reading.cached.head;
      const person = await toPerson(targetingKey);
      const at = new Date(now()).toISOString();
      for (let first = 0; first < flags.length; first += MAX_FLAGS) {
        const some = flags.slice(first, first + MAX_FLAGS);
        const line = { sluice: "exposure", at, epoch, revision, ...person, flags: some } satisfies Line;
        write(JSON.stringify(line));
      }
    } catch (error) {
      report(toFault(error));
    }
  };
}

/** The flags that a percentage decided for this person, with the variants. A test override has no control group. */
function percentageDecisions(decided: Evaluation["decided"]): Line["flags"] {
  // Beyond MAX_STALE_MS each flag follows its fail_mode, so the groups would not be comparable.
  if (decided === undefined || decided.stale) return [];
  const { compiled, decisions } = decided;
  return compiled.flags.flatMap(({ key }, position) => {
    const decision = decisions[position];
    return decision?.reason === "SPLIT" ? [[key, decision.variant] as const] : [];
  });
}

async function hmacHex(secret: string, text: string): Promise<string> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", encoder.encode(secret), algorithm, false, ["sign"]);
  return toHex(new Uint8Array(await crypto.subtle.sign("HMAC", key, encoder.encode(text))));
}
