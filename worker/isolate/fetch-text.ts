import { WorkerFault } from "./fault.ts";

/** Without a buffer of this size, a megabyte arrives in 256 pieces, each a step out of JavaScript and back. */
const CHUNK_BYTES = 65_536;

/**
 * Reads the text of an answer. Bytes are counted, since an announced length cannot be relied on.
 *
 * @throws the error of `tooLarge`, when there are more than `maxBytes`
 */
export async function readBoundedText(
  { body }: Response,
  maxBytes: number,
  tooLarge: () => WorkerFault,
): Promise<string> {
  if (body === null) return "";
  const reader = body.getReader({ mode: "byob" });
  const decoder = new TextDecoder();
  let bytes = 0;
  let text = "";
  for (let buffer = new Uint8Array(CHUNK_BYTES); ;) {
    const { value, done } = await reader.readAtLeast(CHUNK_BYTES, buffer);
    if (value !== undefined) {
      bytes += value.byteLength;
      text += decoder.decode(value, { stream: true });
    }
    if (bytes > maxBytes) {
      await reader.cancel();
      throw tooLarge();
    }
    if (done || value === undefined) return text + decoder.decode();
    buffer = new Uint8Array(value.buffer);
  }
}

/** Turns the error of a fetch into a fault. Its text may quote anything, so only its name is used. */
export function toFetchFault(
  error: unknown,
  late: () => WorkerFault,
  unreachable: (name: string) => WorkerFault,
): WorkerFault {
  if (error instanceof WorkerFault) return error;
  const name = error instanceof Error ? error.name : typeof error;
  return name === "TimeoutError" || name === "AbortError" ? late() : unreachable(name);
}
