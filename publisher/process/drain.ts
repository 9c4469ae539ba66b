import { once } from "node:events";
import type { Server } from "node:http";
import { withinTime } from "./within-time.ts";

/** How often connections are looked through for those that have nothing more to answer, in milliseconds. */
const LOOK_MS = 50;

/**
 * Takes no new connection, and answers what was asked.
 *
 * @param limitMs after that what is left is cut off: one client that never ends its request must not hold the stop up
 * @returns whether all was answered
 */
export async function drain(server: Server, limitMs: number): Promise<boolean> {
  const closed = once(server, "close");
  // A connection that is kept alive would bring further requests for as long as its client likes.
  server.prependListener("request", (_request, response) => response.setHeader("connection", "close"));
  server.close();
  const looking = setInterval(() => server.closeIdleConnections(), LOOK_MS);
  const isDrained = await withinTime(
    limitMs,
    closed.then(() => true),
    () => false,
  );
  clearInterval(looking);
  if (!isDrained) server.closeAllConnections();
  await closed;
  return isDrained;
}
