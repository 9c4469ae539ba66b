import { bucketU32, isWithin } from "../../shared/bucketing/bucket.ts";
import type { Evaluation } from "./evaluation.ts";
import type { ExposureSettings } from "./exposure-settings.ts";
import { toFault } from "../isolate/fault.ts";
import type { Report } from "../isolate/report.ts";

/** Writes down what somebody met; never rejects. It is done behind the answer. */
export type Expose = (evaluation: Evaluation) => Promise<void>;

interface ExposeOptions extends ExposureSettings {
  readonly report: Report;
  /** Where the line goes. */
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

/** The salt of the sample: no flag can have it, so nobody's place in a flag has to do with being sampled. */
const SAMPLE_SALT = "sluice:exposures";

/** For so long an isolate does not write the same of the same person again: a page is many requests. */
const QUIET_MS = 600_000;

/** More in one line could be cut off on its way: Logpush keeps 16,384 characters of a request. */
const MAX_FLAGS = 100;

/** About 200 bytes each. */
const MAX_REMEMBERED = 5_000;

const encoder = new TextEncoder();

/**
 * Writes one line a request, and one more for each further hundred flags: a log is billed by the line. Only flags that were drawn stand in it, since whoever is in by
 * a list, a plan or a rule without a percentage has no control group. Whose exposures are written is drawn by the
 * targeting key, so that those of a person are complete.
 */
export function createExpose(options: ExposeOptions): Expose {
  const { basisPoints, hmacKey, report, write = console.log, now = Date.now } = options;
  const quietUntil = new Map<string, number>();

  function isNews(line: string): boolean {
    const at = now();
    if (at < (quietUntil.get(line) ?? 0)) return false;
    const [oldest] = quietUntil.keys();
    if (oldest !== undefined && quietUntil.size >= MAX_REMEMBERED) quietUntil.delete(oldest);
    // Deleted first: a key that is set again keeps its old place.
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
      const flags = drawnOf(decided);
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

/** Flags whose share or variant was drawn for this person, with what came out; a test override is nobody's outcome. */
function drawnOf(decided: Evaluation["decided"]): Line["flags"] {
  // Beyond MAX_STALE_MS it is fail_mode that decides, for some flags and not for others.
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
  const mac = new Uint8Array(await crypto.subtle.sign("HMAC", key, encoder.encode(text)));
  return Array.from(mac, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
