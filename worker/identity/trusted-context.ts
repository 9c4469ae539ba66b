import { parseContext, type EvaluationContext } from "../../shared/flag/context.ts";
import type { BindingReader } from "../isolate/bindings.ts";
import { decodeBase64Url } from "../isolate/bytes.ts";
import { WorkerFault } from "../isolate/fault.ts";
import type { Claim } from "./strip.ts";
import { ANONYMOUS_PREFIX } from "./visitor/anonymous-id.ts";

/** Minimum secret length. Anyone who guesses it can impersonate any user. */
const MIN_SECRET_LENGTH = 16;

/** The longest `x-sluice-context`, in characters as sent. */
const MAX_CLAIM_LENGTH = 8_192;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Reads `CONTEXT_SECRET`, and `CONTEXT_SECRET_PREVIOUS`, which is valid while the proxies change over.
 *
 * @returns the secrets with which a proxy may prove itself; none where no proxy is trusted
 */
export function readContextSecrets(read: BindingReader): readonly string[] {
  const names = ["CONTEXT_SECRET", "CONTEXT_SECRET_PREVIOUS"] as const;
  const fix = `use at least ${MIN_SECRET_LENGTH} characters, or remove it if no proxy is trusted`;
  return names
    .filter((name) => read.has(name))
    .map((name) => read.text(name, fix, (value) => value.length >= MIN_SECRET_LENGTH));
}

/**
 * Reads a trusted proxy's claim about the user: base64url of the UTF-8 of a JSON evaluation context.
 *
 * @param secrets those of `readContextSecrets`; without secrets no claim is trusted
 * @throws WorkerFault `context-unproven` or `context-malformed`; its text quotes nothing of the claim
 */
export async function readTrustedContext(
  claim: Claim,
  secrets: readonly string[],
): Promise<EvaluationContext> {
  if (secrets.length === 0) {
    throw new WorkerFault("context-unproven", "x-sluice-context came, but CONTEXT_SECRET is not set");
  }
  if (claim.proof === null || !(await isOneOf(claim.proof, secrets))) {
    throw new WorkerFault("context-unproven", "x-sluice-context came without the right x-sluice-proof");
  }
  if (claim.context.length > MAX_CLAIM_LENGTH) {
    throw malformed(`x-sluice-context is longer than ${MAX_CLAIM_LENGTH} characters`);
  }
  const parsed = parseContext(parseClaim(claim.context));
  if ("problem" in parsed) throw malformed(`x-sluice-context: ${parsed.problem}`);
  if (parsed.context.userId?.startsWith(ANONYMOUS_PREFIX)) {
    throw malformed(`x-sluice-context: a user id must not begin with "${ANONYMOUS_PREFIX}"`);
  }
  return parsed.context;
}

function parseClaim(text: string): unknown {
  try {
    return JSON.parse(decoder.decode(decodeBase64Url(text)));
  } catch {
    throw malformed("x-sluice-context must be base64url of a JSON object in UTF-8");
  }
}

/** Compares digests, which have one length, in constant time: comparing the texts would leak the secret. */
async function isOneOf(given: string, secrets: readonly string[]): Promise<boolean> {
  const [digest, ...expected] = await Promise.all(
    [given, ...secrets].map((text) => crypto.subtle.digest("SHA-256", encoder.encode(text))),
  );
  return digest !== undefined && expected.some((one) => crypto.subtle.timingSafeEqual(digest, one));
}

function malformed(detail: string): WorkerFault {
  return new WorkerFault("context-malformed", detail);
}
