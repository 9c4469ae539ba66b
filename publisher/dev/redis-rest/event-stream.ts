import type { ServerResponse } from "node:http";
import type { RedisLink } from "./redis-link.ts";

/** The source of events for `/subscribe`, `/psubscribe` or `/monitor`. */
export type Source =
  | { readonly kind: "subscribe" | "psubscribe"; readonly names: readonly string[] }
  | { readonly kind: "monitor" };

/** Answers with Server-Sent Events in Upstash's format until the client disconnects. */
export async function streamEvents(source: Source, link: RedisLink, response: ServerResponse): Promise<void> {
  const connection = await link.open();
  if (response.destroyed) return connection.destroy();
  response.once("close", () => {
    if (connection.isOpen) connection.destroy();
  });
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  response.flushHeaders();
  const write = (event: string): void => {
    if (!response.destroyed) response.write(toEvent(event));
  };

  if (source.kind === "monitor") {
    write('"OK"');
    await connection.monitor(write);
    return;
  }
  const confirmed = Promise.withResolvers<void>();
  // A message may be in the same packet as the confirmation, but must be sent after it.
  const onceConfirmed = (event: string): void => void confirmed.promise.then(() => write(event));
  for (const name of source.names) {
    await (source.kind === "subscribe"
      ? connection.subscribe(name, (message, channel) => onceConfirmed(`message,${channel},${message}`))
      : connection.pSubscribe(name, (message, channel) =>
          onceConfirmed(`pmessage,${name},${channel},${message}`),
        ));
  }
  for (const [index, name] of source.names.entries()) write(`${source.kind},${name},${index + 1}`);
  confirmed.resolve();
}

/** A line break in a message starts another data line of the same event. */
function toEvent(text: string): string {
  return `${text
    .split(/\r\n|[\r\n]/)
    .map((line) => `data: ${line}\n`)
    .join("")}\n`;
}
