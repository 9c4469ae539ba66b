import type { IncomingMessage } from "node:http";
import { Fault } from "./fault.ts";

/** Upstash's limit for one request, in bytes. */
const maxRequestBytes = 10 * 1024 * 1024;

/** Beyond this nobody waits for the end of a body that is refused anyway. */
const patienceBytes = 10 * maxRequestBytes;

/** The whole body. One above the limit is read to its end first: an answer in mid-upload would reach the client as a reset connection. */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= maxRequestBytes) chunks.push(chunk);
    else chunks.length = 0;
    if (size > patienceBytes) break;
  }
  if (size > maxRequestBytes) {
    throw new Fault(
      413,
      `ERR max request size exceeded. Limit: ${maxRequestBytes} bytes, Actual: ${size} bytes`,
    );
  }
  return Buffer.concat(chunks);
}
