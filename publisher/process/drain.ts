import { once } from "node:events";
import type { Server } from "node:http";
import { withinTime } from "./within-time.ts";

/** How often idle connections are closed, in milliseconds. */
const LOOK_MS = 50;

/**
 * Accepts no new connection, and answers the open requests.
 *
 * @param limitMs then closes the other connections: a client that never ends its request must not delay the stop
 * @returns whether every request was answered
 */
export async function drain(server: Server, limitMs: number): Promise<boolean> {
  const closed = once(server, "close");
  // Otherwise a client could send further requests on its connection without end.
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
