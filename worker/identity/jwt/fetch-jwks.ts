import { Fault } from "../../isolate/fault.ts";
import { importJwks, type VerificationKey } from "./jwt-keys.ts";
import type { JwtAlgorithm } from "./jwt-algorithms.ts";

/** How long an issuer may take for all of its answer, in milliseconds. Behind an answer nobody waits for it. */
export const JWKS_TIMEOUT_MS = 5_000;

/** A hundred keys with their certificates; an isolate's 128 MB are for all. */
const MAX_BYTES = 262_144;

/**
 * Asks an issuer for its keys.
 *
 * @throws Fault `jwt-keys`, with what was answered instead and nothing of its content
 */
export async function fetchJwks(
  url: string,
  algorithms: readonly JwtAlgorithm[],
  fetch: typeof globalThis.fetch,
): Promise<readonly VerificationKey[]> {
  let text: string;
  try {
    const response = await fetch(url, {
      headers: { accept: "application/jwk-set+json, application/json" },
      // A key that was just added must be seen, and a redirect could lead to anybody's keys.
      cache: "no-store",
      redirect: "manual",
      signal: AbortSignal.timeout(JWKS_TIMEOUT_MS),
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw unusable(`answered with status ${response.status} instead of 200`);
    }
    text = await readText(response);
  } catch (error) {
    if (error instanceof Fault) throw error;
    const name = error instanceof Error ? error.name : typeof error;
    const isLate = name === "TimeoutError" || name === "AbortError";
    throw unusable(isLate ? `did not answer within ${JWKS_TIMEOUT_MS} ms` : `could not be reached (${name})`);
  }
  const keys = await importJwks(parseJson(text), algorithms);
  if (keys === undefined) throw unusable("did not answer with a JSON Web Key Set");
  return keys;
}

/** What comes is counted: no length that is announced can be relied on. */
async function readText(response: Response): Promise<string> {
  if (response.body === null) return "";
  const decoder = new TextDecoder();
  let bytes = 0;
  let text = "";
  for await (const chunk of response.body as ReadableStream<Uint8Array>) {
    bytes += chunk.byteLength;
    if (bytes > MAX_BYTES) throw unusable(`answered with more than ${MAX_BYTES} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function unusable(what: string): Fault {
  return new Fault("jwt-keys", `JWT_JWKS_URL ${what}`);
}
