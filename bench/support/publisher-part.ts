import type { PublisherConfig } from "../../publisher/config.ts";
import { servePublisher } from "../../publisher/serve.ts";
import { servePart } from "./part.ts";

export type PublisherOptions = Omit<PublisherConfig, "migrationDatabaseUrl">;

export interface PublisherStarted {
  readonly url: string;
}

export interface PublisherCounts {
  /** How often Redis was written. */
  readonly publishes: number;
  /** Log events that report a failure; empty in a good run. */
  readonly faults: readonly string[];
}

servePart<PublisherStarted, PublisherCounts>(async (options) => {
  let publishes = 0;
  const faults = new Set<string>();
  const publisher = await servePublisher(options as PublisherOptions, (event, fields) => {
    if (event === "publish.done") publishes += 1;
    else if (/failed|lost/.test(event)) faults.add(`${event} ${JSON.stringify(fields)}`);
  });
  return {
    started: { url: publisher.url },
    counts: () => ({ publishes, faults: [...faults] }),
    stop: () => publisher.stop(),
  };
});
